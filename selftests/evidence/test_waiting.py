"""When a run that waits has waited enough; nothing that comes and goes passes for steady."""

from dataclasses import replace

import pytest

from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.waiting import Attempt, Waiting, seconds


def attempt(at: float, end: Outcome = Outcome.PASS, **given: object) -> Attempt:
    outcomes = {"A": Outcome.PASS, "B": end}
    return Attempt(at, outcomes, starts={"unit": given.get("start", 1)}, hopeless=given.get("why"))  # type: ignore[arg-type]


def waited(*attempts: Attempt, limit: float = 60, steady: float = 10) -> Waiting:
    return Waiting(limit, steady, list(attempts))


def test_what_does_not_hold_is_looked_at_again_until_the_time_is_over() -> None:
    waiting = waited(attempt(0, Outcome.FAIL), attempt(30, Outcome.INCONCLUSIVE))
    assert waiting.ends(59) is None
    assert waiting.ends(60) == "60 s are over"
    assert waiting.unsteady() is None, "the verdict says it"


def test_what_holds_must_go_on_to() -> None:
    waiting = waited(attempt(5, Outcome.FAIL), attempt(8))
    assert waiting.ends(8.5) is None
    waiting.attempts.append(attempt(17))
    assert waiting.ends(17.5) is None
    waiting.attempts.append(attempt(18))
    assert waiting.ends(18.5) == "ready for 10 s"
    assert waiting.unsteady() is None
    assert waiting.held_after() == {"A": 5, "B": 8}


@pytest.mark.parametrize("end", [Outcome.FAIL, Outcome.INCONCLUSIVE])
def test_one_relapse_begins_it_anew(end: Outcome) -> None:
    waiting = waited(attempt(0), attempt(9, end), attempt(12), attempt(21))
    assert waiting.ends(21.5) is None
    assert waiting.held_after() == {"A": 0, "B": 12}


def test_a_start_between_two_attempts_begins_it_anew() -> None:
    waiting = waited(attempt(0), attempt(9), attempt(12, start=2), attempt(21, start=2))
    assert waiting.ends(21.5) is None
    waiting.attempts.append(attempt(22, start=2))
    assert waiting.ends(22.5) == "ready for 10 s"


def test_what_flaps_never_passes() -> None:
    waiting = waited()
    for number in range(40):
        waiting.attempts.append(attempt(number * 1.5, start=number // 4))
        assert waiting.ends(number * 1.5 + 1) is None
    assert waiting.ends(60) == "60 s are over"
    assert waiting.unsteady() == (
        "10 s without a change: everything held for 4 s when the 60 s were over"
    )


def test_with_no_time_to_be_steady_once_is_enough() -> None:
    assert waited(attempt(3), steady=0).ends(3.5) == "ready for 0 s"


def test_what_cannot_go_away_ends_it_at_once() -> None:
    waiting = waited(attempt(0, Outcome.INCONCLUSIVE, why="another host key"))
    assert waiting.ends(0.5) == "waiting is in vain: another host key"


def test_what_is_accepted_or_deferred_holds() -> None:
    for end in (Outcome.WARN, Outcome.DEFERRED, Outcome.WAIVED, Outcome.ACCEPTED):
        assert waited(attempt(0, end), attempt(10, end)).settled


def test_nothing_looked_at_is_not_ready() -> None:
    assert not Attempt(0, {}).ready
    assert not waited(Attempt(0, {}), Attempt(50, {})).settled


def test_a_span_has_a_unit() -> None:
    assert [seconds(text) for text in ("90s", "5m", "1h", "0s")] == [90, 300, 3600, 0]
    for text in ("5", "m", "-1s", "1.5m", "1d", "5 m", "5m\n", ""):
        with pytest.raises(ValueError, match="is no span of time"):
            seconds(text)


def test_while_the_process_stood_still_nothing_held() -> None:
    """Stopped in between, it has not seen whether all went on to hold."""
    waiting = waited(attempt(0), replace(attempt(40), stood_still=38))
    assert waiting.steady_since == 40
    assert not waiting.settled
    waiting.attempts.append(replace(attempt(51), stood_still=0.4))
    assert waiting.settled
