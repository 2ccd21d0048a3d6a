"""Sealing a run's folder: from here on, every change shows."""

from dataclasses import dataclass
from pathlib import Path

from fleetmesh.evidence import bundle, signature, sums
from fleetmesh.evidence.closing import close
from fleetmesh.evidence.journal import EVENTS, PLAN
from fleetmesh.evidence.signature import Signer
from fleetmesh.evidence.sums import SIGNATURE, SUMS, Refused

DRILL = "drill.json"


@dataclass(frozen=True)
class Sealed:
    """The bundle that was made, its SHA-256, and who signed it, if anybody."""

    bundle: Path
    digest: str
    signer: Signer | None


def seal(folder: Path, key: Path | None = None) -> Sealed:
    """Seal the folder of a run or a drill, and pack it beside itself.

    A run that broke off is closed as INCOMPLETE first. A folder already sealed is only signed and
    packed again. Raises Refused where the folder is not what sealing can vouch for, BrokenRecord
    and CannotRecord where the record is not, or still grows.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise Refused(f"{folder}: there is no such folder")
    if (folder / SUMS).exists():
        amiss = sums.differences(folder)
        if amiss:
            raise Refused(f"{folder.name} was changed after it was sealed: {'; '.join(amiss)}")
    else:
        if any((folder / name).exists() for name in (PLAN, EVENTS)):
            close(folder)
        elif not (folder / DRILL).exists():
            raise Refused(f"{folder} holds neither a run nor a drill")
        _write(folder / bundle.SEAL, bundle.seal_file())
        _write(folder / SUMS, sums.lines(folder).encode())
    signer = signature.sign(folder / SUMS, key) if key else None
    if signer is None and (folder / SIGNATURE).exists():
        signer = signature.read((folder / SIGNATURE).read_bytes())
    target = folder.with_name(f"{folder.name}{bundle.SUFFIX}")
    return Sealed(target, bundle.pack(folder, target), signer)


def _write(file: Path, content: bytes) -> None:
    """Write the whole file or none: one that breaks off would look like a seal."""
    beside = file.with_name(f".{file.name}")
    try:
        beside.write_bytes(content)
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Refused(f"{file} cannot be written: {error.strerror}") from None
