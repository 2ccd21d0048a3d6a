"""A stage holds only where every check ends as it must, and the drill only with all its stages."""

from concurrent.futures import Future
from dataclasses import replace
from typing import ClassVar

import pytest

from rehearsal.drill.commands import COMMANDS
from rehearsal.drill.course import Course, _settle
from rehearsal.drill.differences import Differences
from rehearsal.drill.stage import Measured, Seen, Stage
from rehearsal.drill.stages import STAGES
from rehearsal.faults.fault import Turn, fail
from rehearsal.matrix.judge import Judged, Verdicts


class Down(Stage):
    """The port is nobody's."""

    turns: ClassVar[dict[str, Turn]] = {"port_is_held": fail("nobody listens")}
    unsettled: ClassVar[dict[str, str]] = {"unit_is_running": "is activating"}

    def act(self, seen: Seen) -> None:
        """Nothing."""


class NotYet(Down):
    """It is nobody's yet."""

    state: ClassVar[str] = "not yet"


GOOD: Verdicts = {
    "port_is_held[a]": Judged("CUT-05", "cutover", "fail", "nobody listens on a", ()),
    "unit_is_running[a]": Judged("CUT-04", "cutover", "pass", "", ()),
    "PROD-07.linger": Judged("PROD-07", "production", "pass", "", ()),
    "bridge_is_known": Judged("PRE-02.bridge-tool", "prereqs", "deferred", "until later", ()),
}


def settled(*unexpected: str, **changed: tuple[str, str]) -> Seen:
    """The stage, whose checks ended well but for those given by the beginnings of their names."""
    found: Verdicts = {}
    for name, one in GOOD.items():
        outcome, reason = changed.get(name.partition("[")[0], (one.outcome, one.reason))
        found[name] = replace(one, outcome=outcome, reason=reason)
    seen, judging = Seen(Down(), "01-down"), Future[Verdicts]()
    judging.set_result(found)
    compared = Future[Differences]()
    compared.set_result((2, list(unexpected)))
    _settle(seen, judging, compared, lambda _: None)
    return seen


def test_a_stage_holds_with_the_failures_that_it_must_have() -> None:
    seen = settled()
    assert seen.problems == []
    assert seen.verdict == "NOT READY"
    assert settled(unit_is_running=("fail", "it is activating")).problems == []


@pytest.mark.parametrize(
    ("check", "end"),
    [
        ("port_is_held", ("pass", "")),
        ("port_is_held", ("fail", "held by another")),
        ("port_is_held", ("inconclusive", "nobody listens")),
        ("PROD-07.linger", ("fail", "no")),
        ("PROD-07.linger", ("inconclusive", "who knows")),
        ("bridge_is_known", ("pass", "")),
        ("unit_is_running", ("fail", "it is dead")),
        ("unit_is_running", ("inconclusive", "is activating")),
    ],
)
def test_any_other_end_breaks_it(check: str, end: tuple[str, str]) -> None:
    seen = settled(**{check: end})
    assert len(seen.problems) == 1, seen.problems


def test_what_is_not_yet_must_not_be_called_anything_else() -> None:
    seen = settled()
    cell = next(cell for cell in seen.cells if cell.judged.outcome == "fail")
    for state, problems in (("not yet", 0), ("broken", 1)):
        judged = replace(cell.judged, state=state)
        seen.cells = [replace(cell, judged=judged)]
        assert seen.problems == []
        seen.stage = NotYet()
        assert len(seen.problems) == problems
        seen.stage = Down()


def test_a_change_that_nobody_expected_breaks_it() -> None:
    assert settled("not expected: listeners[a] [::1]:1: absent → x").problems == [
        "not expected: listeners[a] [::1]:1: absent → x"
    ]


def test_the_drill_holds_only_with_every_stage_judged_and_in_time() -> None:
    course = Course("systemd", planned=1)
    assert not course.holds
    course.stages = [Seen(Down(), "01-down")]
    assert not course.holds, "nobody has looked at it"
    course.stages = [settled()]
    assert course.holds
    course.stages[0].measured.append(Measured("outage of state-hub", 3.5, 3.0))
    assert not course.holds
    assert "outage of state-hub: 3.50 s" in course.conclusion()
    course = Course("systemd", planned=2, stages=[settled()])
    assert not course.holds


def test_every_command_of_the_runbook_names_stages_that_there_are() -> None:
    known = {stage.title() for stage in STAGES}
    assert len(known) == len(STAGES)
    for command in COMMANDS.values():
        assert command.stages
        assert set(command.stages) <= known


def test_every_drill_row_of_the_catalogue_is_a_stage() -> None:
    proved = {stage.proves for stage in STAGES if stage.proves}
    assert proved == {f"DRILL-0{number}" for number in range(1, 6)}
