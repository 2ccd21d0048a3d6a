"""The order in which faults happen, are judged and healed; on a fleet that is a list of words."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rehearsal.faults.fault import Fault, Ground, fail
from rehearsal.matrix import page, stage
from rehearsal.matrix.judge import Judged, Verdicts
from rehearsal.matrix.rows import Matrix, Row

WORN: list[type["_Known"]] = []
"""What is wrong with the fleet now."""
HAPPENED: list[str] = []
GIVEN: list[dict[str, float]] = []
"""The deadlines of each recording."""
LOOKED: list[str] = []
"""The faults after which the healed fleet was asked for itself."""


class _Known(Fault):
    looks: ClassVar[int] = 0
    """So many recordings find it there, whatever `heal` does; without them, `heal` ends it."""

    def __init_subclass__(cls) -> None:
        cls.turns = {cls.title(): fail(f"{cls.title()} is worn")}

    def inject(self) -> None:
        HAPPENED.append(self.title())
        WORN.append(type(self))

    def heal(self) -> None:
        if not self.looks:
            WORN.remove(type(self))


class First(_Known):
    pass


class Second(_Known):
    pass


class SlowToHeal(_Known):
    looks = 2


class NeverHeals(_Known):
    looks = 10**9


class Breaks(_Known):
    def heal(self) -> None:
        raise OSError("no such fleet")


class AlsoFirst(_Known):
    """Turns the check that First turns, as well as its own."""


AlsoFirst.turns = {**First.turns, **AlsoFirst.turns}

ALL = (First, Second, SlowToHeal, NeverHeals, Breaks, AlsoFirst)


@pytest.fixture
def stood(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[stage.FleetOnGround]:
    """A stage that was entered; HEALED_WITHIN is over at once."""
    looked: Counter[type[_Known]] = Counter()
    recorded: dict[Path, Verdicts] = {}

    def take(folder: Path, *_: Any, deadlines: dict[str, float], **__: Any) -> tuple[float, float]:
        GIVEN.append(deadlines)
        recorded[folder] = {
            kind.title(): Judged("X-01", "prereqs", *ending(kind), hosts=()) for kind in ALL
        }
        if folder.parent.name == "healed":
            LOOKED.append(folder.name)
        looked.update(WORN)
        WORN[:] = [kind for kind in WORN if not kind.looks or kind.looks != looked[kind]]
        return 1.0, 41.0

    def judge(folder: Path, **_: Any) -> Verdicts:
        return recorded[folder]

    def reset(*_: Any) -> None:
        HAPPENED.append("reset")
        looked.clear()
        WORN.clear()

    monkeypatch.setattr(stage, "take", take)
    monkeypatch.setattr(stage, "judge", judge)
    monkeypatch.setattr(stage, "HEALED_WITHIN", 0.0)
    monkeypatch.setattr("rehearsal.fleet.reset", reset)
    monkeypatch.setattr("rehearsal.fleet.forgive", lambda: None)
    monkeypatch.setattr("rehearsal.fleet.wait_until_served", lambda _: None)
    monkeypatch.setattr("rehearsal.fleet.steady", lambda: False)
    WORN.clear()
    HAPPENED.clear()
    LOOKED.clear()
    GIVEN.clear()
    with ThreadPoolExecutor(2) as judges:
        one = stage.FleetOnGround(Ground(), tmp_path, judges)
        one.enter()
        yield one


def ending(check: type[_Known]) -> tuple[str, str]:
    for kind in WORN:
        if turn := kind.turns.get(check.title()):
            return turn.outcome, turn.words
    return "pass", ""


def problems(rows: list[Row]) -> dict[str, list[str]]:
    return {row.fault.title(): row.problems for row in rows}


def test_each_fault_happens_once_where_all_heal(stood: stage.FleetOnGround) -> None:
    assert problems([*stood.rows([First, Second])]) == {"first": [], "second": []}
    assert HAPPENED == ["first", "second"]


def test_the_next_recording_shows_that_a_fault_is_healed(stood: stage.FleetOnGround) -> None:
    assert problems([*stood.rows([First, Second])]) == {"first": [], "second": []}
    assert LOOKED == ["second"]


def test_what_the_next_fault_turns_too_is_asked_for_itself(stood: stage.FleetOnGround) -> None:
    assert problems([*stood.rows([First, AlsoFirst])]) == {"also-first": [], "first": []}
    assert LOOKED == ["also-first", "first"]


def test_after_a_fault_that_hits_a_host_the_fleet_is_waited_for(
    stood: stage.FleetOnGround, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(First, "blinds", {"a-host": fail("away")})
    assert problems([*stood.rows([First, Second])]) == {"first": [], "second": []}
    assert LOOKED == ["first", "second"]


def test_faults_that_share_a_check_are_kept_apart(stood: stage.FleetOnGround) -> None:
    rows = [*stood.rows([First, AlsoFirst, Second])]
    assert [row.fault for row in rows] == [AlsoFirst, Second, First]
    assert LOOKED == ["first"]


def test_where_two_are_in_question_each_happens_alone(stood: stage.FleetOnGround) -> None:
    found = problems([*stood.rows([SlowToHeal, Breaks])])
    assert found == {"slow-to-heal": [], "breaks": ["OSError: no such fleet"]}
    assert HAPPENED == ["slow-to-heal", "breaks", "reset", "slow-to-heal", "breaks", "reset"]


def test_what_happened_on_a_fleet_that_was_not_healed_happens_again(
    stood: stage.FleetOnGround,
) -> None:
    rows = [*stood.rows([SlowToHeal, Second, First])]
    assert problems(rows) == {"slow-to-heal": [], "second": [], "first": []}
    assert HAPPENED == ["slow-to-heal", "second", "first", "second", "first"]


def test_a_fault_that_does_not_heal_fails_alone(stood: stage.FleetOnGround) -> None:
    found = problems([*stood.rows([First, NeverHeals, Second])])
    unhealed = "does not heal: never-heals is fail (never-heals is worn)"
    assert found == {"first": [], "never-heals": [unhealed], "second": []}
    assert HAPPENED == ["first", "never-heals", "second", "reset", "second"]


def test_the_last_fault_must_heal_too(stood: stage.FleetOnGround) -> None:
    (row,) = stood.rows([NeverHeals])
    assert row.trouble
    assert HAPPENED[-1] == "reset"


def test_a_fault_that_breaks_is_told_and_the_fleet_starts_over(stood: stage.FleetOnGround) -> None:
    found = problems([*stood.rows([First, Breaks, Second])])
    assert found["breaks"][0] == "OSError: no such fleet"
    assert (found["first"], found["second"]) == ([], [])
    assert HAPPENED == ["first", "breaks", "reset", "second"]


def test_a_snapshot_that_outlasts_its_deadlines_fails_the_matrix(
    stood: stage.FleetOnGround,
) -> None:
    (row,) = stood.rows([First])
    row.asked = 41.1
    late = "asking the fleet took 41.1 s, longer than the 41 s of all its deadlines"
    assert row.problems == [late]


def test_a_second_try_gives_every_answer_longer(
    stood: stage.FleetOnGround, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the deadline that a fault needs to be as short as it says."""
    monkeypatch.setattr(First, "deadlines", {"http": 1})
    assert [*stood.rows([First], slack=stage.SLACK)]
    longer = {limit: stage.SLACK * seconds for limit, seconds in stage.DEADLINES.items()}
    assert GIVEN[1] == {**longer, "http": 1}
    assert GIVEN[2] == longer, "of the healed fleet"


def test_when_the_time_is_over_no_fault_begins(stood: stage.FleetOnGround) -> None:
    assert not [*stood.rows([First, Second], until=0)]
    assert (HAPPENED, stood.untried) == ([], [First, Second])


def test_the_last_fault_before_the_end_is_seen_to_heal(
    stood: stage.FleetOnGround, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one, which was to show it, does not happen any more."""
    monkeypatch.setattr("time.monotonic", lambda: float(len(HAPPENED)))
    assert problems([*stood.rows([First, Second], until=0.5)]) == {"first": []}
    assert (HAPPENED, LOOKED, stood.untried) == (["first"], ["first"], [Second])


def test_a_matrix_that_was_not_tried_whole_says_so(stood: stage.FleetOnGround) -> None:
    matrix = Matrix(rows=[*stood.rows([First])], untried=["second"])
    assert matrix.summary()[-2:] == [
        "not tried          1: second",
        "The matrix holds as far as it was tried.",
    ]
    assert "1</b> not tried" in page.html(matrix, datetime.now(UTC))
    matrix.rows[0].trouble = "does not heal"
    assert matrix.summary()[-1] == "The matrix does not hold."
