"""A sealed folder as one file: a tar of plain files in a fixed form, compressed in a fixed form.

The same folder gives the same bytes, so that a verifier can pack again and compare: nothing can
hide in a header, in padding, or in another way to compress the same content.
"""

import gzip
import json
import re
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from fleetmesh.evidence.files import MIB, content, json_object, plain_file, replacing
from fleetmesh.evidence.sums import LARGEST, MOST, Refused, names, proper
from fleetmesh.evidence.sums import digest as digest_of
from fleetmesh.views.maker import maker

SUFFIX = ".tar.gz"
SEAL = "seal.json"
"""Which zlib packed the bundle, and what made its views: others may do the same otherwise."""

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"  # RFC 1952: no name, no time, no system
_CHUNK = MIB
_FRAMES = (MOST + 20) * 2 * tarfile.BLOCKSIZE
"""Bytes of headers and padding."""
_STARTED = re.compile(r"(\d{4}-\d\d-\d\dT\d{6})Z_")


@dataclass(frozen=True)
class Opened:
    """A bundle unpacked into `folder`; `compared` tells whether its container could be compared."""

    folder: Path
    compared: bool


def seal_file() -> bytes:
    """What seal.json says: which zlib packs, and what made the views."""
    told = {"format": 1, "zlib": zlib.ZLIB_RUNTIME_VERSION, "views": maker()}
    return json.dumps(told, indent=1).encode() + b"\n"


def pack(folder: Path, target: Path) -> str:
    """Write `folder` to `target`, at once or not at all; returns the SHA-256 of it.

    Raises Refused for a name that the form has no place for.
    """
    try:
        with replacing(target) as file:
            _compress(folder, file)
        return digest_of(target)
    except OSError as error:
        raise Refused(f"{target} cannot be written: {error.strerror}") from None


@contextmanager
def opened(bundle: Path) -> Iterator[Opened]:
    """The bundle's folder, unpacked to a place of its own that is removed afterwards.

    Raises Refused for anything that `pack` would not have written.
    """
    with TemporaryDirectory(prefix="fleet-mesh-") as place:
        try:
            tar = Path(place, "tar")
            with plain_file(bundle, 2 * LARGEST) as source, tar.open("wb") as target:
                _decompress(source, target)
            folder = _unpack(tar, Path(place, "folder"))
            again = Path(place, "again")
            with again.open("wb") as file:
                _tar(folder, file)
            if not _same(tar, again):
                raise Refused("the archive is not as sealing packs it: a header or padding differs")
            tar.unlink()
            compared = sealed_by(folder, "zlib") == zlib.ZLIB_RUNTIME_VERSION
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
                with plain_file(folder / name, LARGEST) as opened:
                    archive.addfile(entry, opened)
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
            part = inflate.decompress(chunk, _CHUNK)
            size, crc = size + len(part), zlib.crc32(part, crc)
            if size > LARGEST + _FRAMES:
                raise Refused(f"the container holds more than {LARGEST // MIB} MiB")
            target.write(part)
    except zlib.error:
        raise Refused("the container is damaged: it cannot be decompressed") from None
    trailer = inflate.unused_data + source.read(9)
    if trailer != crc.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little"):
        raise Refused("the container is damaged: its check sum or length is wrong, or more follows")


def _unpack(tar: Path, place: Path) -> Path:
    """Header by header, so that nothing but what `_tar` writes is even looked at."""
    tops: set[str] = set()
    seen: set[str] = set()
    try:
        with tar.open("rb") as archive:
            while (header := archive.read(tarfile.BLOCKSIZE)).strip(b"\0"):
                entry = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
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
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                with (place / name).open("xb") as file:
                    _copy(archive, file, entry.size)
    except (tarfile.TarError, EOFError, ValueError, FileExistsError, NotADirectoryError):
        raise Refused("the archive is damaged: it cannot be unpacked") from None
    if not tops:
        raise Refused("the archive is empty")
    return place / tops.pop()


def _copy(archive: BinaryIO, file: BinaryIO, size: int) -> None:
    """The content that follows a header, with its padding. Raises EOFError."""
    if size < 0:
        raise EOFError
    padding = -size % tarfile.BLOCKSIZE
    while size:
        part = archive.read(min(size, _CHUNK))
        if not part:
            raise EOFError
        size -= len(part)
        file.write(part)
    archive.read(padding)


def sealed_by(folder: Path, what: str) -> object:
    """What seal.json says of `what`, zlib or views; None where it says nothing."""
    try:
        return json_object(content(folder / SEAL, MIB)).get(what)
    except (OSError, ValueError):
        return None


def _same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    return digest_of(one) == digest_of(other)
