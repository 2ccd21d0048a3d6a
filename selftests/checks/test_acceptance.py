"""Each waiver and deferral that did nothing in a run is named, with the reason."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fixtures.acceptance import in_vain
from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.inventory import Waiver, load
from selftests.inventory import RUNBOOK
from selftests.report.synthetic import result

SOUND = load(RUNBOOK)


def told(outcomes: dict[str, Outcome], *, deferred: bool = False, **given: Any) -> list[str]:
    """What is said of one waiver, or a deferral, of a check that ended so in each of its cases."""
    waiver: dict[str, Any] = {"check": "PROD-13.restarts", "owner": "o", "reason": "r"}
    waiver |= {"expires": datetime(2999, 1, 1, tzinfo=UTC), **given}
    accepted: dict[str, Any] = {"waivers": (Waiver(**waiver),), "deferrals": {}}
    if deferred:
        accepted = {"waivers": (), "deferrals": {"PROD-13.restarts": "later"}}
    results = [
        result(13, outcome, id="PROD-13.restarts", subject=case)
        for case, outcome in outcomes.items()
    ]
    return list(in_vain(SOUND.model_copy(update=accepted), results))


@pytest.mark.parametrize(
    ("outcomes", "given"),
    [
        ({}, {}),  # not in this run
        ({"a": Outcome.WAIVED}, {}),
        ({"a": Outcome.WAIVED, "b": Outcome.FAIL}, {"only": "a"}),
        ({"a": Outcome.ACCEPTED}, {"accepts": "inconclusive"}),
        ({"a": Outcome.FAIL}, {"expires": datetime(2020, 1, 1, tzinfo=UTC)}),
    ],
)
def test_nothing_is_said_of_what_counts(outcomes: dict[str, Outcome], given: Any) -> None:
    assert told(outcomes, **given) == []


@pytest.mark.parametrize(
    ("outcomes", "given", "said"),
    [
        ({"a": Outcome.PASS}, {}, "PROD-13.restarts was not needed: it passes"),
        (
            {"a": Outcome.INCONCLUSIVE},
            {},
            "PROD-13.restarts did nothing: it accepts fail, and the check ended inconclusive",
        ),
        (
            {"a": Outcome.FAIL, "b": Outcome.PASS},
            {"accepts": "inconclusive"},
            "PROD-13.restarts did nothing: it accepts inconclusive, and the check ended fail and "
            "pass",
        ),
        (
            {"a": Outcome.FAIL, "b": Outcome.FAIL},
            {"only": "mars"},
            "PROD-13.restarts[mars] did nothing: its cases are a, b",
        ),
        (
            {"a": Outcome.INCONCLUSIVE},
            {"accepts": "inconclusive"},
            "PROD-13.restarts did nothing: that a check breaks, or looks at nothing, cannot be "
            "accepted",
        ),
        (
            {"a": Outcome.PASS},
            {"expires": datetime(2020, 1, 1, tzinfo=UTC)},
            "PROD-13.restarts was not needed: it passes",
        ),
    ],
)
def test_a_waiver_in_vain(outcomes: dict[str, Outcome], given: Any, said: str) -> None:
    assert told(outcomes, **given) == [f"waivers: {said}"]


def test_a_deferral_in_vain() -> None:
    assert told({"a": Outcome.DEFERRED}, deferred=True) == []
    assert told({"a": Outcome.PASS, "b": Outcome.DEFERRED}, deferred=True) == []
    assert told({"a": Outcome.PASS}, deferred=True) == [
        "deferrals: PROD-13.restarts was not needed: it passes"
    ]
    assert told({"a": Outcome.INCONCLUSIVE}, deferred=True) == [
        "deferrals: PROD-13.restarts did nothing: it ended inconclusive. Only the check itself "
        "puts something off; to accept how it ended, write a waiver"
    ]
