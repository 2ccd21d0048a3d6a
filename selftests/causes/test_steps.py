"""A step counts as not done for sure or not at all; what once ran is never `not yet`."""

import pytest

from fleetmesh.causes.known import Known
from fleetmesh.causes.steps import Progress, Step
from fleetmesh.evidence.condition import Condition, State
from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.inventory import Bridging
from selftests.causes.conftest import HUB, ISSUES, Fleet

NEXT = "bridge down state-hub-railiance01"


def waits(fleet: Fleet, step: Step, tunnel: str = HUB) -> Condition | None:
    known = Known(fleet.snapshot, fleet.inventory)
    return Progress(known).waits_for(step, fleet.inventory.tunnels[tunnel])


@pytest.mark.parametrize(
    ("step", "own", "first"),
    [
        ("down", "Cutover 1", ""),
        ("enable", "Cutover 2", "Cutover 1"),
        ("start", "Cutover 2", "Cutover 1"),
    ],
)
def test_while_the_workstation_carries_it_the_cutover_is_to_be_done(
    step: Step, own: str, first: str
) -> None:
    found = waits(Fleet("ground-rolled-back"), step)
    assert found
    assert (found.state, found.step, found.first) == (State.NOT_YET, own, first)
    assert NEXT in found.command
    assert waits(Fleet("ground-rolled-back"), "install") is None, "it is installed"


def test_after_the_first_hand_over_the_other_comes_first() -> None:
    fleet = Fleet("ground-rolled-back").told(
        "listeners", "railiance01", lambda said: _without(said, ":18000 ")
    )
    assert waits(fleet, "down") is None, "it is down"
    found = waits(fleet, "start")
    assert found
    assert found.first == "Cutover 1"
    assert "bridge down issue-core-railiance01" in found.command


def test_when_both_are_down_the_units_are_to_be_started() -> None:
    fleet = Fleet("ground-rolled-back")
    for port in (":18000 ", ":18765 "):
        fleet.told("listeners", "railiance01", lambda said, port=port: _without(said, port))  # type: ignore[misc]
    found = waits(fleet, "start")
    assert found
    assert (found.step, found.first) == ("Cutover 2", "")
    assert f"systemctl --user enable --now {HUB}.service {ISSUES}.service" in found.command


@pytest.mark.parametrize("step", ["install", "linger", "down", "enable", "start"])
def test_after_the_cutover_nothing_is_to_be_done(step: Step) -> None:
    assert waits(Fleet("ground-after"), step) is None
    for fault in ("retired-hub-up", "unit-stopped", "unit-not-installed", "ops-bridge-expected"):
        assert waits(Fleet(fault), step) is None, fault


@pytest.mark.parametrize(
    ("step", "own", "first", "command"),
    [
        ("stop", "Rollback (fleet)", "", f"disable --now {HUB}.service {ISSUES}.service"),
        ("return", "Rollback (workstation)", "Rollback (fleet)", "disable --now"),
    ],
)
def test_while_the_fleet_carries_it_the_rollback_is_to_be_done(
    step: Step, own: str, first: str, command: str
) -> None:
    found = waits(Fleet("ground-after"), step)
    assert found
    assert (found.state, found.step, found.first) == (State.NOT_YET, own, first)
    assert command in found.command
    assert waits(Fleet("ground-rolled-back"), step) is None
    assert waits(Fleet("retired-hub-up"), step) is None, "the workstation has it up already"
    assert waits(Fleet("unit-stopped"), "stop") is None, "it is no longer as the cutover leaves it"


def test_what_neither_carries_is_to_be_brought_up_on_the_workstation() -> None:
    fleet = Fleet("ground-after")
    for port in (":18000 ", ":18765 "):
        fleet.told("listeners", "railiance01", lambda said, port=port: _without(said, port))  # type: ignore[misc]
    assert waits(fleet, "stop") is None
    found = waits(fleet, "return")
    assert found
    assert (found.step, found.first) == ("Rollback (workstation)", "")
    assert "bridge up state-hub-railiance01" in found.command


@pytest.mark.parametrize("facts", [("units",), ("listeners",), ("sessions",)])
def test_what_was_not_asked_is_not_known(facts: tuple[str, ...]) -> None:
    assert waits(Fleet("ground-rolled-back").without(*facts), "start") is None


def test_a_unit_that_was_tried_is_not_one_that_is_not_yet_started() -> None:
    for tried in ("NRestarts=1", "MainPID=7"):
        name = tried.partition("=")[0]
        fleet = Fleet("ground-rolled-back").told(
            "units", "railiance01", lambda said, n=name, t=tried: said.replace(f"{n}=0", t)  # type: ignore[misc]
        )  # fmt: skip
        assert waits(fleet, "start") is None, tried


def test_a_check_that_sees_a_stranger_at_the_port_is_broken() -> None:
    """Its step has not been done, but that would not mend it."""
    fleet = Fleet("ground-rolled-back")
    tunnel = fleet.inventory.tunnels[HUB]
    seen = (("listeners", "railiance01"), ("sessions", "railiance01"))
    failed = fleet.judged(Outcome.FAIL, "start", tunnel, *seen)
    found = fleet.explanations.condition(failed)
    assert found
    assert found.state is State.NOT_YET
    fleet.told("listeners", "railiance01", lambda said: said.replace("session-", "background-", 99))
    found = fleet.explanations.condition(failed)
    assert found
    assert found.state is State.BROKEN


def _without(listed: str, part: str) -> str:
    return "".join(line for line in listed.splitlines(keepends=True) if part not in line)


@pytest.mark.parametrize(
    ("scope", "by"), [("user", "systemctl --user"), ("system", "sudo systemctl")]
)
def test_without_ops_bridge_the_workstation_s_unit_is_named(scope: str, by: str) -> None:
    fleet = Fleet("ground-rolled-back")
    workstation = fleet.inventory.workstation
    unit = {"unit": "hub-tunnel.service", "scope": scope}
    retired = {
        name: one.model_copy(update=unit) if name == "state-hub-railiance01" else one
        for name, one in workstation.retired.items()
    }
    absent = {"bridge": Bridging(status="absent"), "retired": retired}
    fleet.inventory = fleet.inventory.model_copy(
        update={"workstation": workstation.model_copy(update=absent)}
    )
    progress = Progress(Known(fleet.snapshot, fleet.inventory))
    tunnel = fleet.inventory.tunnels[HUB]
    assert f"{by} disable --now hub-tunnel.service" in progress.command("down", tunnel)
    assert f"{by} enable --now hub-tunnel.service" in progress.command("return", tunnel)
    assert progress.command("down", fleet.inventory.tunnels[ISSUES]) == ""
