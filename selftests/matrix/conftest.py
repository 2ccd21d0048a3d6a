"""The matrix from the recordings of the repository, judged once for all tests."""

import pytest

from rehearsal.matrix.rows import Matrix
from selftests.matrix.losses import Failures, failures


@pytest.fixture(scope="session")
def judged_once() -> tuple[Matrix, Failures]:
    """Every fault × every check, without a fleet; and which assertions fail where."""
    return failures()


@pytest.fixture
def matrix(judged_once: tuple[Matrix, Failures]) -> Matrix:
    """Every fault × every check."""
    return judged_once[0]
