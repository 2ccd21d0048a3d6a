"""The inventory that diagnostics are tried with; nothing in it is ever contacted."""

import pytest

from fleetmesh.inventory import Inventory, load
from selftests.inventory import RUNBOOK


@pytest.fixture
def inventory() -> Inventory:
    """The production inventory."""
    return load(RUNBOOK)
