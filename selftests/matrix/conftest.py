"""The matrix from the recordings of the repository, judged once for all tests."""

import pytest

from rehearsal.matrix.rows import Matrix
from rehearsal.matrix.run import recorded


@pytest.fixture(scope="session")
def matrix() -> Matrix:
    """Every fault × every check, without a fleet."""
    return recorded()
