"""Every view tells what is lost before anything else, with what it explains, and the states."""

import json
from dataclasses import replace

import pytest

from fleetmesh.evidence.folder import read
from fleetmesh.evidence.run import Run
from fleetmesh.views import words
from fleetmesh.views.workplan import block
from selftests.report.conftest import Open, Written
from selftests.report.synthetic import UNREACHABLE, lost

EXPLAINED = ("PROD-06", "PROD-05")


@pytest.fixture
def run(written: Written) -> Run:
    return read(written("lost"))


def test_the_record_holds_causes_and_conditions(run: Run) -> None:
    made = lost()
    assert run.lost == made.lost
    assert [result.condition for result in run.results] == [r.condition for r in made.results]
    assert [result.cause for result in run.results] == [result.cause for result in made.results]


def test_nothing_that_is_explained_changes_the_verdict(run: Run) -> None:
    bare = [replace(result, condition=None, cause="") for result in run.results]
    assert replace(run, results=bare, lost=()).headline == run.headline
    assert run.headline.startswith("NOT READY")
    assert "5 fail" in run.headline


def test_each_failure_stands_in_one_place_and_none_in_no_place(run: Run) -> None:
    explained = [result.id for cause in run.lost for result in run.causes()[cause]]
    not_yet = [result.id for some in run.not_yet().values() for result in some]
    alone = [result.id for result in run.unexplained()]
    assert explained == ["PROD-06", "PROD-05", "PROD-07"]
    assert not_yet == ["PROD-08"]
    assert alone == ["PROD-09", "PROD-10"]


def test_a_cause_that_nobody_recorded_explains_nothing(run: Run) -> None:
    forged = replace(run, lost=())
    assert {result.id for result in forged.unexplained()} >= {*EXPLAINED}


def test_the_page_begins_with_the_causes(opened: Open) -> None:
    page = opened("lost", view="evidence.html", scripts=False)
    titles = page.locator("main h2").all_inner_texts()
    assert titles[:3] == [
        "Causes",
        "Not as the runbook wants it",
        "Not yet, for Cutover 2 has not been done",
    ]
    causes = page.locator("section[aria-labelledby=causes]")
    assert UNREACHABLE in causes.inner_text()
    assert "It explains no outcome of this run." in causes.inner_text()
    folded = causes.locator(".check.is-fail").first
    assert not folded.is_visible(), "its symptoms are folded"
    causes.get_by_text("explains 3 checks").click()
    assert folded.is_visible()
    assert "down" in folded.inner_text()
    alone = page.locator("section[aria-labelledby=failed]").inner_text()
    assert "settling until 09:22:05Z" in alone
    assert "PROD-06" not in alone
    waiting = page.locator("section[aria-labelledby=not-yet-1]").inner_text()
    assert "systemctl --user enable --now" in waiting


def test_the_page_prints_what_is_folded(opened: Open) -> None:
    page = opened("lost", view="evidence.html", scripts=False)
    page.emulate_media(media="print")
    assert page.locator("section[aria-labelledby=causes] .check.is-fail").first.is_visible()


def test_the_other_page_has_them_too(opened: Open) -> None:
    text = opened("lost").locator("body").inner_text()
    assert text.index("Causes") < text.index("Not as the runbook wants it") < text.index("Not yet")


def test_the_workplan_has_them() -> None:
    text = block(lost())
    causes, rest = text.split("**Not as the runbook wants it**")
    assert f"- `{UNREACHABLE}`: `PROD-06 [fleet-state-hub-coulombcore]` (fail, " in causes
    assert "explains no outcome of this run" in causes
    assert "`settling until 09:22:05Z`" in rest
    assert "**Not yet, for `Cutover 2` has not been done; next: `ssh railiance01" in rest
    assert not any(f"`{check} " in rest for check in EXPLAINED)


def test_the_statement_has_them(written: Written) -> None:
    told = json.loads((written("lost") / "statement.json").read_text())
    notes = told["subject"][0]["annotations"]
    assert notes["causes"]["host coulombcore"] == UNREACHABLE
    first = next(iter(notes["conditions"].values()))
    assert first == {"condition": "down", "cause": "host coulombcore"}
    assert told["predicate"]["result"] == "FAILED"


def test_the_reason_of_the_verdict_counts_the_states(run: Run) -> None:
    said = words.because(run)
    assert said.endswith("could not be concluded: 1 not yet, 1 settling, 1 down, 4 broken.")
