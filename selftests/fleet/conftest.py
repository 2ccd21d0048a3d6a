"""Runs of the checks on the real rehearsal fleet, as an operator starts them."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rehearsal import fleet
from rehearsal.machine import NspawnMachine
from rehearsal.verifier import verifier
from selftests.fleet.by_timer import install, put_permits, take_permits

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Checked:
    """What one run of the checks came to."""

    exit_status: int
    seconds: float
    terminal: str
    verdict: str
    channels: dict[str, int]
    results: list[dict[str, Any]]

    def of(self, check: str, subject: str = "") -> dict[str, Any]:
        """The one result of a check, for the subject whose name starts so."""
        found = [r for r in self.results if r["id"] == check and r["subject"].startswith(subject)]
        assert len(found) == 1, f"{check}[{subject}]: {found}"
        return found[0]

    def outcomes(self, check: str) -> set[str]:
        """The outcomes of all cases of a check."""
        return {result["outcome"] for result in self.results if result["id"] == check}


Checks = Callable[..., Checked]


@pytest.fixture
def checks(tmp_path: Path) -> Checks:
    """Runs `pytest` with these arguments in a process of its own."""

    def run(*arguments: str) -> Checked:
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", f"--reports={tmp_path}", *arguments],
            cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        seconds = time.monotonic() - start
        written = sorted(tmp_path.glob("*/results.json"), key=lambda file: file.stat().st_mtime)
        assert written, done.stdout + done.stderr
        came = json.loads(written[-1].read_text())
        return Checked(
            exit_status=done.returncode,
            seconds=seconds,
            terminal=done.stdout,
            verdict=came["verdict"],
            channels=came["channels"],
            results=came["results"],
        )

    return run


@pytest.fixture(scope="module")
def standing() -> Iterator[None]:
    """A fleet in the state after the cutover; one that was up is used and left up."""
    was = fleet.record()
    fleet.up("after", lambda _: None)
    yield
    if was is None:
        fleet.down()


@pytest.fixture(scope="module")
def box(standing: None) -> Iterator[NspawnMachine]:  # noqa: ARG001
    """A machine beside the fleet on which the timer is installed and goes off every ten seconds.

    The hosts have its permit. Afterwards nothing is left of either.
    """
    with verifier() as one:
        try:
            install(one)
            put_permits(one)
            yield one
        finally:
            take_permits()
