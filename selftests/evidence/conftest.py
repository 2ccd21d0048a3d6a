"""A record as a run leaves it."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fleetmesh.evidence.journal import Journal
from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.run import Result, of_result
from fleetmesh.gather import plain
from fleetmesh.gather.transcript import Transcript

WHEN = datetime(2026, 11, 24, 2, 41, 34, 123456, UTC)


def transcript(subject: str = "a", **given: Any) -> Transcript:
    return Transcript(
        **{"fact": "units", "subject": subject, "host": "railiance01", "command": "ssh …",
           "started": WHEN, "seconds": 0.5, "exit_status": 0, "stdout": b"seen\n", **given}
    )  # fmt: skip


def result(nodeid: str, *looked_at: Transcript, **given: Any) -> Result:
    name = nodeid.rpartition("test_")[2]
    return Result(
        **{"id": f"PRE-01.{name}", "nodeid": nodeid, "phase": "prereqs", "statement": "It is.",
           "subject": "", "runbook": "1", "gate": "fail", "hint": "look", "outcome": Outcome.PASS,
           "reason": "", "notes": ("noted",), "started": WHEN, "seconds": 0.25,
           "transcripts": looked_at, **given}
    )  # fmt: skip


@pytest.fixture
def begin(tmp_path: Path) -> Callable[..., Journal]:
    """Opens the journal of a run that plans the given checks."""

    def begun(*nodeids: str) -> Journal:
        checks = [{"nodeid": nodeid, "id": "PRE-01.a", "check": nodeid} for nodeid in nodeids]
        return Journal.begin(
            tmp_path,
            {
                "format": 1,
                "run": "the-run",
                "checks": checks,
                "left_out": 0,
                "catalogue": catalogue(nodeids),
            },
            run="the-run",
            fleet="rehearsal",
            kind="rehearsal",
            phases=["prereqs"],
            writes=False,
            replayed=None,
            inventory="fleets/rehearsal.yaml",
            inventory_digest="d" * 64,
            runbook="CUST-WP-0054-T02",
            started=plain.rfc3339(WHEN),
            origin={"user": "op", "host": "ws", "commit": None, "dirty": None, "tools": {}},
        )

    return begun


def catalogue(planned: Iterable[str], *left_out: str) -> list[dict[str, Any]]:
    """The catalogue of a plan, in which some checks are not planned."""
    counted = Counter(nodeid.partition("[")[0] for nodeid in planned)
    cases = {**counted, **dict.fromkeys(left_out, 1)}
    return [
        {"phase": "prereqs", "check": name, "id": "PRE-01.a", "digest": "0" * 64, "cases": count}
        for name, count in cases.items()
    ]


def report(journal: Journal, *results: Result) -> None:
    for one in results:
        journal.append("outcome", **of_result(one, journal.transcripts(one.transcripts)))


def finish(journal: Journal, verdict: str) -> None:
    journal.append(
        "run-finished", verdict=verdict, exit_status=0, missing=[], channels={}, redactions={}
    )
