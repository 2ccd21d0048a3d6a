"""Hosts that are down, unreachable, or let nobody in."""

from __future__ import annotations

from rehearsal import fleet, network
from rehearsal.faults.cluster import HUB_BRIDGE, ISSUES_BRIDGE
from rehearsal.faults.fault import Fault, fail, inconclusive, passes
from rehearsal.faults.identity import pinned
from rehearsal.faults.keys import logs_in
from rehearsal.faults.means import COULOMB, RAILIANCE, RESTART_SSHD, WORKSTATION, root, units, user
from rehearsal.faults.rewritten import until_unready
from rehearsal.faults.workstation import listening, wait_for

SSHD = "/etc/ssh/sshd_config.d/fault.conf"


def configure_sshd(host: str, line: str) -> None:
    """Give sshd one more line of configuration; open sessions keep what they had."""
    root(host, f"echo '{line}' >{SSHD}; {RESTART_SSHD}")


def restore_sshd(host: str) -> None:
    """Take that line away again."""
    root(host, f"rm {SSHD}; {RESTART_SSHD}")


class CoulombcoreOff(Fault):
    """coulombcore has lost power; the tunnels' own keepalives have not noticed yet."""

    deadlines = {"connect": 2, "command": 1, "http": 1}
    blinds = {COULOMB: inconclusive("198.18.77.12:22")}
    turns = {
        "PRE-01.right-machine[coulombcore]": fail("198.18.77.12:22"),
        **logs_in(fail("198.18.77.12 port 22")),
        "CUT-06.healthy": fail("no complete answer within"),
        "PROD-04.path": fail("no complete answer within"),
        "PROD-01.pods": fail("is 0/1 ready"),
        "PROD-03.inside": fail("does not answer"),
        "PROD-04.from-pod": fail("does not answer"),
    }

    def inject(self) -> None:
        # The cable goes first, or dying processes would say goodbye.
        network.unplug(COULOMB)
        fleet.power_off(COULOMB)
        until_unready(HUB_BRIDGE, ISSUES_BRIDGE)

    def heal(self) -> None:
        fleet.power_on(COULOMB)
        # As the keepalives would, in their own time.
        units("restart")
        names = " ".join(fleet.inventory().workstation.interactive)
        user(WORKSTATION, f"bridge down {names} && bridge up {names}")


class RailianceUnreachable(Fault):
    """railiance01 has lost its network."""

    deadlines = {"connect": 2}
    blinds = {RAILIANCE: inconclusive("198.18.77.11:22")}
    turns = {
        "PRE-01.right-machine[railiance01]": fail("198.18.77.11:22"),
        "PRE-02.bridge-tool": inconclusive("198.18.77.11:22"),
        "PRE-09.certificate": inconclusive("198.18.77.11:22"),
        "PROD-11.event": inconclusive("198.18.77.11:22"),
        "PROD-12.run": inconclusive("198.18.77.11:22"),
        "PROD-14.certificate": inconclusive("198.18.77.11:22"),
    }

    def inject(self) -> None:
        root(RAILIANCE, "ip link set host0 down")

    def heal(self) -> None:
        root(RAILIANCE, "ip link set host0 up")
        units("restart")  # as the keepalives would, in their own time


class SshdStopped(Fault):
    """coulombcore's sshd is stopped: what is connected stays so, and nobody else gets in."""

    blinds = {COULOMB: inconclusive("refused the connection on 198.18.77.12:22")}
    turns = {
        "PRE-01.right-machine[coulombcore]": fail("refused the connection on 198.18.77.12:22"),
        **logs_in(fail("Connection refused")),
    }

    def inject(self) -> None:
        root(COULOMB, "systemctl stop ssh")

    def heal(self) -> None:
        root(COULOMB, "systemctl start ssh")


