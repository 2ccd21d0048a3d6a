"""Files that anybody may have laid there: read only where plain, and never more than expected.

Nothing is written through a link, either: a file is made anew beside its place and renamed.
"""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EFBIG, EINVAL, ELOOP
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

MIB = 1 << 20


@contextmanager
def plain_file(file: Path, most: int) -> Iterator[BufferedReader]:
    """A plain file of at most `most` bytes, opened for reading.

    Raises OSError, also for a link, a pipe, a device and a file that is larger; it never waits.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(file, flags)
    except OSError as error:
        if error.errno == ELOOP:
            raise OSError(ELOOP, "it is a link", str(file)) from None
        raise
    with os.fdopen(descriptor, "rb") as opened:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(EINVAL, "it is no plain file", str(file))
        if status.st_size > most:
            raise OSError(EFBIG, f"it holds more than {most} bytes", str(file))
        yield opened


def content(file: Path, most: int) -> bytes:
    """All of a plain file. Raises OSError as `plain_file` does."""
    with plain_file(file, most) as opened:
        found = opened.read(most + 1)
    if len(found) > most:  # it grows
        raise OSError(EFBIG, f"it holds more than {most} bytes", str(file))
    return found


def json_object(text: bytes | str) -> dict[str, Any]:
    """The JSON object that `text` is. Raises ValueError, however it is nested."""
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("no JSON: it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found


@contextmanager
def replacing(file: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """A new file that takes the place of `file` when it is whole, or leaves it as it was.

    Where `file` is a link, the link is replaced, and what it leads to stays. Raises OSError.
    """
    beside = file.with_name(f".{file.name}.new")  # nobody takes it for a file of that kind
    beside.unlink(missing_ok=True)  # of a writer that was killed, or a trap
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(beside, flags, 0o644)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            yield opened
            opened.flush()
            if durable:
                os.fsync(descriptor)
        beside.replace(file)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    if durable:
        directory = os.open(file.parent, os.O_RDONLY | os.O_CLOEXEC)
        os.fsync(directory)
        os.close(directory)
