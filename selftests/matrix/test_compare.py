"""What is held against what: nothing that differs from a fault's own words goes unnoticed."""

from collections.abc import Mapping

import pytest

from rehearsal.faults.fault import Fault, Turn, fail, inconclusive, passes, warn
from rehearsal.matrix.compare import compare
from rehearsal.matrix.judge import Judged, Verdicts
from rehearsal.matrix.rows import Matrix, Row, function


def judged(outcome: str = "pass", reason: str = "", hosts: tuple[str, ...] = ("h1",)) -> Judged:
    return Judged("X-01", "prereqs", outcome, reason, hosts)


GROUND: Verdicts = {
    "port_is_held[a]": judged(),
    "port_is_held[b]": judged(),
    "PROD-07.linger": judged(),
    "far_end_answers": judged(hosts=("h2",)),
    "written": judged("deferred", "not now", hosts=("h2",)),
}
KILLED = {"port_is_held[a]": judged("fail", "held by a stranger")}


def row(
    found: Mapping[str, Judged],
    turns: Mapping[str, Turn],
    blinds: Mapping[str, Turn] | None = None,
) -> Row:
    """The row of a fault with these turns in which the named checks ended so."""
    fault = type("Something", (Fault,), {"turns": turns, "blinds": blinds or {}})
    return Row(fault, compare(fault, GROUND, {**GROUND, **found}))


def counts(*rows: Row, complete: bool = False) -> tuple[int, int, int, bool]:
    """Caught, missed, false alarms, and whether the matrix holds."""
    checks = {function(check): judged for check, judged in GROUND.items()}
    matrix = Matrix(list(rows), checks, complete)
    return matrix.caught, matrix.missed, matrix.false_alarms, matrix.holds


def test_a_fault_that_is_noticed_as_it_must_be_is_caught() -> None:
    noticed = row(KILLED, {"port_is_held[a]": fail("by a stranger")})
    assert noticed.problems == []
    assert [cell.check for cell in noticed.turned] == ["port_is_held[a]"]
    assert counts(noticed) == (1, 0, 0, True)


def test_a_fault_that_is_not_noticed_is_missed() -> None:
    unnoticed = row({}, {"port_is_held[a]": fail("stranger")})
    assert unnoticed.problems == ["port_is_held[a]: ended in pass, not fail"]
    assert counts(unnoticed) == (0, 1, 0, False)


def test_the_wrong_outcome_is_missed() -> None:
    doubtful = row(
        {"port_is_held[a]": judged("inconclusive", "ss is gone")},
        {"port_is_held[a]": fail("ss")},
    )
    assert doubtful.problems == ["port_is_held[a]: ended in inconclusive, not fail (ss is gone)"]
    assert counts(doubtful) == (0, 1, 0, False)


def test_the_wrong_words_are_missed() -> None:
    misled = row(KILLED, {"port_is_held[a]": fail("nobody listens")})
    assert misled.problems == [
        "port_is_held[a]: the reason lacks 'nobody listens': held by a stranger"
    ]
    assert counts(misled) == (0, 1, 0, False)


def test_what_no_fault_explains_is_a_false_alarm() -> None:
    alarmed = row(
        {**KILLED, "PROD-07.linger": judged("fail", "Linger=no")},
        {"port_is_held[a]": fail("stranger")},
    )
    assert alarmed.problems == ["PROD-07.linger: ended in fail, not pass (Linger=no)"]
    assert counts(alarmed) == (1, 0, 1, False)


def test_a_check_that_is_no_longer_deferred_is_a_false_alarm() -> None:
    hasty = row(
        {**KILLED, "written": judged("pass")},
        {"port_is_held[a]": fail("stranger")},
    )
    assert hasty.problems == ["written: ended in pass, not deferred"]


def test_a_check_that_nobody_knows_is_a_problem() -> None:
    misnamed = row(KILLED, {"port_is_held[a]": fail("stranger"), "port_is_healed": fail("x")})
    assert misnamed.problems == ["port_is_healed: no check of that name"]
    assert counts(misnamed) == (0, 1, 0, False)


def test_a_case_that_nobody_knows_is_a_problem() -> None:
    misnamed = row(KILLED, {"port_is_held[a]": fail("stranger"), "port_is_held[c]": fail("x")})
    assert misnamed.problems == ["port_is_held[c]: no check of that name"]


def test_a_fault_that_turns_nothing_is_missed() -> None:
    idle = row({}, {})
    assert idle.problems == ["turns nothing"]
    assert counts(idle) == (0, 1, 0, False)