class LinkCutHalfOpen(Fault):
    """The link to coulombcore dies in the middle of the run, right after the suite's log-in."""

    # What is told depends on which answer was on its way; that it is coulombcore, does not.
    deadlines = {"connect": 2}
    blinds = {COULOMB: inconclusive("coulombcore")}
    turns = pinned(passes())

    def inject(self) -> None:
        # The suite's own traffic uses up the quota: its log-in takes 3.4 kB, all of it 10 kB.
        rule = "ip saddr 198.18.77.1 tcp dport 22 quota over 3500 bytes drop"
        root(COULOMB, "nft 'add table ip cut; "
                      "add chain ip cut arriving { type filter hook input priority 0; }; "
                      f"add rule ip cut arriving {rule}'")  # fmt: skip

    def heal(self) -> None:
        root(COULOMB, "nft delete table ip cut")


class ForcedCommand(Fault):
    """coulombcore lets the suite's key run nothing but a refusal."""

    blinds = {COULOMB: inconclusive("This account is locked")}
    turns = {"PRE-07.healthy": passes(), **pinned(passes())}

    def inject(self) -> None:
        command = 'command="echo This account is locked. >\\&2; exit 1"'
        user(COULOMB, "cp -p .ssh/authorized_keys authorized_keys.kept; "
                      f"sed -i '1s/^/{command} /' .ssh/authorized_keys")  # fmt: skip

    def heal(self) -> None:
        user(COULOMB, "mv authorized_keys.kept .ssh/authorized_keys")


class NoSessions(Fault):
    """coulombcore's sshd gives nobody a session (MaxSessions 0), only forwardings."""

    blinds = {COULOMB: inconclusive("coulombcore opened no channel for the command")}
    turns = {"PRE-07.healthy": passes(), **pinned(passes())}

    def inject(self) -> None:
        configure_sshd(COULOMB, "MaxSessions 0")

    def heal(self) -> None:
        restore_sshd(COULOMB)


class LoginShellHangs(Fault):
    """A line in ~/.bashrc on coulombcore waits for something that does not come."""

    deadlines = {"connect": 2, "command": 1}
    blinds = {COULOMB: inconclusive("did not finish within")}
    turns = {"PRE-07.healthy": passes(), **pinned(passes())}

    def inject(self) -> None:
        user(COULOMB, "cp -p .bashrc bashrc.kept; sed -i '1i sleep 60' .bashrc")

    def heal(self) -> None:
        user(COULOMB, "mv bashrc.kept .bashrc; pkill -x -f 'sleep 60'", check=False)


class LoginShellReadsInput(Fault):
    """A line in ~/.bashrc on coulombcore reads the standard input of whatever is run there."""

    blinds = {COULOMB: inconclusive("read the questions from its standard input")}
    turns = {"PRE-07.healthy": passes(), **pinned(passes())}

    def inject(self) -> None:
        user(COULOMB, "cp -p .bashrc bashrc.kept; sed -i '1i read -r line' .bashrc")

    def heal(self) -> None:
        user(COULOMB, "mv bashrc.kept .bashrc")


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
    }

    def inject(self) -> None:
        configure_sshd(RAILIANCE, "AllowTcpForwarding no")

    def heal(self) -> None:
        restore_sshd(RAILIANCE)


class ForwardingForbiddenToTheTunnels(Fault):
    """coulombcore's sshd forbids forwarding: the tunnels stand, and carry nothing."""

    turns = {
        **logs_in(fail("may not forward to 198.19.43.94:8000")),
        "CUT-06.healthy": fail("disconnected"),
        "PROD-04.path": fail("disconnected"),
        "PROD-01.pods": fail("is 0/1 ready"),
        "PROD-03.inside": fail("does not answer"),
        "PROD-04.from-pod": fail("does not answer"),
        "PRE-07.healthy": inconclusive("administratively prohibited"),
        "PRE-06.cluster-ip": inconclusive("administratively prohibited"),
        "PRE-13.cluster": inconclusive("administratively prohibited"),
        "PROD-15.endpoints": inconclusive("administratively prohibited"),
    }

    def inject(self) -> None:
        configure_sshd(COULOMB, "AllowTcpForwarding no")
        units("restart")
        until_unready(HUB_BRIDGE, ISSUES_BRIDGE)

    def heal(self) -> None:
        restore_sshd(COULOMB)
        units("restart")
        wait_for(RAILIANCE, listening(18000))
        wait_for(RAILIANCE, listening(18765))
