"""Tunnels from the workstation that its `bridge` knows nothing of."""

from __future__ import annotations

from rehearsal.faults.cluster import HUB_BRIDGE
from rehearsal.faults.fault import Fault, Turn, fail
from rehearsal.faults.means import HUB, RAILIANCE, WORKSTATION, units, user
from rehearsal.faults.workstation import HUB_RETIRED, listening, wait_for
from rehearsal.states import on


class _Rogue(Fault):
    """An operator types an ssh command on the workstation and leaves it running."""

    ssh: str
    host = RAILIANCE
    port = 18001

    def inject(self) -> None:
        command = f"setsid ssh -N -o BatchMode=yes {self.ssh} </dev/null >/dev/null 2>&1 & echo $!"
        self.pid = on(WORKSTATION, command).strip()
        wait_for(self.host, listening(self.port))

    def heal(self) -> None:
        user(WORKSTATION, f"kill {self.pid}")
        wait_for(self.host, f"! {listening(self.port)}")


class RogueForward(_Rogue):
    """A forward tunnel runs that is on no list."""

    ssh = "-L 127.0.0.1:18001:127.0.0.1:9090 railiance01"
    host = WORKSTATION
    turns = {"PROD-06.interactive": fail("a tunnel that is on no list runs, process")}


class RogueProxy(_Rogue):
    """A SOCKS proxy into the fleet runs."""

    ssh = "-D 127.0.0.1:18001 railiance01"
    host = WORKSTATION
    turns = {"PROD-06.interactive": fail("a proxy runs, process")}


class RogueReverseTunnel(_Rogue):
    """A plain ssh -R, on a port that is on no list."""

    ssh = "-R 127.0.0.1:18001:127.0.0.1:8000 railiance01"
    turns = {
        "PROD-06.interactive": fail("a reverse tunnel runs, process"),
        "PROD-06.listeners[railiance01]": fail("127.0.0.1:18001 is held by"),
    }


class _OnProductionPort(_Rogue):
    """The fleet unit is stopped, and its port held from the workstation by something else."""

    port = 18000

    def inject(self) -> None:
        units("stop", HUB)
        super().inject()

    def heal(self) -> None:
        super().heal()
        units("start", HUB)


def _held(origin: str) -> dict[str, Turn]:
    return {
        f"CUT-04.steady[{HUB}]": fail("is inactive (dead)"),
        f"CUT-05.port[{HUB}]": fail(f"from {origin}"),
        f"CUT-07.forwards[{HUB}]": fail("runs no ssh"),
        f"PROD-04.path[{HUB}]": fail(f"from {origin}"),
        f"PROD-04.from-pod[{HUB_BRIDGE}]": fail(f"from {origin}"),
        f"PROD-09.same-after-reboot[{HUB}]": fail("runs no ssh"),
        "PROD-05.ports[railiance01]": fail(f"from {origin}"),
        f"CUT-03.down[{HUB_RETIRED}]": fail("carries it: ssh -N"),
        "PROD-06.interactive": fail("a reverse tunnel runs, process"),
    }


class ReverseTunnelWithoutBridge(_OnProductionPort):
    """A plain ssh -R holds a production port, and `bridge` says that all is down."""

    ssh = "-R 127.0.0.1:18000:127.0.0.1:8000 railiance01"
    turns = {
        **_held("workstation"),
        f"CUT-03.no-connection[{HUB_RETIRED}]": fail("from workstation"),
        "PROD-06.listeners[railiance01]": fail("127.0.0.1:18000 is held by"),
    }


class ReverseTunnelThroughJumpHost(_OnProductionPort):
    """A reverse tunnel from the workstation jumps over coulombcore, from where it seems to come."""

    ssh = "-J coulombcore -R 127.0.0.1:18000:127.0.0.1:8000 railiance01"
    turns = {
        **_held("coulombcore"),
        f"PRE-11.listen-address[{HUB}]": fail("from coulombcore"),
        f"CUT-03.no-connection[{HUB_RETIRED}]": fail("from coulombcore"),
    }


class ReverseTunnelFromSshConfig(_Rogue):
    """A RemoteForward in ~/.ssh/config opens a tunnel that no command line shows."""

    ssh = "backhaul"
    turns = {"PROD-06.listeners[railiance01]": fail("127.0.0.1:18001 is held by")}

    def inject(self) -> None:
        config = "Host backhaul\\n HostName railiance01\\n HostKeyAlias railiance01\\n "
        config += "RemoteForward 127.0.0.1:18001 127.0.0.1:8000\\n"
        user(WORKSTATION, f"printf '{config}' >~/.ssh/config")
        super().inject()

    def heal(self) -> None:
        super().heal()
        user(WORKSTATION, "rm ~/.ssh/config")


class ReverseTunnelOfControlMaster(Fault):
    """A forward is added to a connection that is already open: its process shows no arguments."""

    turns = {"PROD-06.listeners[railiance01]": fail("127.0.0.1:18001 is held by")}

    def inject(self) -> None:
        master = "ssh -fN -o ControlMaster=yes -o ControlPersist=60 -S ~/.ssh/master railiance01"
        forward = "ssh -S ~/.ssh/master -O forward -R 127.0.0.1:18001:127.0.0.1:8000 railiance01"
        on(WORKSTATION, f"{master} </dev/null >/dev/null 2>&1 && {forward}")

    def heal(self) -> None:
        on(WORKSTATION, "ssh -S ~/.ssh/master -O exit railiance01")
