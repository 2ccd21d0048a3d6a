"""The control groups that hold every process of the fleet, and end them all at once.

Source: Linux's Documentation/admin-guide/cgroup-v2.rst (cgroup.kill, cgroup.events).
"""

from __future__ import annotations

import time
from pathlib import Path

from rehearsal.errors import RehearsalError

NAME = "fleet-rehearsal"


def hierarchy() -> Path:
    """Where the unified hierarchy is mounted. Raises RehearsalError."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(where)
    raise RehearsalError("no cgroup2 file system is mounted here: the machines need one")


def fleet() -> Path:
    """The group of the whole fleet; it may not exist."""
    return hierarchy() / NAME


def machine(name: str) -> Path:
    """The group of one machine; it may not exist."""
    return fleet() / name


def kill(group: Path, deadline: float = 10) -> None:
    """End every process in the group and below it. Raises RehearsalError after `deadline` s."""
    if not group.exists():
        return
    (group / "cgroup.kill").write_text("1")
    end = time.monotonic() + deadline
    while "populated 1" in (group / "cgroup.events").read_text():
        if time.monotonic() > end:
            raise RehearsalError(f"processes in {group} do not end: see its cgroup.procs")
        time.sleep(0.01)


def remove(group: Path) -> None:
    """Remove an empty group here, and the twins nspawn makes of it in version 1 hierarchies."""
    path = group.relative_to(hierarchy())
    twins = [mounted / path for mounted in hierarchy().parent.iterdir()] if path.parts else []
    for root in {group, *twins}:
        if root.is_dir():
            for directory in sorted((d for d in root.rglob("*") if d.is_dir()), reverse=True):
                directory.rmdir()
            root.rmdir()
