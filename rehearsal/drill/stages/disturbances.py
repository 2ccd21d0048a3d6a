"""What happens to machines and networks, and must not need anybody."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fleetmesh.text import ssh_command
from rehearsal import fleet, states
from rehearsal.drill.prober import Prober
from rehearsal.drill.stage import FLEET_SERVES, DoesNotHold, Measured, Stage
from rehearsal.faults.fault import fail, inconclusive
from rehearsal.faults.machines import COULOMB, RAILIANCE, WORKSTATION, root, user
from rehearsal.faults.symptoms import logs_in
from rehearsal.workstation import K3S_API

if TYPE_CHECKING:
    from fleetmesh.inventory import Tunnel
    from rehearsal.drill.manager import ManagerCommands
    from rehearsal.drill.stage import Seen

RETRIED = {"PROD-13.restarts": "restarted"}
"""systemd counts each attempt to reach a host that is away; how many, the moment decides."""

MARGIN = 3.0
"""Seconds above what the keepalives promise, until the end of the listener is seen here."""


class RebootRailiance01(Stage):
    """railiance01 reboots, and its tunnels are back before anybody has logged in."""

    expects = "by-hand"
    proves = "DRILL-01"

    def act(self, seen: Seen) -> None:
        # The workstation's own dev tunnel logs in to railiance01 by itself, and would start the
        # user's systemd as linger must.
        states.on(WORKSTATION, f"bridge down {K3S_API}")
        begin = time.monotonic()
        fleet.reboot(RAILIANCE)
        for tunnel in fleet.inventory().tunnels.values():
            fleet.wait_for_service(tunnel)
            seconds = time.monotonic() - begin
            seen.measured.append(Measured(f"{tunnel.to} back on the node", seconds))
        listed = root(RAILIANCE, "loginctl list-sessions --no-legend").splitlines()
        logins = [line for line in listed if " manager" not in line]  # linger's own
        seen.expect(not logins, f"somebody has logged in meanwhile: {'; '.join(logins)}")
        fleet.wait_until_available()
        with Prober() as prober:
            _recovered(seen, prober, begin)
        states.on(WORKSTATION, f"bridge up {K3S_API}")


class RebootCoulombcore(Stage):
    """coulombcore reboots, and the tunnels find it again by themselves."""

    proves = "DRILL-02"
    unsettled = RETRIED

    def act(self, seen: Seen) -> None:
        with Prober() as prober:
            begin = time.monotonic()
            fleet.reboot(COULOMB)
            _recovered(seen, prober, begin)
        seen.interrupted(prober.outages(), bound=None)
        fleet.wait_until_ready()
        _interactive_up()


class WorkstationOff(Stage):
    """The workstation loses power, and production does not notice."""

    expects = "workstation-off"
    proves = "DRILL-03"
    unsettled = RETRIED
    deadlines = {"connect": 2}
    blinds = {WORKSTATION: inconclusive("198.18.77.13:22")}
    turns = {
        **{check: turn for check, turn in FLEET_SERVES.items() if check != "ROLL-01.up"},
        "PRE-01.right-machine[workstation]": fail("198.18.77.13:22"),
    }

    def act(self, seen: Seen) -> None:
        with Prober() as prober:
            fleet.power_off(WORKSTATION)
            prober.recovered(time.monotonic())
            time.sleep(1)
        seen.interrupted(prober.outages(), bound=None)
        for outage in prober.outages():
            seen.expect(not outage.failed, f"{outage.failed} requests to {outage.service} failed")


class WorkstationOn(Stage):
    """The workstation is back, and brings up its interactive tunnels, and no other."""

    expects, against = "by-hand", "reboot-coulombcore"
    unsettled = RETRIED

    def act(self, seen: Seen) -> None:
        begin = time.monotonic()
        fleet.power_on(WORKSTATION)
        _interactive_up()
        seconds = time.monotonic() - begin
        seen.measured.append(Measured("interactive tunnels back", seconds))


CUT_OFF = {
    **{check: FLEET_SERVES[check] for check in ("ROLL-01.up", "ROLL-02.boot")},
    "ROLL-01.path": fail("Connection refused"),
    "ROLL-01.healthy": fail("Connection refused"),
    "ROLL-02.stopped": fail("service is acti"),
    "ROLL-04.pods": fail("is 0/1 ready"),
    "ROLL-04.inside": fail("asked from inside"),
}
"""What the checks of a rollback say while the fleet's tunnels are down and try again."""


