"""A check that lost an assertion, and a check that nobody proves, fail the matrix by name."""

from pathlib import Path

import pytest

from rehearsal.faults import FAULTS
from selftests.matrix.weakened import copy_of_the_checkout, judged, lose_every_assertion

LINGER = '    assert linger[carrier] == "yes", f"Linger={linger[carrier]} on {carrier}"\n'
NEEDLESS = "    assert linger[carrier] != 'maybe'\n"
UNPROVEN = '''
from collections.abc import Mapping

from fixtures import check


@check("PROD-99.never", runbook="–", hint="None.")
def test_nothing_ever_turns_this(carrier: str, linger: Mapping[str, str]) -> None:
    """A check that no fault turns."""
    assert linger[carrier]
'''


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_checkout(tmp_path_factory.mktemp("checkout"))


def test_only_an_assertion_that_no_fault_needs_may_go_unnoticed(checkout: Path) -> None:
    """Taken out one at a time, each but a planted one is missed, and its check is named."""
    file = checkout / "tests" / "production" / "test_persistence.py"
    text = file.read_text()
    file.write_text(text.replace(LINGER, LINGER + NEEDLESS))
    try:
        done = lose_every_assertion(checkout, quiet=True)
    finally:
        file.write_text(text)
    unnoticed = [line for line in done.stdout.splitlines() if line.startswith("✕")]
    assert len(unnoticed) == done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
    assert unnoticed[0].endswith(NEEDLESS.strip()), unnoticed


def test_a_check_without_a_fault_is_named(checkout: Path) -> None:
    added = checkout / "tests" / "production" / "test_unproven.py"
    added.write_text(UNPROVEN)
    try:
        found = judged(checkout)
    finally:
        added.unlink()
    assert found["uncovered"] == ["PROD-99.never"]
    assert found["holds"] is False
    assert found["problems"].keys() == FAULTS.keys()
    told = [problem for problems in found["problems"].values() for problem in problems]
    assert all(problem.startswith("PROD-99.never") for problem in told), told
