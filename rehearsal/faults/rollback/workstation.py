"""After a rollback, the workstation's hub does not serve, or not as it seems."""

from __future__ import annotations

from rehearsal import fleet
from rehearsal.faults.bases import RolledBack
from rehearsal.faults.clusters import until_unready
from rehearsal.faults.fault import Fault, fail
from rehearsal.faults.machines import (
    HUB,
    HUB_BRIDGE,
    HUB_RETIRED,
    WORKSTATION,
    units,
    until_listening,
)
from rehearsal.states import on

PRIMARY = "state-hub-primary"
"""The workstation's own tunnel to State Hub, to which the reverse tunnel leads."""
UNSERVED = {
    f"ROLL-04.pods[{HUB_BRIDGE}]": fail("is 0/1 ready"),
    f"ROLL-04.inside[{HUB_BRIDGE}]": fail(f"asked from inside, {HUB_BRIDGE}: "),
}


class ReverseTunnelLeftDown(Fault):
    """Only one of the two reverse tunnels was brought up again."""

    ground = RolledBack
    turns = {
        f"ROLL-01.up[{HUB_RETIRED}]": fail(f"does not say that {HUB_RETIRED} is up"),
        f"ROLL-01.path[{HUB}]": fail("connect failed: Connection refused"),
        f"ROLL-01.healthy[{HUB}]": fail("connect failed: Connection refused"),
        **UNSERVED,
    }

    def inject(self) -> None:
        on(WORKSTATION, f"bridge down {HUB_RETIRED}")
        until_unready()

    def heal(self) -> None:
        on(WORKSTATION, f"bridge up {HUB_RETIRED}")
        fleet.wait_until_ready()


class FleetServesAgain(Fault):
    """Somebody has cut one tunnel over again: the service answers, and not by the workstation."""

    ground = RolledBack
    turns = {
        f"ROLL-01.up[{HUB_RETIRED}]": fail(f"does not say that {HUB_RETIRED} is up"),
        f"ROLL-01.path[{HUB}]": fail("the path is railiance01 → coulombcore → 198.19.43.94:8000"),
        f"ROLL-02.stopped[{HUB}]": fail(f"{HUB}.service is active (running)"),
        f"ROLL-03.ports[{HUB}]": fail(f"127.0.0.1:18000 is held by the unit {HUB}.service"),
    }

    def inject(self) -> None:
        on(WORKSTATION, f"bridge down {HUB_RETIRED}")
        units("start", HUB)
        until_listening(HUB)
        fleet.wait_until_ready()

    def heal(self) -> None:
        units("stop", HUB)
        on(WORKSTATION, f"bridge up {HUB_RETIRED}")
        fleet.wait_until_ready()


class HubLeadsNowhere(Fault):
    """The reverse tunnel is up, and the workstation's own, to which it leads, is not."""

    ground = RolledBack
    turns = {
        f"ROLL-01.healthy[{HUB}]": fail("Server disconnected without sending"),
        f"ROLL-01.path[{HUB}]": fail("Server disconnected without sending"),
        **UNSERVED,
    }

    def inject(self) -> None:
        on(WORKSTATION, f"bridge down {PRIMARY}")
        until_unready()

    def heal(self) -> None:
        on(WORKSTATION, f"bridge up {PRIMARY}")
        fleet.wait_until_ready()
