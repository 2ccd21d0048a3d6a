"""What a machine stands on: its files, its units and its listeners, to be compared."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from rehearsal import fleet

ROOTS = ("etc", "home", "opt", "root", "srv", "usr", "var/lib/systemd/linger", "var/spool")
PASSING = re.compile(
    r"/(\.cache|\.kube/cache|\.local/state/bridge|__pycache__)(/|$)|\.pyc$|/\.sudo_as_admin_successful$|/etc/\.pwd\.lock$"
)
"""Paths of what programs note for themselves."""

_UNITS = "list-units --all --plain --no-legend --no-pager --type=service,socket,timer"
_COMING_AND_GOING = re.compile(r"^(user@|user-runtime-dir@|run-|session-|systemd-|cron-)")
_USER = "export XDG_RUNTIME_DIR=/run/user/1000; "

Footing = dict[str, str]
"""What is there, by what it is: a file, a unit, a listener."""


def of_fleet() -> Footing:
    """What all machines stand on, which must be running."""
    return {key: value for name in fleet.machines() for key, value in of(name).items()}


def of(name: str, *, times: bool = False) -> Footing:
    """What a machine stands on; with `times`, also when its files were written."""
    return {
        **{f"{name}: {path}": value for path, value in _files(name, times=times)},
        **{f"{name}: unit {unit}": value for unit, value in _units(name)},
        **{f"{name}: listener {socket}": holder for socket, holder in _listeners(name)},
    }


def differences(before: Footing, after: Footing) -> list[str]:
    """What is not as it was, a line each."""
    return [
        f"{key} {before.get(key, 'was not there')} → {after.get(key, 'is gone')}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def _files(name: str, *, times: bool) -> list[tuple[str, str]]:
    """Everything that is not as in the image, from outside."""
    upper, image = fleet.machine(name).files, fleet.image(name)
    found = []
    for root in ROOTS:
        for folder, folders, files in os.walk(upper / root):
            for entry in (*folders, *files):
                path = Path(folder) / entry
                inside = path.relative_to(upper)
                if PASSING.search(f"/{inside}"):
                    continue
                described = _described(path)
                if described != _described(image / inside):
                    when = f", written {path.lstat().st_mtime_ns}" if times else ""
                    found.append((f"/{inside}", described + ("" if path.is_dir() else when)))
    return found


def _described(path: Path) -> str:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return "nothing"
    if stat.S_ISLNK(status.st_mode):
        return f"link to {path.readlink()}"
    text = f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}"
    if stat.S_ISREG(status.st_mode):
        return f"{text} sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    return "deleted" if stat.S_ISCHR(status.st_mode) else text


def _units(name: str) -> list[tuple[str, str]]:
    listed = fleet.run(name, f"systemctl {_UNITS}", user="root").stdout
    of_user = fleet.run(name, f"{_USER}systemctl --user {_UNITS}", check=False).stdout
    return [
        (unit, " ".join(state))
        for manager, lines in (("", listed), ("user ", of_user))
        for line in lines.splitlines()
        for unit, *state in [[manager + line.split()[0], *line.split()[1:4]]]
        if not _COMING_AND_GOING.match(line)
    ]


_PASSING = re.compile(r"(?<=/session-)\w+(?=\.scope)|(?<=/cri-containerd-)[0-9a-f]{64}")
"""What another log-in, or a container that was started again, changes in a control group."""


def _listeners(name: str) -> list[tuple[str, str]]:
    lines = fleet.run(name, "ss -Htlnpe", user="root").stdout.splitlines()
    found = []
    for line in lines:
        socket, holders = line.split()[3], sorted(set(re.findall(r'\("([^"]+)"', line)))
        cgroup = re.search(r"cgroup:(\S+)", line)
        place = _PASSING.sub("", cgroup[1]) if cgroup else ""
        found.append((socket, f"held by {', '.join(holders)} in {place}"))
    return found
