"""Which line tells why, fault by fault: from the recordings, without judging them once more."""

import re
from pathlib import Path

import pytest

from fleetmesh.diagnostics import concerning, diagnose
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.inventory import Inventory, load
from rehearsal.faults import FAULTS
from rehearsal.faults.bases import RolledBack
from rehearsal.matrix import recordings

SYMPTOMS = (
    r"events of actcore-\S+: Unhealthy: Readiness probe failed: ",  # what it leads to is down
    r"open failed: connect failed: ",  # the service is down
    r"ended: Unknown, exit 255",  # its node was started anew, by an earlier fault
    r"journal of sshd: .*(refused local port forward|the request was denied)",  # as its client says
    r"journal of sshd: .*(connect_to \S+ port \d+: failed|penalty: failed authentication)",
    r"journal of sshd: .*error: Certificate ",  # of this fault, or of the one before it
)
"""Lines that follow from what happened and explain nothing of it; a fault need not name them."""


def cases(name: str, inventory: Inventory) -> list[str]:
    """All that a check of the fleet's units, log-ins and pods can be about.

    What is said of tunnels on the way back is not asked for: fixtures/diagnosing.py.
    """
    there = () if name in FAULTS and FAULTS[name].ground is RolledBack else inventory.tunnels
    logins = map(str, inventory.logins)
    return [*there, *logins, *inventory.bridges, *inventory.services, *inventory.hosts]


def quoted(name: str, folder: Path) -> set[str]:
    folder.mkdir(exist_ok=True)
    recordings.whole(name).unpack(folder)
    inventory = load(folder / "inventory.yaml")
    known = concerning(Snapshot.read(folder / "transcripts.json.xz"))
    return {
        str(quote)
        for case in cases(name, inventory)
        for quote in diagnose(inventory, known, case, "").quotes
    }


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.shows])
def test_the_line_that_a_fault_shows_is_quoted(name: str, tmp_path: Path) -> None:
    lines = quoted(name, tmp_path)
    for words in FAULTS[name].shows:
        assert any(words in line for line in lines), f"{words!r} is in none of {lines}"


def test_no_line_is_quoted_that_nothing_explains(tmp_path: Path) -> None:
    unexplained = [
        f"{name}: {line}"
        for name in (name for name, fault in FAULTS.items() if fault.turns)
        for line in quoted(name, tmp_path / name)
        if not any(words in line for words in FAULTS[name].shows)
        and not any(re.search(one, line) for one in SYMPTOMS)
    ]
    assert not unexplained, "\n".join(unexplained)


@pytest.mark.parametrize("ground", sorted({fault.ground.name for fault in FAULTS.values()}))
def test_of_a_sound_fleet_nothing_is_quoted(ground: str, tmp_path: Path) -> None:
    assert quoted(f"ground-{ground}", tmp_path) == set()
