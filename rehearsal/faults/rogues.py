"""Tunnels from the workstation that its `bridge` knows nothing of."""

from __future__ import annotations

from rehearsal.faults.cluster import HUB_BRIDGE
from rehearsal.faults.fault import Fault, Turn, fail, inconclusive
from rehearsal.faults.means import COULOMB, HUB, RAILIANCE, WORKSTATION, root, units, user
from rehearsal.faults.workstation import HUB_RETIRED, ISSUES_RETIRED, listening, wait_for
from rehearsal.states import on


class _Rogue(Fault):
    """An operator types an ssh command on the workstation and leaves it running."""

    ssh: str
    program = "ssh"
    host = RAILIANCE
    port = 18001

    def inject(self) -> None:
        command = f"setsid {self.program} -N -o BatchMode=yes {self.ssh}"
        self.pid = on(WORKSTATION, f"{command} </dev/null >/dev/null 2>&1 & echo $!").strip()
        wait_for(self.host, listening(self.port))

    def heal(self) -> None:
        user(WORKSTATION, f"kill {self.pid}")
        wait_for(self.host, f"! {listening(self.port)}")


class RogueForward(_Rogue):
    """A forward tunnel runs that is on no list."""

    ssh = "-L 127.0.0.1:18001:127.0.0.1:9090 railiance01"
    host = WORKSTATION
    turns = {"PROD-06.interactive": fail("a tunnel that is on no list runs, process")}


class RogueUnderAnotherName(_Rogue):
    """A forward tunnel runs that is on no list, by a copy of ssh that is called otherwise."""

    host = WORKSTATION
    turns = {"PROD-06.interactive": fail("listens on 127.0.0.1:18001: uplink (pid")}
    ssh = "-L 127.0.0.1:18001:127.0.0.1:9090 railiance01"
    program = "./uplink"

    def inject(self) -> None:
        on(WORKSTATION, "cp /usr/bin/ssh ./uplink")
        super().inject()

    def heal(self) -> None:
        super().heal()
        on(WORKSTATION, "rm ./uplink")


class RogueForwardBesideToken(_Rogue):
    """A forward tunnel runs that is on no list; before its -L stands a secret.

    A run on the fleet fails PROD-06.interactive. A recording lacks the secret, and what else may
    have stood there: nobody can judge by it.
    """

    ssh = "-o SetEnv=API_TOKEN=abcdef1 -L 127.0.0.1:18001:127.0.0.1:9090 railiance01"
    host = WORKSTATION
    _unknown = inconclusive("workstation: what `processes` says was recorded without a secret")
    turns = {
        "PROD-06.interactive": _unknown,
        "PRE-06.interactive[state-hub]": _unknown,
        "PRE-06.interactive[issue-core]": _unknown,
        f"CUT-03.down[{HUB_RETIRED}]": _unknown,
        f"CUT-03.down[{ISSUES_RETIRED}]": _unknown,
    }


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


class ReverseTunnelFromAnAddressOfTwo(RogueReverseTunnel):
    """It comes from an address of which coulombcore says, too, that it has it."""

    address = "198.18.77.99"
    ssh = f"-b {address} {RogueReverseTunnel.ssh}"
    turns = {
        "PROD-06.interactive": fail("a reverse tunnel runs, process"),
        "PROD-06.listeners[railiance01]": inconclusive("which several hosts report as their own"),
    }

    def inject(self) -> None:
        # Of two that answer for one address nobody knows which is asked: coulombcore does not.
        root(COULOMB, "sysctl -qw net.ipv4.conf.host0.arp_ignore=1; ip link add two type bridge; "
                      f"ip addr add {self.address}/32 dev two")  # fmt: skip
        root(WORKSTATION, f"ip addr add {self.address}/24 dev host0")
        super().inject()

    def heal(self) -> None:
        super().heal()
        root(COULOMB, "ip link del two; sysctl -qw net.ipv4.conf.host0.arp_ignore=0")
        root(WORKSTATION, f"ip addr del {self.address}/24 dev host0")


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
    turns = {
        "PROD-06.interactive": fail("a reverse tunnel runs, process"),
        "PROD-06.listeners[railiance01]": fail("127.0.0.1:18001 is held by"),
    }

    def inject(self) -> None:
        config = "Host backhaul\\n HostName railiance01\\n HostKeyAlias railiance01\\n "
        config += "RemoteForward 127.0.0.1:18001 127.0.0.1:8000\\n"
        user(WORKSTATION, f"printf '{config}' >~/.ssh/config")
        super().inject()

    def heal(self) -> None:
        super().heal()
        user(WORKSTATION, "rm ~/.ssh/config")


class _OfControlMaster(Fault):
    """A forward is added to a connection that is already open: its process shows no arguments."""

    forward: str

    def inject(self) -> None:
        master = "ssh -fN -o ControlMaster=yes -o ControlPersist=60 -S ~/.ssh/master railiance01"
        forward = f"ssh -S ~/.ssh/master -O forward {self.forward} railiance01"
        on(WORKSTATION, f"{master} </dev/null >/dev/null 2>&1 && {forward}")

    def heal(self) -> None:
        on(WORKSTATION, "ssh -S ~/.ssh/master -O exit railiance01")


class ReverseTunnelOfControlMaster(_OfControlMaster):
    """A reverse tunnel is added to an open connection."""

    forward = "-R 127.0.0.1:18001:127.0.0.1:8000"
    turns = {"PROD-06.listeners[railiance01]": fail("127.0.0.1:18001 is held by")}


class ForwardOfControlMaster(_OfControlMaster):
    """A forward tunnel that is on no list is added to an open connection."""

    forward = "-L 127.0.0.1:18001:127.0.0.1:9090"
    turns = {"PROD-06.interactive": fail("is on no list listens on 127.0.0.1:18001, process")}


class ListenerOfX11Forwarding(_OfControlMaster):
    """sshd listens on railiance01 for a display on the workstation, as for `ssh -X`."""

    forward = "-R 127.0.0.1:6010:127.0.0.1:6000"
    harmless = True
