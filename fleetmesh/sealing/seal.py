"""The seal of a folder: check sums, a signature, and all of it as one file."""

from dataclasses import dataclass
from pathlib import Path

from fleetmesh.evidence import sums
from fleetmesh.evidence.files import replacing
from fleetmesh.evidence.sums import SIGNATURE, SUMS, Refused
from fleetmesh.sealing import bundle, signature
from fleetmesh.sealing.signature import Signer


@dataclass(frozen=True)
class Sealed:
    """The bundle that was made, its SHA-256, who signed it, and the block about it, if any."""

    bundle: Path
    digest: str
    signer: Signer | None
    workplan: Path | None = None


def seal(folder: Path, key: Path | None = None) -> Sealed:
    """Seal `folder` as it lies, and pack it beside itself; `fleetmesh.sealing` brings it there.

    One already sealed is only signed and packed again. Raises Refused where it was changed since,
    or holds what cannot be packed.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise Refused(f"{folder}: there is no such folder")
    if (folder / SUMS).exists():
        amiss = sums.differences(folder)
        if amiss:
            raise Refused(f"{folder.name} was changed after it was sealed: {'; '.join(amiss)}")
    else:
        _write(folder / bundle.SEAL, bundle.seal_file())
        _write(folder / SUMS, sums.lines(folder).encode())
    signer = signature.sign(folder / SUMS, key) if key else None
    if signer is None and (folder / SIGNATURE).exists():
        signer = signature.read((folder / SIGNATURE).read_bytes())
    target = folder.with_name(f"{folder.name}{bundle.SUFFIX}")
    return Sealed(target, bundle.pack(folder, target), signer)


def _write(file: Path, content: bytes) -> None:
    """Write the whole file or none: one that breaks off would look like a seal."""
    try:
        with replacing(file) as opened:
            opened.write(content)
    except OSError as error:
        raise Refused(f"{file} cannot be written: {error.strerror}") from None
