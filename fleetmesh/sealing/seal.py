"""The seal of a folder: check sums, a signature, a time stamp, and all of it as one file."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fleetmesh.evidence import sums
from fleetmesh.evidence.files import replacing
from fleetmesh.evidence.sums import SIGNATURE, STAMP, SUMS, Refused
from fleetmesh.sealing import bundle, signature
from fleetmesh.sealing.authority import ask
from fleetmesh.sealing.signature import Signer
from fleetmesh.sealing.timestamp import Stamp, covered, read


@dataclass(frozen=True)
class Sealed:
    """The bundle that was made, its SHA-256, who signed and who stamped it, the block about it."""

    bundle: Path
    digest: str
    signer: Signer | None
    stamp: Stamp | None = None
    workplan: Path | None = None


def seal(folder: Path, key: Path | None = None, authority: str | None = None) -> Sealed:
    """Seal `folder` as it lies, and pack it beside itself; `fleetmesh.sealing` brings it there.

    `authority` is the address of who is to stamp it. One already sealed is only signed, stamped and
    packed again. Raises Refused where it was changed since, or holds what cannot be packed, or one
    of the two refuses; the folder is then as it was.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise Refused(f"{folder}: there is no such folder")
    fresh = not (folder / SUMS).exists()
    if fresh:
        _write(folder / bundle.SEAL, bundle.seal_file())
        _write(folder / SUMS, sums.lines(folder).encode())
    elif amiss := sums.differences(folder):
        raise Refused(f"{folder.name} was changed after it was sealed: {'; '.join(amiss)}")
    try:
        _vouch(folder, key, authority)
    except BaseException:
        if fresh:
            for name in (SUMS, bundle.SEAL):
                (folder / name).unlink(missing_ok=True)
        raise
    target = folder.with_name(f"{folder.name}{bundle.SUFFIX}")
    return Sealed(target, bundle.pack(folder, target), _signer(folder), _stamp(folder))


def _vouch(folder: Path, key: Path | None, authority: str | None) -> None:
    """Have it signed and stamped elsewhere, and lay both here once they are there."""
    if key and not authority and (folder / STAMP).exists():
        raise Refused(
            f"{folder / STAMP} is of the signature that is there: say --timestamp as well, for one "
            "of the new signature"
        )
    made = {}
    with TemporaryDirectory(prefix="fleet-mesh-") as place:
        about = covered(folder)
        if key:
            about = Path(place, SIGNATURE)
            copy = Path(place, SUMS)
            copy.write_bytes((folder / SUMS).read_bytes())
            signature.sign(copy, key)
            made[SIGNATURE] = about.read_bytes()
        if authority:
            made[STAMP] = ask(authority, about.read_bytes())
    if SIGNATURE in made:
        (folder / STAMP).unlink(missing_ok=True)  # never one beside another signature
    for name, content in made.items():
        _write(folder / name, content)


def _signer(folder: Path) -> Signer | None:
    file = folder / SIGNATURE
    return signature.read(file.read_bytes()) if file.exists() else None


def _stamp(folder: Path) -> Stamp | None:
    file = folder / STAMP
    return read(file.read_bytes(), covered(folder).read_bytes()) if file.exists() else None


def _write(file: Path, content: bytes) -> None:
    """Write the whole file or none: one that breaks off would look like a seal."""
    try:
        with replacing(file) as opened:
            opened.write(content)
    except OSError as error:
        raise Refused(f"{file} cannot be written: {error.strerror}") from None
