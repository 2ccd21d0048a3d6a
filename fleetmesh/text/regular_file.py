"""Reads only regular files, and only up to a size."""

import errno
import os
import stat
from pathlib import Path


def read(file: Path, limit: int) -> bytes:
    """The bytes of `file`, or of the file that it links to.

    Raises OSError, without waiting, for anything but a regular file (a FIFO, a device, a folder),
    and for a file of more than `limit` bytes.
    """
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with open(descriptor, "rb") as opened:  # noqa: PTH123 - a descriptor has no Path
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "is no regular file")
        content = opened.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"is longer than {limit // 1024} KiB")
    return content
