"""Nothing of a fleet is left behind, whatever happened to it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetmesh.evidence.outcomes import Verdict
from rehearsal import access, cgroup, fleet
from rehearsal.errors import RehearsalError
from rehearsal.paths import PROJECT
from selftests.processes import alive, read_until
from selftests.rehearsal.leftovers import footprint, processes

pytestmark = [pytest.mark.root, pytest.mark.fleet]
DEADLINE = 60
DAEMON, NOBODY = 1, 65534


@pytest.fixture
def untouched(no_fleet: None) -> Iterator[dict[str, object]]:  # noqa: ARG001  # order alone
    """This machine's footprint without a fleet; the test has to get back to it."""
    fleet.down()
    before = footprint()
    yield before
    fleet.down()
    assert footprint() == before


def boot(state: str = "before") -> dict[int, str]:
    """Bring a fleet up; returns its processes."""
    fleet.up(state, lambda _: None)
    running = processes()
    assert len(running) > 30
    return running


def login_as(uid: int) -> subprocess.CompletedProcess[str]:
    """Log in to a machine as another user of this one."""
    command = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    command += [*access.command("railiance01"), "id", "-un"]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)


def supervisors() -> list[int]:
    groups = cgroup.fleet().glob("*/supervisor/cgroup.procs")
    return [int(pid) for group in groups for pid in group.read_text().split()]


def nspawns() -> list[int]:
    groups = cgroup.fleet().glob("*/nspawn/supervisor/cgroup.procs")
    return [int(pid) for group in groups for pid in group.read_text().split()]


def test_down_removes_everything_and_may_be_repeated(
    untouched: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    monkeypatch.setenv("SUDO_GID", str(NOBODY))
    running = boot()
    assert footprint() != untouched
    # The one who called sudo may log in to the machines, and no other user of this one.
    assert login_as(NOBODY).stdout == "tegwick\n"
    assert "Permission denied" in login_as(DAEMON).stderr
    fleet.down()
    assert alive(running) == []
    assert footprint() == untouched
    fleet.down()


def test_down_after_a_supervisor_and_another_machines_nspawn_were_killed(
    untouched: dict[str, object],
) -> None:
    running = boot()
    os.kill(supervisors()[0], signal.SIGKILL)
    os.kill(nspawns()[-1], signal.SIGKILL)
    time.sleep(0.2)
    assert not fleet.is_up()
    with pytest.raises(RehearsalError, match="lost power in state before: start over"):
        fleet.up("after", lambda _: None)
    fleet.down()
    assert alive(running) == []
    assert footprint() == untouched


def test_up_starts_again_what_was_killed(untouched: dict[str, object]) -> None:
    running = boot("after")
    for pid in nspawns():
        os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + DEADLINE
    while any(one.init for one in fleet.machines().values()):
        assert time.monotonic() < end, "their supervisors do not notice"
        time.sleep(0.05)
    fleet.up("after", lambda _: None)
    fleet.wait_until_ready()
    running |= processes()
    fleet.down()
    assert alive(running) == []
    assert footprint() == untouched


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_up_that_is_ended_half_way(end: signal.Signals, untouched: dict[str, object]) -> None:
    up = subprocess.Popen(
        [sys.executable, "-m", "rehearsal", "up"], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    read_until(up, "tunnels go up")
    running = processes()
    assert running
    up.send_signal(end)
    assert up.wait(DEADLINE) in (130, -signal.SIGKILL)
    assert up.stdout
    up.stdout.close()
    if end == signal.SIGKILL:  # it could not clean up itself
        assert alive(running)
        fleet.down()
    assert alive(running) == []
    assert footprint() == untouched


@pytest.mark.parametrize("said", ["machines boot", "installer runs"])
def test_a_run_that_is_ended_while_its_fleet_boots(
    said: str, untouched: dict[str, object], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "pytest", "--fleet=rehearsal", f"--reports={tmp_path}"]
    run = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    read_until(run, said)
    running = processes()
    run.send_signal(signal.SIGTERM)  # it alone, not what it has started
    assert "INCOMPLETE" in run.communicate(timeout=DEADLINE)[0]
    assert run.returncode == Verdict.INCOMPLETE.exit_status
    assert alive(running) == []
    assert footprint() == untouched
