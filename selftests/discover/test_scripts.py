"""The scripts that hosts run, in real shells, on files and programs of a home made for them."""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from fleetmesh.discover.questions import BRIDGE_CALLS, KUBECONFIGS
from selftests.discover.answers import inventory

NOBODY = 65534
SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]


def run(
    shell: str, script: str, home: Path, path: str = "/usr/bin:/bin", user: int | None = None
) -> list[str]:
    """The lines that the script prints."""
    command = ["busybox", "sh", "-c", script] if shell == "busybox" else [shell, "-c", script]
    done = subprocess.run(
        command, env={"HOME": str(home), "PATH": path}, cwd=home, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=30, check=True, user=user,
    )  # fmt: skip
    return done.stdout.splitlines()


@pytest.mark.parametrize("shell", SHELLS)
def test_kubeconfigs_are_found_where_they_may_lie(shell: str, tmp_path: Path) -> None:
    for name in ("config", "fleet.yaml", "config.kept", "old.yaml~", "notes.yaml", "a.bak.yaml"):
        file = tmp_path / ".kube" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("nothing" if name == "notes.yaml" else "contexts: []\n")
    odd, own = tmp_path / "clusters" / "prod", tmp_path / "second"
    odd.parent.mkdir()
    for file in (odd, own):
        file.write_text("contexts: []\n")
    (tmp_path / ".bashrc").write_text('export KUBECONFIG="$HOME/clusters/prod:~/second" # mine\n')
    script = KUBECONFIGS.probes(inventory())["coulombcore"].command  # type: ignore[attr-defined]
    found = [line for line in run(shell, script, tmp_path) if "/etc/" not in line]
    assert found == [
        "open ~/.kube/config",
        "open ~/clusters/prod",
        "open ~/second",
        "open ~/.kube/fleet.yaml",
    ]


def test_nothing_of_a_profile_is_run(tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text(f"KUBECONFIG=$(touch {tmp_path}/ran)\n")
    script = KUBECONFIGS.probes(inventory())["coulombcore"].command  # type: ignore[attr-defined]
    run("bash", script, tmp_path)
    assert not (tmp_path / "ran").exists()


def test_what_may_not_be_read_is_said() -> None:
    nobody = NOBODY if os.geteuid() == 0 else None  # root may read everything
    script = KUBECONFIGS.probes(inventory())["coulombcore"].command  # type: ignore[attr-defined]
    with TemporaryDirectory(dir="/tmp") as folder:
        home = Path(folder)
        home.chmod(0o755)
        (home / ".kube").mkdir()
        (home / ".kube" / "config").touch(mode=0o000)
        assert "closed ~/.kube/config" in run("dash", script, home, user=nobody)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_bridge_is_asked_but_iproute2_s(shell: str, tmp_path: Path) -> None:
    for folder, says in (
        ("sbin", '[ "$1" = -V ] && echo "bridge utility, iproute2-6.15.0"; touch asked-iproute2'),
        (".local/bin", 'echo "told $*"'),
    ):
        file = tmp_path / folder / "bridge"
        file.parent.mkdir(parents=True)
        file.write_text(f"#!/bin/sh\n{says}\n")
        file.chmod(0o755)
    script = BRIDGE_CALLS.probes(inventory())["workstation"].command  # type: ignore[attr-defined]
    path = f"{tmp_path}/sbin:/usr/bin:/bin"
    assert run(shell, script, tmp_path, path) == [
        f"== {tmp_path}/.local/bin/bridge status --json", "told status --json", "",
        f"== {tmp_path}/.local/bin/bridge status", "told status", "",
        "== end",
    ]  # fmt: skip
