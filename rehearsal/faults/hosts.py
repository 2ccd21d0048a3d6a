"""Hosts that are down, unreachable, or let nobody in."""

from __future__ import annotations

from rehearsal import fleet, network
from rehearsal.faults.cluster import HUB_BRIDGE, ISSUES_BRIDGE
from rehearsal.faults.fault import Fault, fail, inconclusive, passes
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
        "host_is_the_right_one[coulombcore]": fail("198.18.77.12:22"),
        "fleet_identity_logs_in": fail("198.18.77.12 port 22"),
        "service_answers_through_its_tunnel": fail("no complete answer within"),
        "live_path_leads_over_the_fleet": fail("no complete answer within"),
        "bridge_pods_are_ready": fail("is 0/1 ready"),
        "service_answers_inside_the_cluster": fail("does not answer"),
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
        "host_is_the_right_one[railiance01]": fail("198.18.77.11:22"),
        "bridge_is_known_for_what_it_is": inconclusive("198.18.77.11:22"),
        "certificate_readiness": inconclusive("198.18.77.11:22"),
        "progress_event_can_be_read_back": inconclusive("198.18.77.11:22"),
        "safe_run_arrives": inconclusive("198.18.77.11:22"),
        "tunnels_use_a_valid_certificate": inconclusive("198.18.77.11:22"),
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
        "host_is_the_right_one[coulombcore]": fail("refused the connection on 198.18.77.12:22"),
        "fleet_identity_logs_in": fail("Connection refused"),
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
    turns = {"host_key_is_pinned": passes()}

    def inject(self) -> None:
        # The suite's own traffic uses up the quota: its log-in takes 3.4 kB, all of it 10 kB.
        rule = "ip saddr 198.18.77.1 tcp dport 22 quota over 4000 bytes drop"
        root(COULOMB, "nft 'add table ip cut; "
                      "add chain ip cut in { type filter hook input priority 0; }; "
                      f"add rule ip cut in {rule}'")  # fmt: skip

    def heal(self) -> None:
        root(COULOMB, "nft delete table ip cut")


class ForcedCommand(Fault):
    """coulombcore lets the suite's key run nothing but a refusal."""

    blinds = {COULOMB: inconclusive("This account is locked")}
    turns = {"service_is_healthy": passes(), "host_key_is_pinned": passes()}

    def inject(self) -> None:
        command = 'command="echo This account is locked. >\\&2; exit 1"'
        user(COULOMB, "cp -p .ssh/authorized_keys authorized_keys.kept; "
                      f"sed -i '1s/^/{command} /' .ssh/authorized_keys")  # fmt: skip

    def heal(self) -> None:
        user(COULOMB, "mv authorized_keys.kept .ssh/authorized_keys")


class NoSessions(Fault):
    """coulombcore's sshd gives nobody a session (MaxSessions 0), only forwardings."""

    blinds = {COULOMB: inconclusive("coulombcore opened no channel for the command")}
    turns = {
        "service_is_healthy": passes(),
        "host_key_is_pinned": passes(),
        "fleet_identity_logs_in": fail("open failed"),
    }

    def inject(self) -> None:
        configure_sshd(COULOMB, "MaxSessions 0")

    def heal(self) -> None:
        restore_sshd(COULOMB)


class LoginShellHangs(Fault):
    """A line in ~/.bashrc on coulombcore waits for something that does not come."""

    deadlines = {"connect": 2, "command": 1}
    blinds = {COULOMB: inconclusive("did not finish within")}
    turns = {
        "service_is_healthy": passes(),
        "host_key_is_pinned": passes(),
        "fleet_identity_logs_in": inconclusive("did not end within 3 s"),
        "certificate_readiness": inconclusive("did not end within 3 s"),
        "tunnels_use_a_valid_certificate": inconclusive("did not end within 3 s"),
    }

    def inject(self) -> None:
        user(COULOMB, "cp -p .bashrc bashrc.kept; sed -i '1i sleep 60' .bashrc")

    def heal(self) -> None:
        user(COULOMB, "mv bashrc.kept .bashrc; pkill -x -f 'sleep 60'", check=False)


class ForwardingForbiddenToTheSuite(Fault):
    """railiance01's sshd forbids the forwarding that the suite's own requests need."""

    turns = {
        name: inconclusive("administratively prohibited")
        for name in (
            "service_answers_through_its_tunnel",
            "live_path_leads_over_the_fleet",
            "bridge_pods_are_ready",
            "bridge_leads_to_its_tunnel",
            "bridge_service_leads_to_its_pods",
            "cluster_is_the_right_one",
            "service_answers_inside_the_cluster",
            "progress_event_can_be_read_back",
            "safe_run_arrives",
        )
    }

    def inject(self) -> None:
        configure_sshd(RAILIANCE, "AllowTcpForwarding no")

    def heal(self) -> None:
        restore_sshd(RAILIANCE)


class ForwardingForbiddenToTheTunnels(Fault):
    """coulombcore's sshd forbids forwarding: the tunnels stand, and carry nothing."""

    turns = {
        "service_answers_through_its_tunnel": fail("disconnected"),
        "live_path_leads_over_the_fleet": fail("disconnected"),
        "bridge_pods_are_ready": fail("is 0/1 ready"),
        "service_answers_inside_the_cluster": fail("does not answer"),
        "service_is_healthy": inconclusive("administratively prohibited"),
        "cluster_ip_is_current": inconclusive("administratively prohibited"),
        "cluster_is_the_right_one": inconclusive("administratively prohibited"),
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
