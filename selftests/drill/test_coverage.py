"""The page of what the drill runs is true to the runbook's text and to the drill's code."""

import re

import pytest

from fixtures.catalogue import written
from rehearsal.drill import coverage
from rehearsal.drill.commands import COMMANDS
from rehearsal.drill.stages import STAGES
from rehearsal.paths import PROJECT

RUNBOOK = coverage.RUNBOOK.read_text("utf-8")


def test_drill_and_runbook_belong_together() -> None:
    assert coverage.problems(RUNBOOK) == []


def test_page_is_up_to_date() -> None:
    assert coverage.page(RUNBOOK) == coverage.PAGE.read_text("utf-8"), "run `make docs`"
    assert "**" not in coverage.page(RUNBOOK), "something is neither run nor left out for a reason"


def test_all_blocks_are_read() -> None:
    """Counted otherwise: lines indented by four, without comments and the insides of quotes."""
    indented = [line[4:] for line in RUNBOOK.splitlines() if line.startswith("    ")]
    inside = [line for line in indented if line.startswith(("import ", "print(", "\"'"))]
    commands = [line for line in indented if not line.startswith("#") and line not in inside]
    found = coverage.found(RUNBOOK)
    assert [one.text.splitlines()[0] for one in found] == commands
    assert len(found) == 16


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ("bridge down state-hub-railiance01", "bridge stop state-hub-railiance01"),
        ("18765/healthz'", "18765/health'"),
        ("sudo loginctl enable-linger tegwick", "loginctl enable-linger tegwick"),
        ("import urllib.request", "import urllib"),
        ("`which bridge`", "`bridge --version`"),
        ("## Rollback\n", "## Way back\n"),
        ("## Rollback\n", "## Rollback\n\n    systemctl --user daemon-reload\n"),
        ("## Rollback\n", "## Rollback\n\n```sh\nsudo reboot\n```\n"),
        ("## Rollback\n", "## Rollback\n\n~~~\necho 'an open quote\n~~~\n"),
    ],
)
def test_edited_runbook_is_noticed(text: str, edited: str) -> None:
    assert text in RUNBOOK
    changed = RUNBOOK.replace(text, edited)
    assert coverage.problems(changed)


def test_command_that_no_stage_runs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "STAGES", STAGES[:3])
    wrong = "\n".join(coverage.problems(RUNBOOK))
    assert "smoke is run by no stage of the drill" in wrong
    assert "**no stage**" in coverage.page(RUNBOOK)


def test_command_that_is_forgotten_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    rest = {name: command for name, command in COMMANDS.items() if name != "linger"}
    monkeypatch.setattr(coverage, "COMMANDS", rest)
    assert [p for p in coverage.problems(RUNBOOK) if "neither run" in p and "linger" in p]
    assert "**Neither run" in coverage.page(RUNBOOK)


def test_a_lesson_names_checks_that_there_are() -> None:
    told = " ".join(lesson.happens + lesson.works for lesson in coverage.LESSONS.values())
    named = set(re.findall(r"`([A-Z]+-\d+\.[\w-]+)`", told))
    assert len(named) > 5
    assert named <= {check.id for check in written(PROJECT / "tests")}


def test_a_lesson_about_no_command_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(coverage.LESSONS, "reboot", coverage.Lesson("it reboots", "wait"))
    assert "a lesson is about reboot, which is no command" in coverage.problems(RUNBOOK)
