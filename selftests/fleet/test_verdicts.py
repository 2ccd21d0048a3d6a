"""The verdict on a real fleet is right, and for the right reasons, whatever has happened to it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rehearsal import fleet
from selftests.fleet.conftest import Checks

pytestmark = [pytest.mark.root, pytest.mark.fleet, pytest.mark.usefixtures("standing")]

HUB = "fleet-state-hub-coulombcore"
UNIT = f"/home/tegwick/.config/systemd/user/{HUB}.service"
AS_USER = "export XDG_RUNTIME_DIR=/run/user/1000;"


@contextmanager
def undone(host: str, *healing: str, user: str = "root") -> Iterator[None]:
    """Run `healing` on `host` at the end, and wait until the fleet serves again."""
    try:
        yield
    finally:
        for command in healing:
            fleet.run(host, command, user=user)
        fleet.wait_until_ready()


def test_after_the_cutover_it_is_ready(checks: Checks) -> None:
    run = checks("--allow-writes")
    assert (run.exit_status, run.verdict) == (0, "READY"), run.terminal
    assert "rehearsal (rehearsal)" in run.terminal
    assert run.outcomes("PROD-11.event") == run.outcomes("PROD-12.run") == {"pass"}
    path = run.of("PROD-04.path", HUB)["paths"]
    assert path == ["railiance01 → coulombcore → 198.19.43.94:8000"]


def test_production_costs_few_channels(checks: Checks) -> None:
    run = checks("-m", "production")
    assert run.verdict == "READY", run.terminal
    assert set(run.channels) == {"railiance01", "coulombcore", "workstation"}
    assert all(1 <= opened <= 4 for opened in run.channels.values()), run.channels


def test_nothing_is_written_unless_allowed(checks: Checks) -> None:
    run = checks("-m", "production")
    assert run.outcomes("PROD-11.event") == run.outcomes("PROD-12.run") == {"deferred"}


def test_silent_hub_is_caught(checks: Checks) -> None:
    """The unit is active and the service healthy, while the workstation carries the traffic."""
    with (
        undone("workstation", "bridge down state-hub-railiance01", user="tegwick"),
        undone(
            "railiance01",
            f"mv {UNIT}.kept {UNIT}; {AS_USER} systemctl --user daemon-reload; "
            f"systemctl --user restart {HUB}",
            user="tegwick",
        ),
    ):
        fleet.run("railiance01", f"{AS_USER} systemctl --user stop {HUB}; cp -p {UNIT} {UNIT}.kept")
        fleet.run("workstation", "bridge up state-hub-railiance01")
        fleet.run(
            "railiance01",
            f"{AS_USER} sed -i s/ExitOnForwardFailure=yes/ExitOnForwardFailure=no/ {UNIT}; "
            f"systemctl --user daemon-reload; systemctl --user start {HUB}; sleep 1",
        )
        run = checks("-m", "cutover or production")
        fleet.run("workstation", "bridge down state-hub-railiance01")
    assert run.verdict == "NOT READY"
    assert run.of("CUT-04.steady", HUB)["outcome"] == "pass", "active: that is the point"
    assert run.of("CUT-06.healthy", HUB)["outcome"] == "pass", "healthy: that is the point"
    for check, subject in (
        ("CUT-05.port", HUB),
        ("PROD-04.path", HUB),
        ("PROD-05.ports", "railiance01"),
    ):
        result = run.of(check, subject)
        assert result["outcome"] == "fail", (check, result)
        assert "workstation" in result["reason"], (check, result)


@pytest.mark.parametrize(
    ("host", "harm", "heal", "cause"),
    [
        ("coulombcore", "systemctl stop ssh.socket ssh", "systemctl start ssh", "refused"),
        (
            "coulombcore",
            "cd /etc/ssh; mkdir kept; cp -p ssh_host_* kept; rm ssh_host_*; ssh-keygen -A; "
            "systemctl restart ssh",
            "cd /etc/ssh; rm ssh_host_*; mv kept/* .; rmdir kept; systemctl restart ssh",
            "host key",
        ),
        ("railiance01", "ip link set host0 down", "ip link set host0 up", "railiance01"),
    ],
    ids=["sshd-stopped", "host-key-changed", "unreachable"],
)
def test_one_unreachable_host_is_one_cause(
    checks: Checks, host: str, harm: str, heal: str, cause: str
) -> None:
    with undone(host, heal):
        fleet.run(host, harm, user="root")
        run = checks()
    assert run.verdict == "NOT READY"
    assert run.seconds < 30
    asked = [r for r in run.results if r["id"] == "PRE-01.right-machine"]
    refused = [r for r in asked if r["outcome"] == "fail"]
    assert [r["subject"] for r in refused] == [host]
    assert cause in refused[0]["reason"]
    inconclusive = {r["reason"] for r in run.results if r["outcome"] == "inconclusive"}
    assert len(inconclusive) == 1, inconclusive
    green = [r for r in run.results if r["outcome"] == "pass" and host in r["hosts"]]
    assert green == []


def test_before_the_cutover_it_is_not_ready(checks: Checks) -> None:
    """Last, since the fleet has to start over for it."""
    fleet.reset("before", lambda _: None)
    try:
        run = checks("-m", "production")
        prerequisites = checks("-m", "prereqs")
    finally:
        fleet.up("after", lambda _: None)
    assert (run.exit_status, run.verdict) == (1, "NOT READY")
    held = run.of("PROD-05.ports", "railiance01")["reason"]
    assert "127.0.0.1:18000 is held by" in held
    assert "127.0.0.1:18765 is held by" in held
    assert "from workstation" in held
    assert run.of("PROD-04.path", HUB)["outcome"] == "fail"
    assert prerequisites.outcomes("PRE-11.listen-address") == {"pass"}
