"""Each fact says what of it is state; what a fault changes is a finding, and a moment is itself."""

from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from fleetmesh.facts import FACTS
from fleetmesh.state.changes import Change, changes
from fleetmesh.state.moment import ALL, Moment, moment
from rehearsal.faults import FAULTS
from rehearsal.matrix.recordings import title, whole


@cache
def recorded(name: str) -> Moment:
    with TemporaryDirectory() as folder:
        place = Path(folder)
        whole(name).unpack(place)
        return moment(place)


def changed_by(fault: str) -> list[Change]:
    return changes(recorded(title(FAULTS[fault].ground)), recorded(fault))


def told(fault: str, *facts: str) -> list[str]:
    here = (change for change in changed_by(fault) if change.subject != "workstation")
    return [str(change) for change in here if change.fact in facts]


def test_every_fact_says_what_of_it_is_state_once() -> None:
    assert Counter(kind.fact.name for kind in ALL) == Counter(FACTS.keys())


@pytest.mark.parametrize("ground", sorted({title(fault.ground) for fault in FAULTS.values()}))
def test_nothing_is_otherwise_than_itself(ground: str) -> None:
    assert changes(recorded(ground), recorded(ground)) == []


def test_one_extra_listener_is_a_finding() -> None:
    assert told("fleet-holds-another-address", "listeners") == [
        "listeners[railiance01] [::1]:18000: absent → the unit left-over.service"
    ]


def test_a_port_that_changes_hands_is_a_finding() -> None:
    assert told("fleet-serves-again", "listeners") == [
        "listeners[railiance01] 127.0.0.1:18000: a log-in from workstation → "
        "the unit fleet-state-hub-coulombcore.service"
    ]


def test_a_unit_that_is_enabled_again_is_a_finding() -> None:
    assert told("fleet-unit-still-enabled", "units", "boot_units") == [
        "units[railiance01] fleet-state-hub-coulombcore.service: "
        "loaded, disabled, inactive (dead) → loaded, enabled, inactive (dead)",
        "boot_units[railiance01] fleet-state-hub-coulombcore.service: absent → pulled in at boot",
    ]


def test_a_changed_unit_file_is_a_finding_in_its_arguments_and_its_bytes() -> None:
    found = told("unit-leads-to-former-cluster-ip", "units", "installed", "processes")
    assert {line.partition("[")[0] for line in found} == {"units", "installed", "processes"}


def test_a_changed_line_of_authorized_keys_is_a_finding() -> None:
    kept, changed = recorded("fleet-key-gone"), recorded("fleet-key-forbids-forwarding")
    found = [change for change in changes(kept, changed) if change.fact == "authorized_keys"]
    (line,) = map(str, found)
    assert line.startswith("authorized_keys[coulombcore] SHA256:")
    before, after = line.split(": let in by line ")[1].split(" → let in by line ")
    assert before != after


def test_what_nobody_could_see_is_not_equal() -> None:
    (lost,) = told("coulombcore-off", "listeners")
    assert lost.startswith("listeners[coulombcore]: seen → not seen: no answer from coulombcore")
    twice = changes(recorded("coulombcore-off"), recorded("coulombcore-off"))
    assert "listeners[coulombcore]: not seen: " in "\n".join(map(str, twice))
