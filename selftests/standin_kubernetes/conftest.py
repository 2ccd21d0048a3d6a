"""The cluster that these tests ask; it needs root, for namespaces, mounts and nftables."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from .cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOOLS = ("ip", "kubectl", "nft", "nsenter", "openssl", "setpriv", "socat", "unshare")
TUNNELS = {18000: "198.19.43.94:8000", 18765: "198.19.43.154:8765"}


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Up, with the tunnels' ends on the node's loopback, and every pod in its lasting state."""
    with running(tmp_path_factory.mktemp("cluster")) as up:
        tunnels = [open_tunnel(up, port) for port in TUNNELS]
        try:
            for prefix in ("actcore-api", "actcore-state-hub", "actcore-issue-core"):
                up.wait_for(lambda p=prefix: up.ready("activity-core", p), prefix)
            for prefix in ("crash", "looping"):
                up.wait_for(lambda p=prefix: waits_to_restart(up, p), prefix)
            yield up
        finally:
            for tunnel in tunnels:
                close_tunnel(tunnel)


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """A cluster of its own, stopped at the end; skips where it cannot be had."""
    if os.geteuid() != 0:
        pytest.skip("needs root: pods are processes in namespaces")
    if missing := [tool for tool in TOOLS if not shutil.which(tool)]:
        pytest.skip(f"needs {', '.join(missing)}")
    up = Cluster(folder)
    try:
        up.start()
        yield up
    finally:
        up.stop()


def open_tunnel(cluster: Cluster, port: int) -> subprocess.Popen[bytes]:
    """What stands for a tunnel: a listener on the node's loopback that leads to the ClusterIP."""
    listen = f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr"
    with cluster.network():
        return subprocess.Popen(["socat", listen, f"TCP:{TUNNELS[port]}"])


def close_tunnel(tunnel: subprocess.Popen[bytes]) -> None:
    tunnel.kill()
    tunnel.wait(5)


def waits_to_restart(cluster: Cluster, prefix: str) -> bool:
    (status,) = cluster.pod("lab-samples", prefix)["status"].get("containerStatuses", [{}])
    reason: str = status.get("state", {}).get("waiting", {}).get("reason", "")
    return reason == "CrashLoopBackOff"
