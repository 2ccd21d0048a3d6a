"""Fleets side by side share the faults, and leave nothing behind, whoever is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rehearsal import fleet
from rehearsal.faults import FAULTS
from rehearsal.matrix import beside
from rehearsal.paths import PROJECT
from selftests.processes import alive, family
from selftests.rehearsal.leftovers import footprint, processes

DEADLINE = 180
TWO = ("unit-disabled", "bridge-tunnel-not-started")
"""Of two grounds, and so for two fleets."""


@pytest.mark.parametrize("fleets", [1, 2, 3])
def test_every_fault_has_one_fleet_and_every_fleet_as_many(fleets: int) -> None:
    shares = beside.shares(FAULTS, fleets)
    assert Counter(name for share in shares for name in share) == Counter(FAULTS.keys())
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1


def test_a_small_ground_is_entered_once() -> None:
    shares = beside.shares(FAULTS, 2)
    for ground in {fault.ground for fault in FAULTS.values()}:
        of = [name for name, fault in FAULTS.items() if fault.ground is ground]
        where = [share for share in shares if set(of) & set(share)]
        assert len(where) == (1 if len(of) < 20 else 2), ground.name


def test_recordings_are_of_one_fleet() -> None:
    command = [sys.executable, "-m", "rehearsal", "faults", "--record", "--fleets", "2"]
    refused = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert refused.returncode == 1
    assert refused.stderr == "rehearsal: recordings are made on one fleet: leave out --fleets\n"


@pytest.fixture
def untouched() -> Iterator[dict[str, object]]:
    fleet.down()
    before = footprint()
    yield before
    assert footprint() == before


@pytest.fixture
def matrix(untouched: dict[str, object]) -> Iterator[subprocess.Popen[str]]:  # noqa: ARG001
    """That of TWO on two fleets, with a terminal of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "rehearsal", "faults", "--fleets", "2", *TWO],
        cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    ) as process:  # fmt: skip
        yield process
        process.kill()  # where the test has failed


@pytest.mark.root
@pytest.mark.fleet
def test_what_they_find_is_one_matrix(matrix: subprocess.Popen[str]) -> None:
    said, _ = matrix.communicate(timeout=DEADLINE)
    assert matrix.returncode == 0, said
    assert "2 fleets boot" in said
    report = Path(said.rpartition("report: ")[2].strip())
    found = json.loads(report.with_name("faults.json").read_text())
    assert [fault["name"] for fault in found["faults"]] == [n for n in FAULTS if n in TWO]


def ctrl_c(starter: int) -> None:
    os.killpg(starter, signal.SIGINT)


def sigterm(starter: int) -> None:
    os.kill(starter, signal.SIGTERM)


def sigkill(starter: int) -> None:
    os.kill(starter, signal.SIGKILL)


def sigkill_of_one_fleet(starter: int) -> None:
    children = Path(f"/proc/{starter}/task/{starter}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)


@pytest.mark.root
@pytest.mark.fleet
@pytest.mark.parametrize(
    ("end", "status"),
    [(ctrl_c, 130), (sigterm, 130), (sigkill, -signal.SIGKILL), (sigkill_of_one_fleet, 1)],
)
def test_nothing_is_left_of_them(
    end: Callable[[int], None], status: int, matrix: subprocess.Popen[str]
) -> None:
    until = time.monotonic() + DEADLINE
    while len(running := processes()) < 80:
        assert time.monotonic() < until
        time.sleep(0.1)
    running |= family(matrix.pid)
    end(matrix.pid)
    assert matrix.wait(DEADLINE) == status
    while left := alive(running):  # they end a moment after the one who started them
        assert time.monotonic() < until, left
        time.sleep(0.1)
    assert matrix.stdout
    said = matrix.stdout.read()
    assert "Traceback" not in said
    assert ("has ended" in said) == (end is sigkill_of_one_fleet), said
