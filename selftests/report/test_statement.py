"""statement.json is an in-toto Statement v1 with a test result v0.1."""

import json
from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest

from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.run import Origin, Run
from fleetmesh.views.statement import statement
from selftests.report.synthetic import RUNS, new_run, ready, result


def _told(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(statement(run))
    return found


def _with(*outcomes: Outcome, **given: object) -> Run:
    return new_run([result(number, each) for number, each in enumerate(outcomes)], **given)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (_with(Outcome.PASS), "PASSED"),
        (_with(Outcome.PASS, left_out=("a::x",)), "WARNED"),
        (_with(Outcome.PASS, Outcome.WARN), "WARNED"),
        (_with(Outcome.PASS, Outcome.WAIVED), "WARNED"),
        (_with(Outcome.PASS, Outcome.ACCEPTED), "WARNED"),
        (_with(Outcome.PASS, Outcome.DEFERRED), "WARNED"),
        (_with(Outcome.PASS, Outcome.INCONCLUSIVE), "FAILED"),
        (_with(Outcome.PASS, Outcome.FAIL), "FAILED"),
        (_with(Outcome.PASS, planned=("other",)), "FAILED"),
        (_with(Outcome.PASS, open=True), "FAILED"),
        (_with(), "FAILED"),
    ],
)
def test_only_a_whole_run_in_which_all_passed_is_passed(run: Run, expected: str) -> None:
    assert _told(run)["predicate"]["result"] == expected


@pytest.mark.parametrize("name", RUNS)
def test_each_check_stands_where_it_belongs(name: str) -> None:
    run = RUNS[name]()
    told = _told(run)
    lists = {
        "passedTests": [Outcome.PASS],
        "warnedTests": [Outcome.WARN, Outcome.WAIVED, Outcome.ACCEPTED],
        "failedTests": [Outcome.FAIL, Outcome.INCONCLUSIVE],
    }
    for member, outcomes in lists.items():
        expected = [r.nodeid for r in run.results if r.outcome in outcomes]
        expected += run.missing if member == "failedTests" else ()
        assert told["predicate"][member] == expected
    deferred = [r.nodeid for r in run.results if r.outcome is Outcome.DEFERRED]
    assert told["subject"][0]["annotations"]["deferred"] == deferred


def test_it_says_what_was_tested_and_with_what() -> None:
    made = replace(ready(), chain="ab" * 32, id="run", origin=Origin(commit="c" * 40, dirty=True))
    told = _told(made)
    assert told["_type"] == "https://in-toto.io/Statement/v1"
    assert told["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert [(s["name"], s["digest"]) for s in told["subject"]] == [
        ("rehearsal", {"sha256": "ab" * 32})
    ]
    suite, inventory, runbook = told["predicate"]["configuration"]
    assert suite["digest"] == {"gitCommit": "c" * 40}
    assert suite["annotations"] == {"dirty": True}
    assert inventory["digest"] == {"sha256": made.inventory_digest}
    assert b64decode(runbook["content"]).decode() == made.runbook
    unknown = _told(replace(made, origin=Origin()))["predicate"]["configuration"]
    assert [each["name"] for each in unknown] == ["rehearsal.yaml", "runbook"]


def test_nothing_in_it_hides() -> None:
    assert statement(RUNS["hostile"]()).isascii()
