"""Every check is proven able to fail, and every fault is noticed: from recordings, anywhere."""

from dataclasses import replace
from pathlib import Path

import pytest

from rehearsal.faults import FAULTS, Fault
from rehearsal.matrix.recordings import name_of, title
from rehearsal.matrix.rows import Matrix
from rehearsal.paths import RECORDINGS
from selftests.matrix.losses import Failures, write_failures
from selftests.matrix.weakened import copy_of_the_checkout, lose_every_assertion

NEEDLESS = "    assert unit.restarts != -1\n"
GROUNDS = {fault.ground for fault in FAULTS.values()}


def test_every_fault_has_a_recording_and_every_recording_a_fault() -> None:
    recorded = {name_of(file) for file in RECORDINGS.iterdir()}
    assert recorded == FAULTS.keys() | {title(ground) for ground in GROUNDS}


def test_no_fault_takes_the_name_of_another() -> None:
    kinds = [Fault]
    for kind in kinds:  # which grows meanwhile
        kinds += kind.__subclasses__()
    ours = [
        kind.title()
        for kind in dict.fromkeys(kinds)
        if kind.__module__.startswith("rehearsal.faults.")
    ]
    assert sorted(ours) == sorted(set(ours))


@pytest.mark.parametrize("name", FAULTS)
def test_fault_turns_what_it_must_and_nothing_else(name: str, matrix: Matrix) -> None:
    row = next(row for row in matrix.rows if row.fault is FAULTS[name])
    assert not row.problems, "\n".join(row.problems)


def test_every_check_is_proven_able_to_fail(matrix: Matrix) -> None:
    assert not matrix.uncovered, f"no fault fails {', '.join(matrix.uncovered)}"


def test_a_check_that_no_fault_turns_fails_the_matrix(matrix: Matrix) -> None:
    unproven = {"PROD-99.never": next(iter(matrix.checks.values()))}
    found = replace(matrix, checks=matrix.checks | unproven)
    assert (found.uncovered, found.holds) == (["PROD-99.never"], False)
    assert "unproven        PROD-99.never" in found.summary()


def test_only_an_assertion_that_no_fault_needs_may_go_unnoticed(
    judged_once: tuple[Matrix, Failures], tmp_path: Path
) -> None:
    """Taken out one at a time, each but a planted one is missed, and its check is named."""
    checkout = copy_of_the_checkout(tmp_path)
    file = checkout / "tests" / "production" / "test_persistence.py"
    file.write_text(file.read_text() + NEEDLESS)  # at the end, where it moves no other
    failing = checkout / "failing.json"
    write_failures(judged_once[1], failing)
    done = lose_every_assertion(checkout, [str(failing)], quiet=True)
    unnoticed = [line for line in done.stdout.splitlines() if line.startswith("✕")]
    assert len(unnoticed) == done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
    assert unnoticed[0].endswith(NEEDLESS.strip()), unnoticed


def test_the_matrix_holds(matrix: Matrix) -> None:
    assert matrix.complete
    assert matrix.holds, "\n".join(matrix.summary())
    assert len(matrix.rows) >= 60
    assert len(matrix.checks) >= 40


def test_every_fault_says_what_happens_and_why() -> None:
    for name, fault in FAULTS.items():
        assert (fault.__doc__ or "").strip(), f"{name} does not say what happens"
        for key, turn in {**fault.turns, **fault.blinds}.items():
            assert turn.words or turn.outcome in ("pass", "deferred"), (
                f"{name}: any reason would do for {key}"
            )