def test_a_turn_that_leaves_the_outcome_is_nothing() -> None:
    assert row({}, {"PROD-07.linger": passes()}).problems == ["turns nothing"]


def test_the_name_stands_for_all_cases_and_a_case_for_itself() -> None:
    everything = {"port_is_held": fail("stranger"), "port_is_held[b]": warn("looks odd")}
    found = {**KILLED, "port_is_held[b]": judged("warn", "looks odd")}
    assert row(found, everything).problems == []
    half = row(KILLED, {"port_is_held": fail("stranger")})
    assert half.problems == ["port_is_held[b]: ended in pass, not fail"]


def test_what_needs_a_blind_host_must_not_stay_green() -> None:
    blind = {"h1": inconclusive("h1 is silent")}
    lost = judged("inconclusive", "h1 is silent")
    all_lost = {check: lost for check in GROUND if GROUND[check].hosts == ("h1",)}
    assert row(all_lost, {}, blind).problems == []
    green = {**all_lost, "PROD-07.linger": judged()}
    assert row(green, {}, blind).problems == ["PROD-07.linger: ended in pass, not inconclusive"]


def test_a_turn_goes_before_blindness_and_blindness_spares_what_is_deferred() -> None:
    blind = {"h2": inconclusive("h2 is silent")}
    found = {"far_end_answers": judged("fail", "h2 refuses")}
    assert row(found, {"far_end_answers": fail("refuses")}, blind).problems == []
    unsaid = row(found, {}, blind).problems
    assert unsaid == ["far_end_answers: ended in fail, not inconclusive (h2 refuses)"]


@pytest.mark.parametrize("missing_from", ["fault", "ground"])
def test_a_check_that_reports_only_once_is_a_problem(missing_from: str) -> None:
    fault = type("Something", (Fault,), {"turns": {"port_is_held[a]": fail("stranger")}})
    more = {**GROUND, **KILLED, "another": judged()}
    ground, found = (more, {**GROUND, **KILLED}) if missing_from == "fault" else (GROUND, more)
    cells = compare(fault, {**ground, "port_is_held[a]": judged()}, found)
    assert [cell.check for cell in cells if cell.problem] == ["another"]


def test_a_fault_that_does_not_heal_fails_the_matrix() -> None:
    noticed = row(KILLED, {"port_is_held[a]": fail("by a stranger")})
    noticed.trouble = "does not heal: PROD-07.linger is fail (Linger=no)"
    assert noticed.problems == [noticed.trouble]
    assert counts(noticed)[3] is False


def test_a_check_that_no_fault_turns_fails_the_whole_matrix_and_is_named() -> None:
    checks = {function(check): judged for check, judged in GROUND.items()}
    noticed = row(KILLED, {"port_is_held[a]": fail("by a stranger")})
    whole = Matrix([noticed], checks, every=True)
    assert whole.uncovered == ["PROD-07.linger", "far_end_answers", "written"]
    assert not whole.holds
    assert "unproven        PROD-07.linger, far_end_answers, written" in whole.summary()
    assert Matrix([noticed], checks, every=False).holds


@pytest.mark.parametrize("words", ["stranger", "nobody"])
def test_only_what_turned_for_the_named_reason_is_covered(words: str) -> None:
    checks = {function(check): judged for check, judged in GROUND.items()}
    matrix = Matrix([row(KILLED, {"port_is_held[a]": fail(words)})], checks)
    assert ("port_is_held" in matrix.uncovered) == (words == "nobody")


@pytest.mark.parametrize("end", ["pass", "inconclusive", "waived"])
def test_a_check_that_is_never_seen_to_fail_is_not_covered(end: str) -> None:
    checks = {function(check): judged for check, judged in GROUND.items()}
    begun = row({"written": judged(end, "why")}, {"written": Turn(end, "why")})
    assert begun.problems == []
    assert "written" in Matrix([begun], checks).uncovered


def test_a_matrix_without_rows_does_not_hold() -> None:
    assert counts() == (0, 0, 0, False)


def test_what_is_harmless_turns_nothing() -> None:
    harmless = type("Harmless", (Fault,), {"harmless_to": "PRE-01.right"})
    quiet = Row(harmless, compare(harmless, GROUND, GROUND))
    assert quiet.problems == []
    assert counts(quiet) == (1, 0, 0, True)
    alarmed = Row(harmless, compare(harmless, GROUND, {**GROUND, **KILLED}))
    assert alarmed.problems == ["port_is_held[a]: ended in fail, not pass (held by a stranger)"]
    assert counts(alarmed) == (1, 0, 1, False)
    assert counts(Row(harmless)) == (0, 1, 0, False)
