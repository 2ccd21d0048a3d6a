"""A drill that is ended on the way leaves nothing behind, and keeps what it has seen."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rehearsal import fleet
from rehearsal.paths import PROJECT
from selftests.processes import alive, family
from selftests.rehearsal.leftovers import footprint, processes

pytestmark = [pytest.mark.root, pytest.mark.fleet]
DEADLINE = 120
DRILL = (sys.executable, "-m", "rehearsal", "drill")


@pytest.fixture(scope="module")
def untouched() -> Iterator[dict[str, object]]:
    """This machine's footprint without a fleet; a fleet that was up is up again afterwards."""
    was = fleet.record()
    fleet.down()
    yield footprint()
    fleet.down()
    if was:
        fleet.up(was["state"] or "before", lambda _: None)


@contextmanager
def drill(until: str) -> Iterator[subprocess.Popen[str]]:
    """A drill on a terminal of its own that has said `until`."""
    process = subprocess.Popen(
        DRILL, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout
    try:
        for line in process.stdout:
            if until in line:
                break
        else:
            pytest.fail(f"it ended with {process.wait()} before it said {until!r}")
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.stdout.close()
        process.wait(DEADLINE)


def report(said: str) -> dict[str, object]:
    """What the drill that said this has written."""
    folder = Path(said.rpartition("report: ")[2].splitlines()[0]).parent
    found: dict[str, object] = json.loads((folder / "drill.json").read_text())
    assert (folder / "drill.html").read_text().startswith("<!DOCTYPE html>")
    return found


def test_ctrl_c_takes_the_fleet_down_and_keeps_the_report(untouched: dict[str, object]) -> None:
    with drill("install: The installer") as running:
        second = subprocess.run(
            DRILL, cwd=PROJECT, capture_output=True, text=True, timeout=DEADLINE
        )
        assert second.returncode == 1
        assert f"is held: rehearsal drill, pid {running.pid}" in second.stderr
        everything = processes() | family(running.pid)
        os.killpg(running.pid, signal.SIGINT)
        said, _ = running.communicate(timeout=DEADLINE)
        assert running.returncode == 130, said
    found = report(said)
    assert not found["holds"]
    assert found["trouble"] == "interrupted"
    end = time.monotonic() + 10
    while alive(everything) and time.monotonic() < end:
        time.sleep(0.05)  # a worker ends a moment after the drill that it worked for
    assert alive(everything) == []
    assert footprint() == untouched


def test_down_removes_what_a_killed_drill_left(untouched: dict[str, object]) -> None:
    with drill("cutover: Workstation tunnels down") as running:
        time.sleep(1)
        everything = processes() | family(running.pid)
        assert len(everything) > 30
        running.kill()
        running.wait(DEADLINE)
        assert alive(everything), "a kill cannot clean up"
    fleet.down()
    end = time.monotonic() + 10
    while (left := alive(everything)) and time.monotonic() < end:
        time.sleep(0.1)
    assert left == []
    assert footprint() == untouched
