"""The fleet that these tests take up and down; a fleet that was up is put back afterwards."""

import os
from collections.abc import Callable, Iterator

import pytest

from rehearsal import fleet


def quiet(_: str) -> None:
    """Say nothing of the progress."""


@pytest.fixture(scope="session")
def no_fleet() -> Iterator[None]:
    """No fleet is up when the first of these tests starts, nor when the last has ended."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    was = fleet.record()
    fleet.down()
    yield
    fleet.down()
    if was:
        fleet.up(was["state"] or "before", quiet)


@pytest.fixture(scope="module")
def reach(no_fleet: None) -> Iterator[Callable[[str], None]]:  # noqa: ARG001  # order alone
    """Takes the fleet forward to a state; it is down after the module's last test."""
    fleet.down()

    def forward(state: str) -> None:
        if (fleet.record() or {}).get("state") != state:
            fleet.up(state, quiet)

    yield forward
    fleet.down()
