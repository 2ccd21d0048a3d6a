"""A place of its own for a fleet, so that several stand side by side on one machine.

Each has the same addresses, names and paths as any other, in a network and under mounts of its own.
Only its control groups are called otherwise. It is nothing but its processes: with the last of them
goes all of it.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from rehearsal import host
from rehearsal.errors import RehearsalError
from rehearsal.paths import LOCK, STATE

_CLONE_NEWNS = 0x00020000  # unshare(2)
_CLONE_NEWNET = 0x40000000


def settle() -> None:
    """Give this process a network, a STATE and a LOCK that only its own children share.

    It has no threads yet, and `paths.FLEET` is a name of its own. Its network leads nowhere, so the
    image must be there. Raises RehearsalError.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS | _CLONE_NEWNET) != 0:
        raise RehearsalError(f"unshare(2): {os.strerror(ctypes.get_errno())}")
    _mount("--make-rprivate", "/")
    for path in (STATE, LOCK):
        _hide(path)
    host.run(["ip", "link", "set", "lo", "up"])


def _hide(path: Path) -> None:
    """Put in place of the folder of `path` one that holds everything but that."""
    with TemporaryDirectory() as new:
        _mount("-t", "tmpfs", "-o", "mode=0755", "fleet", new)
        for entry in path.parent.iterdir():
            if entry != path and entry.exists():
                place = Path(new) / entry.name
                place.mkdir() if entry.is_dir() else place.touch()
                _mount("--rbind", str(entry), str(place))
        _mount("--move", new, str(path.parent))


def _mount(*words: str) -> None:
    host.run(["mount", *words])
