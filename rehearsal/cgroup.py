"""The control groups that hold every process of the fleet, and end them all at once.

Source: Linux's Documentation/admin-guide/cgroup-v2.rst (cgroup.kill, cgroup.events).
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal.errors import RehearsalError
from rehearsal.paths import FLEET

if TYPE_CHECKING:
    from collections.abc import Iterator


def hierarchy() -> Path:
    """Where the unified hierarchy is mounted. Raises RehearsalError."""
    for where, kind in _mounts():
        if kind == "cgroup2":
            return Path(where)
    raise RehearsalError("no cgroup2 file system is mounted here: the machines need one")


def _mounts() -> Iterator[tuple[str, str]]:
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        yield where, kind


def fleet() -> Path:
    """The group of the whole fleet; it may not exist."""
    return hierarchy() / FLEET


def deserted() -> Iterator[Path]:
    """The groups of fleets beside this one, whose starter is gone; see `paths.FLEET`."""
    for group in hierarchy().glob(f"{FLEET}-*-*"):
        if not Path("/proc", group.name.split("-")[-2]).exists():
            yield group


def machine(name: str) -> Path:
    """The group of one machine; it may not exist."""
    return fleet() / name


def kill(group: Path, deadline: float = 10) -> None:
    """End every process in the group and below it, for ever: remove the group afterwards.

    Linux 6.18 kills what is later cloned into a group that was killed once.
    Raises RehearsalError if they do not end within `deadline` seconds.
    """
    if not group.exists():
        return
    (group / "cgroup.kill").write_text("1")
    end = time.monotonic() + deadline
    while "populated 1" in (group / "cgroup.events").read_text():
        if time.monotonic() > end:
            raise RehearsalError(f"processes in {group} do not end: see its cgroup.procs")
        time.sleep(0.01)


def remove(group: Path, deadline: float = 5) -> None:
    """Remove an empty group, and the twins nspawn makes of it in version 1 hierarchies.

    Raises RehearsalError if one of them is busy for longer than `deadline` seconds.
    """
    path = group.relative_to(hierarchy())
    end = time.monotonic() + deadline
    for root in (Path(where) / path for where, kind in _mounts() if kind.startswith("cgroup")):
        while root.exists():
            try:
                for directory in [*sorted(filter(Path.is_dir, root.rglob("*")))[::-1], root]:
                    directory.rmdir()
            except OSError as error:  # a process that ends leaves its group a moment later
                if time.monotonic() > end:
                    raise RehearsalError(f"{error.filename} cannot be removed: {error}") from error
                time.sleep(0.01)
