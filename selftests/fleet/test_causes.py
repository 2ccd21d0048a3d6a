"""The cause of a real outage is told first, although no selected check asks for it."""

from collections.abc import Iterator

import pytest

from rehearsal import fleet
from selftests.fleet.conftest import Checks

pytestmark = [pytest.mark.root, pytest.mark.fleet, pytest.mark.usefixtures("standing")]


@pytest.fixture
def killed() -> Iterator[None]:
    """coulombcore's sshd is gone, with every session."""
    fleet.run("coulombcore", "systemctl stop ssh; pkill '^sshd'", user="root")
    tries = "export XDG_RUNTIME_DIR=/run/user/1000; timeout 20 sh -c 'until systemctl --user show "
    tries += '-p NRestarts "fleet-*" | grep -qv =0; do sleep 0.1; done\''
    try:
        fleet.run("railiance01", tries)
        yield
    finally:
        fleet.run("coulombcore", "systemctl start ssh", user="root")
        fleet.wait_until_ready()
        fleet.steady()
        fleet.wait_until_ready()


@pytest.mark.usefixtures("killed")
def test_a_dead_sshd_explains_every_failure_of_the_cutover(checks: Checks) -> None:
    run = checks("-m", "cutover")
    assert run.exit_status == 1
    failed = [result for result in run.results if result["outcome"] == "fail"]
    assert len(failed) >= 6, run.terminal
    assert {result["cause"] for result in failed} == {"host coulombcore"}
    assert {r["condition"]["state"] for r in failed if r["id"] == "CUT-06.healthy"} == {"down"}
    title, cause = " CAUSES ", "\ncoulombcore refused the connection on "
    assert run.terminal.index(title) < run.terminal.index(cause)
    assert run.terminal.index(cause) < run.terminal.index("fail CUT-06.healthy[")
    assert "NOT AS THE RUNBOOK WANTS IT" not in run.terminal, "nothing stands beside it"
