"""Tunnels that run on the workstation and should not, or should and do not."""

from __future__ import annotations

from rehearsal import fleet
from rehearsal.faults.cluster import HUB_BRIDGE, ISSUES_BRIDGE
from rehearsal.faults.fault import Fault, Turn, fail, inconclusive, warn
from rehearsal.faults.means import HUB, ISSUES, RAILIANCE, WORKSTATION, units, user
from rehearsal.states import on

HUB_RETIRED, ISSUES_RETIRED = "state-hub-railiance01", "issue-core-railiance01"
CONFIG = "~/.config/bridge/tunnels.yaml"


def configure(name: str, expression: str) -> None:
    """Edit the entry of a tunnel in the configuration of the workstation's `bridge`, with sed."""
    user(WORKSTATION, f"cp -p {CONFIG} ~/tunnels.kept; "
                      f"sed -i '/^  {name}:/,/autostart:/{expression}' {CONFIG}")  # fmt: skip


def restore_configuration() -> None:
    """Put the configuration of the workstation's `bridge` back."""
    user(WORKSTATION, f"mv ~/tunnels.kept {CONFIG}")


def wait_for(host: str, condition: str) -> None:
    """Wait until a shell condition holds on a host; raises RehearsalError after 8 seconds."""
    user(host, f"timeout 8 sh -c 'until {condition}; do sleep 0.05; done'")


def listening(port: int) -> str:
    """The condition that somebody listens on a port."""
    return f'ss -Htln "sport = :{port}" | grep -q .'


class _RetiredUp(Fault):
    """A retired tunnel is up again and holds the port, for which its fleet unit now waits."""

    retired: str
    unit: str
    port: int

    def inject(self) -> None:
        units("stop", self.unit)
        on(WORKSTATION, f"bridge up {self.retired}")
        units("start", self.unit)
        # Just failed, it is tried again only after RestartSec: nobody sees it starting.
        show = f"systemctl --user show -p SubState --value {self.unit}"
        wait_for(RAILIANCE, f'[ "$({show})" = auto-restart ]')

    def heal(self) -> None:
        on(WORKSTATION, f"bridge down {self.retired}")
        units("stop", self.unit)
        wait_for(RAILIANCE, f"! {listening(self.port)}")
        units("start", self.unit)


def _taken(retired: str, unit: str, bridge: str) -> dict[str, Turn]:
    return {
        f"CUT-03.down[{retired}]": fail("`bridge` on workstation says that"),
        f"CUT-03.no-connection[{retired}]": fail("from workstation"),
        f"PROD-06.retired[{retired}]": fail(f"{retired} is up"),
        "PROD-06.interactive": fail(f"runs {retired}, which is not on the interactive"),
        "PROD-05.ports[railiance01]": fail("from workstation"),
        "PROD-06.listeners[railiance01]": fail("is held by login session"),
        f"CUT-04.steady[{unit}]": fail("is activating (auto-restart), result exit"),
        f"CUT-05.port[{unit}]": fail("from workstation"),
        f"CUT-07.forwards[{unit}]": fail("runs no ssh"),
        f"PROD-04.path[{unit}]": fail("from workstation"),
        f"PROD-04.from-pod[{bridge}]": fail("from workstation"),
        f"PROD-09.same-after-reboot[{unit}]": fail("runs no ssh"),
    }


class RetiredHubUp(_RetiredUp):
    """The retired State Hub tunnel is up again; its fleet unit cannot get the port."""

    retired, unit, port = HUB_RETIRED, HUB, 18000
    turns = _taken(HUB_RETIRED, HUB, HUB_BRIDGE)


class RetiredIssueCoreUp(_RetiredUp):
    """The retired issue-core tunnel is up again; its fleet unit cannot get the port."""

    retired, unit, port = ISSUES_RETIRED, ISSUES, 18765
    turns = _taken(ISSUES_RETIRED, ISSUES, ISSUES_BRIDGE)


class RetiredTunnelOnAnotherPort(Fault):
    """Somebody changed the port of a retired tunnel, so that it could go up beside the fleet's."""

    turns = {
        f"CUT-03.down[{HUB_RETIRED}]": fail("`bridge` on workstation says that"),
        f"PROD-06.retired[{HUB_RETIRED}]": fail("is up"),
        "PROD-06.interactive": fail(f"runs {HUB_RETIRED}"),
        "PROD-06.listeners[railiance01]": fail("127.0.0.1:18001 is held by"),
    }

    def inject(self) -> None:
        configure(HUB_RETIRED, "s/:18000/:18001/")
        on(WORKSTATION, f"bridge up {HUB_RETIRED}")

    def heal(self) -> None:
        on(WORKSTATION, f"bridge down {HUB_RETIRED}")
        restore_configuration()


