"""The live matrix holds the fleet to itself, and leaves nothing of a fault behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rehearsal import fleet, lock
from rehearsal.errors import RehearsalError
from rehearsal.faults.machines import HUB, RAILIANCE
from rehearsal.paths import LOCK, PROJECT
from selftests.processes import read_until
from selftests.rehearsal.leftovers import footprint

pytestmark = [pytest.mark.root, pytest.mark.fleet]
DEADLINE = 180
REHEARSAL = (sys.executable, "-m", "rehearsal")


def rehearsal(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*REHEARSAL, *words],
        cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE,
    )  # fmt: skip


@contextmanager
def faults(*names: str) -> Iterator[subprocess.Popen[str]]:
    """The command on a terminal of its own, so that Ctrl-C reaches all of its processes."""
    process = subprocess.Popen(
        [*REHEARSAL, "faults", *names],
        cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    )  # fmt: skip
    with process:  # closes the pipe, and waits
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def enabled() -> str:
    state = f"XDG_RUNTIME_DIR=/run/user/1000 systemctl --user is-enabled {HUB}"
    return fleet.run(RAILIANCE, state, check=False).stdout.strip()


def until_it_happens() -> None:
    """Wait until the unit is disabled."""
    end = time.monotonic() + DEADLINE
    while not (fleet.is_up() and enabled() == "disabled"):
        assert time.monotonic() < end
        time.sleep(0.05)


def interrupt_in_a_fault(process: subprocess.Popen[str]) -> str:
    """Ctrl-C while a unit is disabled."""
    until_it_happens()
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout
    said = process.stdout.read()
    assert process.wait(DEADLINE) == 130, said
    assert "Traceback" not in said
    return said


def test_ctrl_c_takes_down_a_fleet_that_it_booted() -> None:
    fleet.down()
    before = footprint()
    with faults("unit-disabled") as process:
        interrupt_in_a_fault(process)
    assert fleet.record() is None
    assert footprint() == before


def test_a_fleet_that_was_up_is_used_held_and_started_over_after_ctrl_c() -> None:
    fleet.up("after", lambda _: None)
    booted = (fleet.record() or {})["since"]
    try:
        with faults("unit-disabled", "linger-off", "unit-stopped") as process:
            until_it_happens()
            for words in (("faults", "unit-disabled"), ("down",), ("reset",)):
                refused = rehearsal(*words)
                assert refused.returncode == 1
                assert f"rehearsal faults, pid {process.pid}, user" in refused.stderr
            said = read_until(process, "report: ")
            assert process.wait(DEADLINE) == 0, said
        assert "The matrix holds." in said
        assert (fleet.record() or {})["since"] == booted
        with faults("unit-disabled") as process:
            interrupt_in_a_fault(process)
        assert fleet.is_up()
        assert enabled() == "enabled"
        assert (fleet.record() or {})["since"] != booted
    finally:
        fleet.down()


def test_a_wrong_name_is_answered_with_the_known_ones() -> None:
    refused = rehearsal("faults", "unit-disabled", "nonsense")
    assert refused.returncode == 1
    assert "no fault is called nonsense; known are:" in refused.stderr
    assert "\n  unit-disabled\n" in refused.stderr


def test_who_holds_the_fleet_may_hold_it_again() -> None:
    with lock.held("first"), lock.held("second"):
        assert json.loads(LOCK.read_text())["purpose"] == "first"
        refused = rehearsal("down")
    assert "first, pid" in refused.stderr
    with lock.held("third"):
        assert json.loads(LOCK.read_text())["purpose"] == "third"


def test_the_lock_is_given_back_after_an_error() -> None:
    with pytest.raises(RehearsalError), lock.held("first"):
        raise RehearsalError("it broke")
    assert LOCK.read_text() == ""
