"""The JUnit file carries what a machine wants to know of a run and of each check."""

from xml.etree import ElementTree

import pytest

from fleetmesh.text.legible import legible
from selftests.report.conftest import Written
from selftests.report.synthetic import HOSTILE, RUNS


def _properties(element: ElementTree.Element) -> dict[str, str]:
    return {p.get("name", ""): p.get("value", "") for p in element.findall("properties/property")}


@pytest.mark.parametrize("run", RUNS)
def test_suite_and_cases_carry_the_record(written: Written, run: str) -> None:
    made = RUNS[run]()
    suite = ElementTree.parse(written(run) / "junit.xml").getroot()[0]
    assert _properties(suite) == {
        "fleet": legible(made.fleet),
        "kind": made.kind,
        "verdict": made.headline.partition(":")[0],
        "inventory.digest": legible(made.inventory_digest),
        "runbook": legible(made.runbook),
        **{legible(f"cause {cause.name}"): legible(cause.told) for cause in made.lost},
    }
    cases = [_properties(case) for case in suite.findall("testcase")]
    unreported = [case for case in suite.findall("testcase") if case.find("error") is not None]
    assert len(unreported) == len(made.missing)
    assert cases[: len(made.results)] == [
        {"outcome": r.outcome.value, "id": legible(r.id), "runbook": legible(r.runbook)}
        | ({"condition": legible(str(r.condition))} if r.condition else {})
        | ({"cause": legible(r.cause)} if r.cause else {})
        for r in made.results
    ]


def test_hostile_strings_stay_text(written: Written) -> None:
    text = (written("hostile") / "junit.xml").read_text()
    assert HOSTILE not in text
    assert "<script" not in text
    assert "\u202e" not in ElementTree.fromstring(text)[0].findtext("properties", "")
