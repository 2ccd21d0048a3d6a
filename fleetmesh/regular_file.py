"""Reading a file that is one, and no longer than it may be."""

import errno
import os
import stat
from pathlib import Path


def read(file: Path, limit: int) -> bytes:
    """The bytes of `file`, or of what a link there leads to.

    Raises OSError for what is no regular file, without waiting for it (a FIFO, a device, a folder),
    and for one of more than `limit` bytes.
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
