"""The old tunnels return, or the new ones do not carry what they should."""

from __future__ import annotations

from rehearsal import fleet
from rehearsal.faults.bases import Rewritten
from rehearsal.faults.clusters import until_unready
from rehearsal.faults.fault import Fault, Turn, fail, inconclusive, warn
from rehearsal.faults.machines import (
    AUTHORIZED,
    COULOMB,
    FLEET,
    HUB,
    HUB_BRIDGE,
    HUB_RETIRED,
    ISSUES,
    ISSUES_BRIDGE,
    ISSUES_RETIRED,
    RAILIANCE,
    WORKSTATION,
    configure,
    configure_sshd,
    listening,
    restart,
    restore_configuration,
    restore_sshd,
    rewrite,
    root,
    units,
    user,
    wait_for,
)
from rehearsal.faults.symptoms import (
    INSTALLED,
    RUNNING,
    UNANSWERED,
    doors,
    logs_in,
    next_start,
    unanswered,
)
from rehearsal.states import on


class FleetKeyForbidsForwarding(Fault):
    """The fleet identity may still log in to coulombcore, but no longer forward anything."""

    shows = ("open failed: administratively prohibited",)
    turns = UNANSWERED | {
        **logs_in(fail("may not forward to 198.19.43.94:8000: channel 0: open failed: admin")),
        f"CUT-06.healthy[{HUB}]": fail("Server disconnected without sending"),
        f"PROD-04.path[{HUB}]": fail("Server disconnected without sending"),
    }

    def inject(self) -> None:
        user(COULOMB, f"cp -p {AUTHORIZED} ~/kept; sed -i '{FLEET}s/^/restrict /' {AUTHORIZED}")
        restart(HUB)
        until_unready()

    def heal(self) -> None:
        user(COULOMB, f"mv ~/kept {AUTHORIZED}")
        restart(HUB)


class UnitLeadsToFormerClusterIP(Rewritten):
    """The Service got another ClusterIP long ago; the unit still leads to the former one."""

    deadlines = {"http": 1}
    turns = UNANSWERED | {
        **next_start(fail("198.19.43.95:8000"), HUB),
        f"CUT-06.healthy[{HUB}]": fail("no complete answer within 1 s"),
        f"PROD-04.path[{HUB}]": fail("no complete answer within 1 s"),
        INSTALLED: fail("127.0.0.1:18000:198.19.43.95:8000"),
        RUNNING: fail("198.19.43.95:8000"),
    }
    change = "s/198.19.43.94:8000/198.19.43.95:8000/"

    def inject(self) -> None:
        super().inject()
        until_unready()


class UnitListensElsewhere(Rewritten):
    """A typing error has a fleet unit listen on another port."""

    turns = UNANSWERED | {
        **next_start(fail("127.0.0.1:18001"), HUB),
        **doors("127.0.0.1:18001"),
        INSTALLED: fail("-L 127.0.0.1:18001:"),
        f"CUT-05.port[{HUB}]": fail("nobody listens on 127.0.0.1:18000"),
        RUNNING: fail("127.0.0.1:18001"),
    }
    change = "s/-L 127.0.0.1:18000/-L 127.0.0.1:18001/"

    def inject(self) -> None:
        rewrite(HUB, self.change)
        until_unready()


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
        f"CUT-04.steady[{unit}]": fail("restart"),  # waits to be, or has just been
        f"CUT-05.port[{unit}]": fail("from workstation"),
        f"CUT-07.forwards[{unit}]": fail("runs no ssh"),
        f"PROD-04.path[{unit}]": fail("from workstation"),
        f"PROD-04.from-pod[{bridge}]": fail("from workstation"),
        f"PROD-09.same-after-reboot[{unit}]": fail("runs no ssh"),
    }


class RetiredHubUp(_RetiredUp):
    """The retired State Hub tunnel is up again; its fleet unit cannot get the port."""

    shows = ("bind [127.0.0.1]:18000: Address already in use", "/session-")
    retired, unit, port = HUB_RETIRED, HUB, 18000
    turns = _taken(HUB_RETIRED, HUB, HUB_BRIDGE)


class RetiredIssueCoreUp(_RetiredUp):
    """The retired issue-core tunnel is up again; its fleet unit cannot get the port."""

    shows = ("bind [127.0.0.1]:18765: Address already in use", "/session-")
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


class WorkstationForgetsRetiredTunnel(Fault):
    """The workstation's `bridge` no longer knows a retired tunnel: there is no way back."""

    turns = {f"CUT-08.start[{HUB_RETIRED}]": warn("does not know")}

    def inject(self) -> None:
        configure(HUB_RETIRED, "d")

    def heal(self) -> None:
        restore_configuration()


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
    } | unanswered(WORKSTATION, "not the status that ops-bridge prints")
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

    turns = {
        name: Turn(turn.outcome, 'Object "status" is unknown')
        for name, turn in BridgeStatusGarbage.turns.items()
    }

    def inject(self) -> None:
        move = "mv /usr/local/bin/bridge /usr/local/bin/bridge.kept"
        fleet.run(WORKSTATION, move, user="root")

    heal = BridgeStatusGarbage.heal


class ForwardingForbiddenToTheSuite(Fault):
    """railiance01's sshd forbids the forwarding that the suite's own requests need."""

    turns = {
        name: inconclusive("administratively prohibited")
        for name in (
            "CUT-06.healthy",
            "PROD-04.path",
            "PROD-01.pods",
            "PROD-02.upstream",
            "PROD-02.service",
            "PRE-13.cluster",
            "PROD-03.inside",
            "PROD-04.from-pod",
            "PROD-11.event",
            "PROD-12.run",
            "PROD-16.workstation-unnamed",
        )
    } | unanswered(RAILIANCE, "administratively prohibited")

    def inject(self) -> None:
        configure_sshd(RAILIANCE, "AllowTcpForwarding no")

    def heal(self) -> None:
        restore_sshd(RAILIANCE)


class ProcessesHidden(Fault):
    """The workstation's /proc is mounted with hidepid: other users' tunnels cannot be seen."""

    turns = {
        name: inconclusive("/proc/1/comm")
        for name in (
            "CUT-03.down",
            "PRE-06.interactive",
            "PROD-06.interactive",
        )
    } | unanswered(WORKSTATION, "/proc/1/comm")

    def inject(self) -> None:
        root(WORKSTATION, "mount -o remount,hidepid=2 /proc")

    def heal(self) -> None:
        root(WORKSTATION, "mount -o remount,hidepid=0 /proc")
