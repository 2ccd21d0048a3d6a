"""Receivers, and small suites whose runs tell them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from selftests.checks.conftest import Ran, Suite, annotated, run_pytest, server, suite
from selftests.monitoring import receivers
from selftests.monitoring.receivers import Receiver

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
    "INCONCLUSIVE": "linger['coulombcore']",
}
"""The body of a check, by the verdict that it leads to."""


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
class Watched:
    """A fleet whose runs are told to somebody."""

    suite: Suite

    def tells(self, monitoring: dict[str, Any]) -> None:
        self.suite.inventory(f"\nmonitoring: {json.dumps(monitoring)}\n")

    def ends(self, verdict: str, *more: str, body: str = "", **environment: str) -> Ran:
        """Run the checks, which come to `verdict`."""
        self.suite.write(
            "tests/production/test_it.py",
            CHECKS.format(body=body or ENDS[verdict], arguments=annotated("linger")),
        )
        arguments = more or ("-m", "production")
        ran = self.suite.run(*arguments, "--reports=reports", **environment)
        assert verdict in ran.headline, ran.terminal
        assert ran.exit_status == {"READY": 0, "NOT READY": 1}.get(verdict, 6), ran.terminal
        return ran

    @property
    def reports(self) -> Path:
        return self.suite.folder / "reports"

    def outbox(self) -> dict[str, Any]:
        found = (self.reports / "outbox/rehearsal_rehearsal.json").read_text()
        return json.loads(found)  # type: ignore[no-any-return]


@pytest.fixture
def watched(suite: Suite) -> Watched:
    return Watched(suite)


def deliveries(ran: Ran) -> dict[str, str | None]:
    """Why each was not told, by receiver and what; None where it was."""
    assert ran.folder
    found = json.loads((ran.folder / "deliveries.json").read_text())["deliveries"]
    return {f"{one['to']}: {one['what']}": one["why"] for one in found}
