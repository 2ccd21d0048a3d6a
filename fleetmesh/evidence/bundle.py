"""A sealed folder as one file: a tar of plain files in a fixed form, compressed in a fixed form.

The same folder gives the same bytes, so that a verifier can pack again and compare: nothing can
hide in a header, in padding, or in another way to compress the same content.
"""

import gzip
import json
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from fleetmesh.evidence.sums import Refused, names, proper
from fleetmesh.evidence.sums import digest as digest_of

SUFFIX = ".tar.gz"
SEAL = "seal.json"
"""Which zlib packed the bundle: another may compress the same content otherwise."""

LARGEST = 4 * 1024**3
MOST = 20_000
"""Limits of what is unpacked: bytes altogether, and files."""

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"  # RFC 1952: no name, no time, no system
_CHUNK = 1 << 20
_STARTED = re.compile(r"(\d{4}-\d\d-\d\dT\d{6})Z_")


@dataclass(frozen=True)
class Opened:
    """A bundle unpacked into `folder`; `compared` tells whether its container could be compared."""

    folder: Path
    compared: bool


def seal_file() -> bytes:
    """What seal.json says."""
    told = {"format": 1, "zlib": zlib.ZLIB_RUNTIME_VERSION}
    return json.dumps(told, indent=1).encode() + b"\n"


def pack(folder: Path, target: Path) -> str:
    """Write `folder` to `target`, at once or not at all; returns the SHA-256 of it.

    Raises Refused for a name that the form has no place for.
    """
    beside = target.with_name(f".{target.name}")
    try:
        with beside.open("wb") as file:
            _compress(folder, file)
        digest = digest_of(beside)
        beside.replace(target)
    except OSError as error:
        raise Refused(f"{target} cannot be written: {error.strerror}") from None
    finally:
        beside.unlink(missing_ok=True)
    return digest


@contextmanager
def opened(bundle: Path) -> Iterator[Opened]:
    """The bundle's folder, unpacked to a place of its own that is removed afterwards.

    Raises Refused for anything that `pack` would not have written.
    """
    with TemporaryDirectory(prefix="fleet-mesh-") as place:
        try:
            tar = Path(place, "tar")
            with bundle.open("rb") as source, tar.open("wb") as target:
                _decompress(source, target)
            folder = _unpack(tar, Path(place, "folder"))
            again = Path(place, "again")
            with again.open("wb") as file:
                _tar(folder, file)
            if not _same(tar, again):
                raise Refused("the archive is not as sealing packs it: a header or padding differs")
            tar.unlink()
            compared = _packed_by(folder) == zlib.ZLIB_RUNTIME_VERSION
            if compared:
                with again.open("wb") as file:
                    _compress(folder, file)
                if not _same(bundle, again):
                    raise Refused("the container differs from what sealing makes of its content")
            again.unlink()
        except OSError as error:
            raise Refused(f"{error.filename or bundle} cannot be read: {error.strerror}") from None
        yield Opened(folder, compared)


def _compress(folder: Path, file: BinaryIO) -> None:
    with gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        _tar(folder, packed)


def _tar(folder: Path, file: BinaryIO | gzip.GzipFile) -> None:
    """Plain files alone, sorted, owned by nobody, as old as the folder's name says."""
    match = _STARTED.match(folder.name)
    started = datetime.strptime(match[1], "%Y-%m-%dT%H%M%S") if match else datetime(2000, 1, 1)  # noqa: DTZ001, DTZ007 - next line
    started = started.replace(tzinfo=UTC)
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in names(folder):
            entry = tarfile.TarInfo(f"{folder.name}/{name}")
            entry.size = (folder / name).stat().st_size
            entry.mtime = int(started.timestamp())
            try:
                with (folder / name).open("rb") as content:
                    archive.addfile(entry, content)
            except ValueError as error:  # a name of more than 256 bytes, a file of over 8 GiB
                raise Refused(f"{entry.name} does not fit an archive: {error}") from None


def _decompress(source: BinaryIO, target: BinaryIO) -> None:
    if source.read(len(_HEADER)) != _HEADER:
        raise Refused("the container's header is not the one that sealing writes")
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    size, crc = 0, 0
    try:
        while not inflate.eof:
            chunk = inflate.unconsumed_tail or source.read(_CHUNK)
            if not chunk:
                raise Refused("the container is cut off")
            content = inflate.decompress(chunk, _CHUNK)
            size, crc = size + len(content), zlib.crc32(content, crc)
            if size > LARGEST:
                raise Refused(f"the container holds more than {LARGEST} bytes")
            target.write(content)
    except zlib.error:
        raise Refused("the container is damaged: it cannot be decompressed") from None
    trailer = inflate.unused_data + source.read(9)
    if trailer != crc.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little"):
        raise Refused("the container is damaged: its check sum or length is wrong, or more follows")


def _unpack(tar: Path, place: Path) -> Path:
    tops: set[str] = set()
    seen: set[str] = set()
    try:
        with tarfile.open(tar, "r:") as archive:
            for entry in archive:
                name = entry.name
                if entry.type != tarfile.REGTYPE or not proper(name) or "/" not in name:
                    raise Refused(f"the archive holds {name!r}, which is no plain file of a folder")
                if name in seen:
                    raise Refused(f"the archive holds {name} twice")
                if len(seen) == MOST:
                    raise Refused(f"the archive holds more than {MOST} files")
                seen.add(name)
                tops.add(name.partition("/")[0])
                if len(tops) > 1:
                    raise Refused(f"the archive holds more than one folder: {sorted(tops)}")
                content = archive.extractfile(entry)
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                with (place / name).open("xb") as file:
                    if content:
                        shutil.copyfileobj(content, file)
    except (tarfile.TarError, EOFError, ValueError, FileExistsError, NotADirectoryError):
        raise Refused("the archive is damaged: it cannot be unpacked") from None
    if not tops:
        raise Refused("the archive is empty")
    return place / tops.pop()


def _packed_by(folder: Path) -> str | None:
    try:
        told = json.loads((folder / SEAL).read_bytes())
    except (OSError, ValueError):
        return None
    return told.get("zlib") if isinstance(told, dict) else None


def _same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    return digest_of(one) == digest_of(other)
