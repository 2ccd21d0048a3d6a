"""`--wait` while it is killed or stopped, its link is cut, or its disk is full."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal import fleet
from rehearsal.faults.machines import COULOMB, root

pytestmark = [pytest.mark.root, pytest.mark.fleet, pytest.mark.usefixtures("standing")]

ROOT = Path(__file__).parents[2]
HUB = "fleet-state-hub-coulombcore"
ONLY = [f"--check={check}[{HUB}]" for check in ("CUT-04.steady", "CUT-06.healthy")]


class Waiting:
    """A run that waits, and what it leaves."""

    def __init__(self, reports: Path, *options: str) -> None:
        self.reports = reports
        self.out = reports.parent / "out"
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fleetmesh", "check", "cutover", "--fleet=rehearsal",
                 f"--reports={reports}", *ONLY, *options],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def events(self, kind: str) -> list[dict[str, object]]:
        files = list(self.reports.glob("*/events.jsonl"))
        lines = files[0].read_text().splitlines() if files else []
        return [e for line in lines if (e := json.loads(line))["event"] == kind]

    def attempts(self, least: int, deadline: float = 90) -> None:
        end = time.monotonic() + deadline
        while len(self.events("attempt")) < least:
            assert time.monotonic() < end, self.out.read_text()
            assert self.process.poll() is None, self.out.read_text()
            time.sleep(0.1)

    def end(self, deadline: float = 120) -> int:
        try:
            return self.process.wait(deadline)
        finally:
            self.process.kill()
            self.process.wait()
            assert "Traceback" not in self.out.read_text()

    def sealed(self) -> str:
        (folder,) = (file.parent for file in self.reports.glob("*/events.jsonl"))
        for words in (("seal", str(folder)), ("verify", "--unsigned", f"{folder}.tar.gz")):
            done = subprocess.run(
                [sys.executable, "-m", "fleetmesh", *words],
                cwd=ROOT,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    place = tmp_path / "reports"
    place.mkdir()
    fleet.wait_until_ready()
    return place


def test_killed_it_is_incomplete(reports: Path) -> None:
    run = Waiting(reports, "--wait=5m", "--steady=5m")
    run.attempts(1)
    assert run.process.poll() is None
    run.process.kill()
    assert run.end() == -signal.SIGKILL
    assert "INCOMPLETE" in run.sealed()


def test_stopped_it_counts_anew(reports: Path) -> None:
    run = Waiting(reports, "--wait=5m", "--steady=6s")
    run.attempts(1)
    os.kill(run.process.pid, signal.SIGSTOP)
    time.sleep(12)
    os.kill(run.process.pid, signal.SIGCONT)
    assert run.end(200) == 0
    stood = [float(str(attempt["stood_still"])) for attempt in run.events("attempt")]
    assert max(stood) > 10, stood
    place = stood.index(max(stood))
    assert len(stood) > place + 1, "ready by what nobody saw"
    assert "stood still for 1" in run.out.read_text()


def test_on_a_link_that_is_half_open_it_is_not_ready(reports: Path) -> None:
    table = (
        "nft 'add table ip watch; add chain ip watch in { type filter hook input priority 0; }; "
    )
    root(COULOMB, f"{table} add rule ip watch in ip saddr 198.18.77.1 drop'")
    try:
        run = Waiting(
            reports, "--check=CUT-05.port[railiance01]", "--check=PROD-04.path", "--wait=5s"
        )
        assert run.end() in (1, 6)
    finally:
        root(COULOMB, "nft delete table ip watch")
    assert run.events("attempt")[-1]["outcomes"]
    assert "READY" not in {e["verdict"] for e in run.events("run-finished")}


@pytest.fixture
def small(reports: Path) -> Iterator[Path]:
    """The reports' folder on a disk of its own, which soon is full."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(reports)], check=True)
    yield reports
    subprocess.run(["umount", "-l", str(reports)], check=True)


def test_on_a_full_disk_it_ends_and_says_so(small: Path) -> None:
    run = Waiting(small, "--wait=5m", "--steady=5m")
    run.attempts(1)
    filling = small / "filling"
    subprocess.run(["dd", "if=/dev/zero", f"of={filling}", "bs=1k"], capture_output=True)
    assert run.end() == 6
    assert "the record breaks off" in run.out.read_text()
    filling.unlink()
    assert "INCOMPLETE" in run.sealed()