class NetworkCut(Stage):
    """Nothing passes between railiance01 and coulombcore any more: the tunnels report it."""

    expects = "network-cut"
    proves = "DRILL-05"
    patience = 30.0
    deadlines = {"connect": 2, "command": 2, "http": 2}
    turns = {
        **logs_in(fail("198.18.77.12")),
        "CUT-05.port": fail("nobody listens on"),
        "CUT-06.healthy": fail("Connection refused"),
        "PROD-04.path": fail("Connection refused"),
        "PROD-01.pods": fail("is 0/1 ready"),
        "PROD-03.inside": fail("does not answer"),
        "PROD-04.from-pod": fail("does not answer"),
        **CUT_OFF,
    }
    # Between two attempts no ssh runs; while one is made, it does.
    unsettled = {
        "CUT-04.steady": "restart",
        "CUT-07.forwards": "runs no ssh",
        "PROD-09.same-after-reboot": "runs no ssh",
        **RETRIED,
    }

    def act(self, seen: Seen) -> None:
        tunnels = fleet.inventory().tunnels.values()
        bounds = {tunnel.id: _keepalive(tunnel, self.manager) + MARGIN for tunnel in tunnels}
        cut(on=True)
        begin = time.monotonic()
        for tunnel in tunnels:
            bound = bounds[tunnel.id]
            left = begin + bound + MARGIN - time.monotonic()
            gone = f'[ -z "$(ss -Htln "sport = :{tunnel.listen.port}")" ]'
            wait = f"timeout {max(left, 0.1):.1f} sh -c 'until {gone}; do sleep 0.05; done'"
            fleet.run(tunnel.host, wait, user="root", deadline=60, check=False)
            seconds = time.monotonic() - begin
            seen.measured.append(Measured(f"{tunnel.id} reported down", seconds, bound))


class NetworkHealed(Stage):
    """The network is whole again, and so are the tunnels, by themselves."""

    against = "workstation-on"
    unsettled = RETRIED

    def act(self, seen: Seen) -> None:
        with Prober() as prober:
            begin = time.monotonic()
            cut(on=False)
            _recovered(seen, prober, begin)
        fleet.wait_until_ready()


def cut(*, on: bool) -> None:
    """Cut the network between the tunnels' two hosts, or heal it; nobody else is concerned."""
    if not on:
        root(COULOMB, "nft delete table ip drill")
        return
    address = fleet.inventory().hosts[RAILIANCE].addresses[0]
    root(
        COULOMB,
        "nft 'add table ip drill; "
        "add chain ip drill arriving { type filter hook input priority 0; }; "
        "add chain ip drill leaving { type filter hook output priority 0; }; "
        f"add rule ip drill arriving ip saddr {address} drop; "
        f"add rule ip drill leaving ip daddr {address} drop'",
    )


def _keepalive(tunnel: Tunnel, manager: ManagerCommands) -> float:
    """Seconds of silence after which the tunnel's ssh gives up, by its running command line.

    It asks after each ServerAliveInterval of silence, and gives up when ServerAliveCountMax
    questions are unanswered and the next one is due; ssh_config(5).
    """
    pid = manager.pid.format(tunnel=tunnel.id)
    argv = user(tunnel.host, f"cat /proc/$({pid})/cmdline").split("\0")[:-1]
    command = ssh_command.parse(argv)
    if command is None:
        raise DoesNotHold(f"no ssh carries {tunnel}")
    interval = float(command.option("ServerAliveInterval") or "0")
    return interval * (float(command.option("ServerAliveCountMax") or "3") + 1)


def _recovered(seen: Seen, prober: Prober, since: float) -> None:
    for service, seconds in prober.recovered(since).items():
        seen.measured.append(Measured(f"{service} back in the pod", seconds))


def _interactive_up() -> None:
    """Wait until the workstation's interactive tunnels are up."""
    names = "|".join(fleet.inventory().workstation.interactive)
    count = len(fleet.inventory().workstation.interactive)
    up = f'[ "$(bridge status | grep -cE "^({names}) .* up ")" = {count} ]'
    user(WORKSTATION, f"timeout 9 sh -c 'until {up}; do sleep 0.1; done'")
