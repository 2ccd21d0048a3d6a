"""Receivers, and fleets whose runs are told to them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.run import Run
from fleetmesh.inventory import Inventory, Monitoring, load
from fleetmesh.monitoring.monitor import Delivery, Monitor
from selftests.checks.conftest import Ran, Suite, annotated, run_pytest, server, suite
from selftests.inventory import RUNBOOK
from selftests.monitoring import receivers
from selftests.monitoring.receivers import Receiver
from selftests.report.synthetic import new_run, result

__all__ = ["run_pytest", "server", "suite"]

CHECKS = '''
@check("PROD-90.linger", runbook="Goal", hint="Mend it.")
def test_linger({arguments}):
    """It lingers."""
    {body}

@check("PROD-91.other", runbook="Goal", hint="Mend it.")
def test_other({arguments}):
    """It stands on its tunnel."""
    linger["railiance01"]
'''
ENDS = {
    "READY": "linger['railiance01']",
    "NOT READY": "assert not linger['railiance01'], 'it is off, they say'",
}
"""The body of a check, by the verdict that it leads to."""
_OUTCOMES = {
    "READY": Outcome.PASS,
    "NOT READY": Outcome.FAIL,
    "INCONCLUSIVE": Outcome.INCONCLUSIVE,
}


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receivers.http() as receiver:
        yield receiver


@pytest.fixture
def switch() -> Iterator[Receiver]:
    with receivers.http() as receiver:
        yield receiver


@pytest.fixture
def mailbox() -> Iterator[Receiver]:
    with receivers.smtp() as receiver:
        yield receiver


@dataclass
class Told:
    """Runs of a fleet that end as they are told, without any check."""

    inventory: Inventory
    reports: Path
    monitoring: Monitoring = field(default_factory=lambda: Monitoring(textfile="/nowhere"))
    environment: dict[str, str] = field(default_factory=dict)
    runs: int = 0

    def tells(self, **monitoring: Any) -> None:
        self.monitoring = Monitoring(**monitoring)

    def begun(self, verdict: str, phase: str = "production") -> tuple[Monitor, Run]:
        self.runs += 1
        outcome = _OUTCOMES.get(verdict)
        run = new_run(
            [result(self.runs % 2, outcome, phase=phase)] if outcome else [],
            id=f"run-{self.runs}",
            asked=(phase,),
            open=verdict == "INCOMPLETE",
        )
        run.started += timedelta(hours=self.runs)
        run.finished = run.started + timedelta(seconds=5)
        monitor = Monitor(
            self.inventory, self.monitoring, self.reports, lambda text: text, self.environment
        )
        monitor.started(run)
        return monitor, run

    def run(self, verdict: str, phase: str = "production") -> list[Delivery]:
        monitor, run = self.begun(verdict, phase)
        assert run.conclusion == verdict
        return monitor.ended(run, self.reports / run.id / "evidence.html")

    def outbox(self) -> dict[str, Any]:
        found = (self.reports / "outbox/rehearsal_rehearsal.json").read_text()
        return json.loads(found)  # type: ignore[no-any-return]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    (tmp_path / "reports").mkdir()
    return Told(load(RUNBOOK), tmp_path / "reports")


@dataclass
class Watched:
    """A suite whose runs are told to somebody."""

    suite: Suite

    def tells(self, **monitoring: Any) -> None:
        self.suite.inventory(f"\nmonitoring: {json.dumps(monitoring)}\n")

    def write(self, body: str) -> None:
        """Write the checks, one of them with this body."""
        checks = CHECKS.format(body=body, arguments=annotated("linger"))
        self.suite.write("tests/production/test_it.py", checks)

    def ends(self, verdict: str, body: str = "", **environment: str) -> Ran:
        """Run the checks, which come to `verdict`."""
        self.write(body or ENDS[verdict])
        ran = self.suite.run("-m", "production", "--reports=reports", **environment)
        assert f"{verdict}: production" in ran.headline, ran.terminal
        assert ran.exit_status == {"READY": 0, "NOT READY": 1}.get(verdict, 6), ran.terminal
        return ran


@pytest.fixture
def watched(suite: Suite) -> Watched:
    return Watched(suite)


def deliveries(ran: Ran) -> dict[str, str | None]:
    """Why each was not told, by receiver and what; None where it was."""
    assert ran.folder
    found = json.loads((ran.folder / "deliveries.json").read_text())["deliveries"]
    return {f"{one['to']}: {one['what']}": one["why"] for one in found}