class RetiredTunnelRenamed(Fault):
    """A retired tunnel runs under a new name, on a port that production does not use."""

    turns = {
        "PROD-06.interactive": fail("runs hub-again, which is not on the interactive"),
        "PROD-06.listeners[railiance01]": fail("127.0.0.1:18001 is held by"),
    }

    def inject(self) -> None:
        entry = "kind: reverse, host: railiance01, listen: 127.0.0.1:18001, user: tegwick, "
        entry += "target: 127.0.0.1:8000, autostart: false"
        user(WORKSTATION, f"cp -p {CONFIG} ~/tunnels.kept; "
                          f"echo '  hub-again: {{{entry}}}' >>{CONFIG}")  # fmt: skip
        on(WORKSTATION, "bridge up hub-again")

    def heal(self) -> None:
        on(WORKSTATION, "bridge down hub-again")
        restore_configuration()


class WorkstationForgetsRetiredTunnel(Fault):
    """The workstation's `bridge` no longer knows a retired tunnel: there is no way back."""

    turns = {f"CUT-08.start[{HUB_RETIRED}]": warn("does not know")}

    def inject(self) -> None:
        configure(HUB_RETIRED, "d")

    def heal(self) -> None:
        restore_configuration()


class InteractiveTunnelDown(Fault):
    """An interactive tunnel is down, so that nobody knows where it would lead."""

    turns = {
        "PRE-06.interactive[state-hub]": inconclusive(
            "no interactive tunnel to state-hub runs on workstation"
        )
    }

    def inject(self) -> None:
        on(WORKSTATION, "bridge down state-hub-primary")

    def heal(self) -> None:
        on(WORKSTATION, "bridge up state-hub-primary")


class InteractiveTunnelElsewhere(Fault):
    """An interactive tunnel leads to an address that is no longer the service's."""

    turns = {
        "PRE-06.interactive[state-hub]": fail(
            "state-hub-primary leads to 198.19.43.95:8000, the inventory says 198.19.43.94:8000"
        )
    }

    def inject(self) -> None:
        configure("state-hub-primary", "s/43.94:/43.95:/")
        on(WORKSTATION, "bridge down state-hub-primary && bridge up state-hub-primary")

    def heal(self) -> None:
        restore_configuration()
        on(WORKSTATION, "bridge down state-hub-primary && bridge up state-hub-primary")


class BridgeStatusGarbage(Fault):
    """The workstation's `bridge` prints something other than its status."""

    turns = {
        name: inconclusive("not the status that ops-bridge prints")
        for name in (
            "CUT-03.down",
            "CUT-08.start",
            "PROD-06.retired",
            "PROD-06.interactive",
        )
    }
    program = "#!/bin/sh\\necho Segmentation fault\\n"

    def inject(self) -> None:
        move = "mv /usr/local/bin/bridge /usr/local/bin/bridge.kept"
        write = f"printf '{self.program}' >/usr/local/bin/bridge; chmod +x /usr/local/bin/bridge"
        fleet.run(WORKSTATION, f"{move}; {write}", user="root")

    def heal(self) -> None:
        move = "mv /usr/local/bin/bridge.kept /usr/local/bin/bridge"
        fleet.run(WORKSTATION, move, user="root")


class WorkstationBridgeMissing(Fault):
    """The workstation has lost its `bridge`: iproute2's answers to the name."""

    turns = {name: inconclusive('Object "status" is unknown') for name in BridgeStatusGarbage.turns}

    def inject(self) -> None:
        move = "mv /usr/local/bin/bridge /usr/local/bin/bridge.kept"
        fleet.run(WORKSTATION, move, user="root")

    heal = BridgeStatusGarbage.heal


class WorkstationOff(Fault):
    """The workstation is powered off: only checks that ask it may turn."""

    # "no answer" or "No route to host", as long as the neighbour's address is remembered or not.
    deadlines = {"connect": 2}
    blinds = {WORKSTATION: inconclusive("198.18.77.13:22")}
    turns = {"PRE-01.right-machine[workstation]": fail("198.18.77.13:22")}

    def inject(self) -> None:
        fleet.power_off(WORKSTATION)

    def heal(self) -> None:
        fleet.power_on(WORKSTATION)
        wait_for(WORKSTATION, "[ $(bridge status | grep -c forward.*up) = 3 ]")
