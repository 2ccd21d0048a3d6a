"""The verdict of a scheduled rehearsal: nothing that is missing, broken or in part is READY."""

import json
from pathlib import Path
from typing import Any

import pytest

from fleetmesh.evidence.outcomes import Verdict
from rehearsal import verdict

HOLDS = {
    "holds": True, "complete": True, "tried": 2, "caught": 2, "missed": 0, "false_alarms": 0,
    "troubled": 0, "uncovered": [], "faults": [],
}  # fmt: skip
MISSED = {"missed": 1, "caught": 1, "faults": [{"name": "Silent hub", "problems": ["not seen"]}]}
UNHEALED = {
    "missed": 1, "caught": 1, "troubled": 1,
    "faults": [{"name": "Silent hub", "problems": ["does not heal"]}],
}  # fmt: skip


def part(folder: Path, content: Any, name: str = "drill") -> verdict.Part:
    file = folder / "2026-01-01T000000Z_x" / f"{name}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return verdict.read(folder, name)


def test_what_states_its_verdict_is_taken_at_its_word(tmp_path: Path) -> None:
    for word in ("READY", "NOT READY", "INCONCLUSIVE", "INCOMPLETE"):
        assert part(tmp_path, {"verdict": word, "headline": "h"}).verdict == word


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "3", "{}", {"verdict": "READY"}, {"verdict": "ready", "headline": "h"},
     {"verdict": "PASSED IN PART", "headline": "h"}, {"verdict": ["READY"], "headline": "h"},
     {"holds": True}],
)  # fmt: skip
def test_what_is_not_understood_is_incomplete(tmp_path: Path, content: Any) -> None:
    assert part(tmp_path, content).verdict == "INCOMPLETE"


def test_what_is_missing_is_incomplete(tmp_path: Path) -> None:
    found = verdict.read(tmp_path, "drill")
    assert (found.verdict, "no drill.json" in found.headline) == ("INCOMPLETE", True)


def test_the_latest_counts(tmp_path: Path) -> None:
    for day, word in ((1, "READY"), (2, "NOT READY")):
        file = tmp_path / f"2026-01-0{day}T000000Z_drill" / "drill.json"
        file.parent.mkdir()
        file.write_text(json.dumps({"verdict": word, "headline": "h"}))
    assert verdict.read(tmp_path, "drill").verdict == "NOT READY"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "READY"),
        ({"complete": False}, "INCOMPLETE"),
        ({"holds": False, **MISSED}, "NOT READY"),
        ({"holds": False, **UNHEALED}, "INCOMPLETE"),
        ({"holds": False, **UNHEALED, "missed": 2}, "NOT READY"),
        ({"holds": False, **UNHEALED, "false_alarms": 1}, "NOT READY"),
        ({"holds": False, "uncovered": ["a_check"]}, "NOT READY"),
    ],
)
def test_matrix(tmp_path: Path, changed: dict[str, Any], expected: str) -> None:
    found = part(tmp_path, HOLDS | changed, "faults")
    assert found.verdict == expected
    assert ("Silent hub" in str(found.problems)) == ("faults" in changed)


def course(*problems: list[str], planned: int = 2, trouble: str = "", holds: bool) -> Any:
    return {
        "holds": holds, "conclusion": "The drill …\nlook at …", "planned": planned,
        "trouble": trouble, "stages": [{"stage": "cutover", "problems": p} for p in problems],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (course([], [], holds=True), "READY"),
        (course([], ["CUT-04: dead"], holds=False), "NOT READY"),
        (course([], ["CUT-04: dead"], planned=9, holds=False), "NOT READY"),
        (course([], planned=9, holds=False), "INCOMPLETE"),
        (course([], [], trouble="interrupted", holds=False), "INCOMPLETE"),
        (course([], [], trouble="interrupted", holds=True), "INCOMPLETE"),
        (course(planned=9, holds=True), "INCOMPLETE"),
        (course([], [], holds=False), "INCOMPLETE"),
    ],
)
def test_drill(tmp_path: Path, content: Any, expected: str) -> None:
    found = part(tmp_path, content)
    assert (found.verdict, found.headline) == (expected, "The drill …")


@pytest.mark.parametrize(
    ("words", "expected", "kind"),
    [
        (("READY", "READY"), "READY", "notice"),
        (("READY", "INCOMPLETE"), "INCOMPLETE", "warning"),
        (("INCONCLUSIVE", "READY"), "INCONCLUSIVE", "warning"),
        (("INCOMPLETE", "NOT READY"), "NOT READY", "error"),
        ((), "INCOMPLETE", "warning"),
    ],
)
def test_worst(words: tuple[str, ...], expected: str, kind: str) -> None:
    parts = [verdict.Part(f"part{index}", word, "h") for index, word in enumerate(words)]
    assert verdict.worst(parts) == expected
    assert verdict.annotation(parts).startswith(f"::{kind} title={expected}::")
    assert verdict.summary(parts).startswith(f"## {expected}\n")


def test_statuses_are_those_of_the_checks() -> None:
    assert {one.value: one.exit_status for one in Verdict} == verdict.STATUS


def test_what_a_machine_says_stays_text() -> None:
    evil = "a|b <img src=x> `c` [d](e)\n::error::f"
    parts = [verdict.Part("drill", "NOT READY", evil, (evil,) * 25)]
    text = verdict.summary(parts)
    assert "<img" not in text
    assert "\\[d\\]" in text
    assert "and 5 more" in text
    assert all(not line.startswith("::") for line in text.splitlines())
    assert "\n" not in verdict.annotation(parts)
