"""The cluster that these tests ask; it needs root, for namespaces, mounts and nftables.

With `--kubeconfig` they ask a real one instead; see real.py for what it needs. What deletes and
breaks things there asks for `--destructive`, too, and restores nothing:

    pytest selftests/standin_kubernetes --kubeconfig FILE [--destructive]
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .cluster import Cluster
from .real import RealCluster

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOLS = ("ip", "kubectl", "nft", "nsenter", "openssl", "setpriv", "socat", "unshare")
STATE_HUB = "198.19.43.94"
TUNNELS = {18000: "198.19.43.94:8000", 18765: "198.19.43.154:8765"}


_REAL: dict[str, Any] = {"kubeconfig": None, "destructive": False}


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options for a real cluster."""
    group = parser.getgroup("stand-in cluster")
    group.addoption("--kubeconfig", type=Path, help="an administrator's, of a real cluster to ask")
    group.addoption("--destructive", action="store_true", help="also break that cluster")


def pytest_configure(config: pytest.Config) -> None:
    """Remember them for `running`."""
    for option in _REAL:
        _REAL[option] = config.getoption(option, default=None)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster that a test may break, with the State Hub ready and reached by its ClusterIP."""
    if _REAL["kubeconfig"] and not _REAL["destructive"]:
        pytest.skip("breaks the cluster: --destructive")
    with running(tmp_path) as cluster:
        cluster.wait_for(lambda: cluster.connects(STATE_HUB) == "yes", "state-hub")
        yield cluster


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
    real = _REAL["kubeconfig"]
    up = RealCluster(folder, real) if real else Cluster(folder)
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
