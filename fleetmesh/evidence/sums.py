"""SHA256SUMS: the digest of every file of a folder, as sha256sum(1) writes and checks it."""

import re
import stat
from hashlib import file_digest
from pathlib import Path

from fleetmesh.evidence.files import MIB, content, plain_file

SUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.sig"
STAMP = "SHA256SUMS.tsr"
"""A time stamp of the signature, or of SHA256SUMS where there is none."""
_SEAL = (SUMS, SIGNATURE, STAMP)

LARGEST = 512 * MIB
MOST = 20_000
"""What a sealed folder may hold: bytes altogether, and files."""
SUMS_MOST = 8 * MIB
"""Bytes of SHA256SUMS, and of its signature."""

_PART = "[A-Za-z0-9._+@=,:~][A-Za-z0-9._+@=,:~-]*"  # no option of any tool
_NAME = re.compile(f"{_PART}(/{_PART})*")
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


class Refused(Exception):
    """What was asked cannot be done honestly; the text says why, and what to do."""


def proper(name: str) -> bool:
    """Whether a relative name is one that no tool need escape, and that leads nowhere else."""
    return bool(_NAME.fullmatch(name)) and not {".", ".."} & set(name.split("/"))


def names(folder: Path) -> list[str]:
    """Every file below `folder`, sorted by bytes.

    Raises Refused for what is not a plain file, and for more than a sealed folder may hold.
    """
    found, size = [], 0
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        try:
            status = path.lstat()
        except OSError as error:
            raise Refused(f"{folder.name}/{name!r}: {error.strerror}") from None
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise Refused(f"{folder.name}/{name!r} is neither a file nor a folder: remove it")
        if not proper(name):
            raise Refused(f"{folder.name}: the name {name!r} would need escaping: rename it")
        if stat.S_ISREG(status.st_mode):
            found.append(name)
            size += status.st_size
        if len(found) > MOST or size > LARGEST:
            raise Refused(f"{folder.name} holds more than {MOST} files or {LARGEST // MIB} MiB")
    return sorted(found)


def digest(file: Path) -> str:
    """SHA-256 of a file, in hex."""
    with plain_file(file, 2 * LARGEST) as opened:
        return file_digest(opened, "sha256").hexdigest()


def lines(folder: Path) -> str:
    """What SHA256SUMS must say about `folder`: every file but those of the seal itself."""
    covered = [name for name in names(folder) if name not in _SEAL]
    return "".join(f"{digest(folder / name)}  {name}\n" for name in covered)


def differences(folder: Path) -> list[str]:
    """What in `folder` is not as its SHA256SUMS says, one sentence each; empty where all is.

    Raises Refused where SHA256SUMS is absent or is not what `lines` writes.
    """
    try:
        text = content(folder / SUMS, SUMS_MOST).decode("ascii")
    except OSError as error:
        raise Refused(f"{folder.name}/{SUMS}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Refused(f"{folder.name}/{SUMS} is not plain text") from None
    listed: dict[str, str] = {}
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        match = _LINE.fullmatch(line)
        if not match or not proper(match[2]) or match[2] in listed:
            raise Refused(f"{folder.name}/{SUMS}, line {number} is not as sealing writes it")
        listed[match[2]] = match[1]
    if list(listed) != sorted(listed) or not text.endswith("\n"):
        raise Refused(f"{folder.name}/{SUMS} is not sorted and whole, as sealing writes it")
    there = {name for name in names(folder) if name not in _SEAL}
    return [
        *(f"{name} is missing" for name in sorted(listed.keys() - there)),
        *(f"{name} was added" for name in sorted(there - listed.keys())),
        *(
            f"{name} was altered: its digest is another"
            for name in sorted(there & listed.keys())
            if digest(folder / name) != listed[name]
        ),
    ]
