"""A cause explains what it can be shown to explain, and nothing beside it."""

from datetime import UTC, datetime, timedelta

import pytest

from fixtures.case import Case
from fleetmesh.causes.explain import Judged
from fleetmesh.evidence.condition import State
from fleetmesh.evidence.outcomes import Outcome
from selftests.causes.conftest import HUB, Fleet

WORKS = (("tunnel_answers", HUB),)
RUNS = (("units", "railiance01"), ("processes", "railiance01"))
HOST = "host coulombcore"


def cause(fleet: Fleet, judged: Judged) -> str:
    found = fleet.explanations.cause(judged)
    return found.name if found else ""


@pytest.fixture
def killed() -> Fleet:
    """coulombcore's sshd is gone, and its tunnels are down."""
    return Fleet("sshd-killed")


def test_a_tunnel_whose_far_host_is_lost_follows_from_that(killed: Fleet) -> None:
    tunnel = killed.inventory.tunnels[HUB]
    for seen in (WORKS, RUNS, (("units", "railiance01"),), (("listeners", "railiance01"),)):
        assert cause(killed, killed.judged(Outcome.FAIL, "start", tunnel, *seen)) == HOST, seen


def test_what_does_not_need_the_connection_stands_by_itself(killed: Fleet) -> None:
    tunnel = killed.inventory.tunnels[HUB]
    for step in ("install", "enable", None):
        judged = killed.judged(Outcome.FAIL, step, tunnel, ("units", "railiance01"))
        assert cause(killed, judged) == ""
    installed = killed.judged(Outcome.FAIL, "install", "railiance01", ("installed", "railiance01"))
    assert cause(killed, installed) == ""


def test_without_a_second_witness_it_is_a_guess(killed: Fleet) -> None:
    """That the suite does not reach a host does not say that the tunnels do not."""
    tunnel = killed.inventory.tunnels[HUB]
    killed.without("logins")
    assert cause(killed, killed.judged(Outcome.FAIL, "start", tunnel, *WORKS)) == ""


def test_a_unit_that_was_stopped_would_be_down_anyway(killed: Fleet) -> None:
    tunnel = killed.inventory.tunnels[HUB]
    trying, stopped = "ActiveState=activating", "ActiveState=inactive"
    killed.told("units", "railiance01", lambda said: said.replace(trying, stopped))
    assert cause(killed, killed.judged(Outcome.FAIL, "start", tunnel, *WORKS)) == ""


def test_a_port_that_a_stranger_holds_is_not_free_for_the_tunnel(killed: Fleet) -> None:
    tunnel = killed.inventory.tunnels[HUB]
    line = "LISTEN 0 128 127.0.0.1:18000 0.0.0.0:* uid:1000 ino:21990 sk:7 cgroup:/x <->\n"
    killed.told("listeners", "railiance01", lambda said: said + line)
    judged = killed.judged(Outcome.FAIL, "start", tunnel, ("listeners", "railiance01"))
    assert cause(killed, judged) == ""


def test_a_sound_fleet_has_lost_nothing() -> None:
    assert Fleet("ground-after").explanations.lost == ()


def test_what_cannot_go_away_by_itself_is_marked() -> None:
    assert [lost.lasting for lost in Fleet("host-names-swapped").explanations.lost] == [True, True]
    assert [lost.lasting for lost in Fleet("sshd-stopped").explanations.lost] == [False]
    fleet = Fleet("sshd-stopped").given("ssh_answers", "coulombcore", details={"lasts": "yes"})
    assert [lost.lasting for lost in fleet.explanations.lost] == [True]


def test_a_pass_needs_no_explanation(killed: Fleet) -> None:
    tunnel = killed.inventory.tunnels[HUB]
    for outcome in (Outcome.PASS, Outcome.DEFERRED, Outcome.WAIVED, Outcome.ACCEPTED):
        judged = killed.judged(outcome, "start", tunnel, *WORKS)
        assert cause(killed, judged) == ""
        assert killed.explanations.condition(judged) is None


def test_a_service_that_does_not_answer_is_down(killed: Fleet) -> None:
    tunnel = killed.inventory.tunnels[HUB]
    found = killed.explanations.condition(killed.judged(Outcome.FAIL, "start", tunnel, *WORKS))
    assert found
    assert found.state is State.DOWN
    found = killed.explanations.condition(killed.judged(Outcome.FAIL, "start", tunnel, *RUNS))
    assert found
    assert found.state is State.BROKEN


def test_the_reason_says_rule_value_and_when_it_turns() -> None:
    case, restarted = Case(), datetime(2026, 7, 3, 22, 23, 52, tzinfo=UTC)
    told = case.steady(restarted, 600, "it restarted 22:23:52Z, exit 137 (OOMKilled)")
    assert told == (
        "it restarted 22:23:52Z, exit 137 (OOMKilled); steady from 22:33:52Z, after 600 s"
    )
    assert case.until == restarted + timedelta(seconds=600)
    assert case.due(None, "it ends soon") == "it ends soon"
    assert case.until is None
    assert case.due(restarted, "it ends soon") == "it ends soon; due to be renewed 22:23:52Z"
