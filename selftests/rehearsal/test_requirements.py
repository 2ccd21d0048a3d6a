"""What the fleet needs of this machine, and what it says when that is not there."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal import host, lock
from rehearsal.errors import RehearsalError
from rehearsal.paths import PROJECT


def test_second_one_is_told_who_holds_the_fleet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "LOCK", tmp_path / "lock")
    monkeypatch.setenv("SUDO_USER", "ada")
    with lock.held("rehearsal up"), monkeypatch.context() as another_process:
        another_process.setattr(lock, "_held_here", [])
        with pytest.raises(RehearsalError) as refusal, lock.held("another"):
            pass
    said = str(refusal.value)
    assert f"rehearsal up, pid {os.getpid()}, user ada, since 20" in said
    with lock.held("another"):
        pass


def test_lock_of_a_process_that_was_killed_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "LOCK", tmp_path / "lock")
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("half a rec")
        file.flush()
        with pytest.raises(RehearsalError, match="another process"), lock.held("mine"):
            pass
    with lock.held("mine"):
        pass


def test_missing_tools_are_named_by_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(host, "PACKAGE_OF", {"no-such-tool": "its-package", "sh": "dash"})
    with pytest.raises(RehearsalError, match=r"sudo apt install its-package$"):
        host.require()


@pytest.mark.root
def test_somebody_without_root_is_told_to_use_sudo() -> None:
    done = rehearsal("up", "setpriv", "--reuid=65534", "--clear-groups")
    assert done.returncode == 1
    assert done.stderr == "rehearsal: the rehearsal fleet needs root: run it again with sudo\n"


@pytest.mark.root
@pytest.mark.parametrize(
    ("use", "said"),
    [
        ("ip address add 198.18.0.9/16 dev lo", "interface lo has 198.18.0.9/16"),
        ("ip link set lo up; ip route add 198.18.77.128/25 dev lo", "a route to 198.18.77.128/25"),
    ],
)
def test_subnet_in_use_is_refused(use: str, said: str) -> None:
    check = "from rehearsal import network; network.check_free()"
    script = f"{use}; exec {sys.executable} -c '{check}'"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script], cwd=PROJECT, capture_output=True, text=True
    )
    assert "RehearsalError" in done.stderr
    assert said in done.stderr


def rehearsal(command: str, *wrapper: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*wrapper, sys.executable, "-m", "rehearsal", command],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
    )
