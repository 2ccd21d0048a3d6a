"""A check that nobody proves fails the matrix by name."""

from pathlib import Path

import pytest

from selftests.matrix.weakened import copy_of_the_checkout, judged

FEW = ("linger-off", "ss-missing")
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


def test_a_check_without_a_fault_is_named(checkout: Path) -> None:
    """It holds everywhere, and stands for itself among what these few faults prove."""
    before = judged(checkout, FEW)
    added = checkout / "tests" / "production" / "test_unproven.py"
    added.write_text(UNPROVEN)
    try:
        found = judged(checkout, FEW)
    finally:
        added.unlink()
    assert set(found["uncovered"]) - set(before["uncovered"]) == {"PROD-99.never"}
    assert found["problems"] == before["problems"] == {name: [] for name in FEW}
