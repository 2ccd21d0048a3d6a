"""The control groups of a node's pods, named as a kubelet with the systemd driver names them.

ss(8) shows a socket's group by its path, and so which pod holds it:
`/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod<UID>.slice/cri-containerd-….scope`.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from .sandbox import SandboxError


class PodGroup:
    """The control group of one pod, with one below it for each container."""

    def __init__(self, uid: str) -> None:
        besteffort = _hierarchy() / "kubepods.slice" / "kubepods-besteffort.slice"
        self._path = besteffort / f"kubepods-besteffort-pod{uid.replace('-', '_')}.slice"

    def container(self, container_id: str) -> Path:
        """The group of a container (64 hexadecimal digits), which is there afterwards."""
        group = self._path / f"cri-containerd-{container_id}.scope"
        group.mkdir(parents=True, exist_ok=True)
        return group

    def remove(self) -> None:
        """Remove it, and what only it needed; processes must be gone."""
        groups = [*self._path.glob("*.scope"), self._path, *list(self._path.parents)[:2]]
        for group in groups:
            with contextlib.suppress(OSError):  # another pod's is beside it
                group.rmdir()


def _hierarchy() -> Path:
    """Where cgroup2 is mounted; raises SandboxError."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(where)
    raise SandboxError("no cgroup2 file system is mounted here: pods need one")
