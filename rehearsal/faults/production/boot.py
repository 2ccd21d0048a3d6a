"""What a reboot would bring to light: restarts, services, routes; what ends a unit one day."""

from __future__ import annotations

from rehearsal.faults.bases import FileChanged, FilesAdded, Rewritten
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.machines import (
    COULOMB,
    HUB,
    ISSUES,
    RAILIANCE,
    RESTART_SSHD,
    UNITS,
    WORKSTATION,
    root,
)


class TunnelNotRestarted(Rewritten):
    """A fleet unit is not started again once its ssh has ended."""

    turns = {
        f"PROD-18.restart[{HUB}]": fail("stays dead: Restart=no"),
        "CUT-01.installed[railiance01]": fail("differs from"),
    }
    change = "s/Restart=always/Restart=no/"


class TunnelGivenUp(Rewritten):
    """A fleet unit is given up after five starts in an hour."""

    turns = {
        f"PROD-18.restart[{HUB}]": fail("it is given up after 5 starts within 3600 s"),
        "CUT-01.installed[railiance01]": fail("differs from"),
    }
    change = "s/StartLimitIntervalSec=0/StartLimitIntervalSec=1h/"


class TunnelStartedAgainNextYear(Rewritten):
    """A fleet unit whose ssh has ended waits for a year."""

    turns = {
        f"PROD-18.restart[{HUB}]": fail("it is started again only after 31557600 s"),
        "CUT-01.installed[railiance01]": fail("differs from"),
    }
    change = "s/RestartSec=2/RestartSec=1y/"


class _ServiceDisabled(Fault):
    """A service runs now and would not start at boot."""

    host, service = COULOMB, ""

    def inject(self) -> None:
        root(self.host, f"systemctl disable {self.service}")

    def heal(self) -> None:
        root(self.host, f"systemctl enable {self.service}")


class SshdDisabled(_ServiceDisabled):
    """After a reboot of coulombcore no sshd would answer the tunnels."""

    turns = {"PROD-18.services[coulombcore]": fail("ssh.service is disabled")}
    service = "ssh.service"


class KubernetesDisabled(_ServiceDisabled):
    """After a reboot of coulombcore there would be no cluster, and no Services."""

    turns = {"PROD-18.services[coulombcore]": fail("k3s.service is disabled")}
    service = "k3s.service"


class KubernetesOfTheBridgesDisabled(_ServiceDisabled):
    """After a reboot of railiance01 there would be no bridges."""

    turns = {"PROD-18.services[railiance01]": fail("k3s.service is disabled")}
    host, service = RAILIANCE, "k3s.service"


class KubernetesNoLongerWanted(Fault):
    """The link that starts coulombcore's cluster is gone, and systemd has not been told."""

    turns = {"PROD-18.services[coulombcore]": fail("k3s.service is disabled")}
    link = "/etc/systemd/system/multi-user.target.wants/k3s.service"

    def inject(self) -> None:
        root(COULOMB, f"mv {self.link} /root/k3s.wanted")

    def heal(self) -> None:
        root(COULOMB, f"mv /root/k3s.wanted {self.link}")


class _OverTheWorkstation(Fault):
    """The workstation passes packets on, and somebody sends it those of the tunnels."""

    def inject(self) -> None:
        silent = "for f in /proc/sys/net/ipv4/conf/*/send_redirects; do echo 0 >$f; done"
        root(WORKSTATION, f"sysctl -qw net.ipv4.ip_forward=1; {silent}")

    def heal(self) -> None:
        root(WORKSTATION, "sysctl -qw net.ipv4.ip_forward=0")


class RouteOverTheWorkstation(_OverTheWorkstation):
    """railiance01 sends what is meant for coulombcore to the workstation."""

    turns = {"PROD-19.route": fail("railiance01 reaches coulombcore over 198.18.77.13")}

    def inject(self) -> None:
        super().inject()
        root(RAILIANCE, "ip route add 198.18.77.12/32 via 198.18.77.13")

    def heal(self) -> None:
        root(RAILIANCE, "ip route del 198.18.77.12/32")
        super().heal()


class RuleOverTheWorkstation(_OverTheWorkstation):
    """railiance01 sends to the workstation what is meant for coulombcore's sshd, and that alone."""

    turns = {"PROD-19.route": fail("railiance01 reaches coulombcore over 198.18.77.13")}
    rule = "to 198.18.77.12 ipproto 6 dport 22 lookup 100"

    def inject(self) -> None:
        super().inject()
        root(RAILIANCE, "ip route add 198.18.77.12/32 via 198.18.77.13 table 100; "
                        f"ip rule add {self.rule}")  # fmt: skip

    def heal(self) -> None:
        root(RAILIANCE, f"ip rule del {self.rule}; ip route flush table 100")
        super().heal()


class WayBackOverTheWorkstation(_OverTheWorkstation):
    """coulombcore's answers to railiance01 go over the workstation."""

    turns = {"PROD-19.route": fail("coulombcore reaches railiance01 over 198.18.77.13")}

    def inject(self) -> None:
        super().inject()
        root(COULOMB, "ip route add 198.18.77.11/32 via 198.18.77.13")

    def heal(self) -> None:
        root(COULOMB, "ip route del 198.18.77.11/32")
        super().heal()


class NeighbourIsTheWorkstation(_OverTheWorkstation):
    """railiance01 takes the workstation's network card for coulombcore's; no route shows it."""

    turns = {"PROD-19.route": fail("over the workstation, whose")}

    def inject(self) -> None:
        super().inject()
        mac = root(WORKSTATION, "cat /sys/class/net/host0/address").strip()
        root(RAILIANCE, f"ip neigh replace 198.18.77.12 lladdr {mac} dev host0 nud permanent")

    def heal(self) -> None:
        root(RAILIANCE, "ip neigh del 198.18.77.12 dev host0")
        super().heal()


class SshdChangedOnDisk(Fault):
    """coulombcore's sshd has not read what its configuration says now: it forbids forwarding."""

    turns = {"PROD-18.services[coulombcore]": inconclusive("is newer than what runs")}

    def inject(self) -> None:
        root(COULOMB, "echo 'AllowTcpForwarding no' >/etc/ssh/sshd_config.d/later.conf; "
                      "touch -d '10 seconds' /etc/ssh/sshd_config.d/later.conf")  # fmt: skip

    def heal(self) -> None:
        root(COULOMB, f"rm /etc/ssh/sshd_config.d/later.conf; {RESTART_SSHD}")


class KubernetesOnCondition(FilesAdded):
    """coulombcore's Kubernetes starts only where a file exists that a boot does not make."""

    turns = {
        "PROD-18.services[coulombcore]": fail("starts only after ConditionPathExists=/run/ready")
    }
    host = COULOMB
    condition = "[Unit]\nConditionPathExists=/run/ready\n"
    files = {"/etc/systemd/system/k3s.service.d/ready.conf": condition}


HUB_UNDISTURBED = f"PROD-18.undisturbed[{HUB}]"
ISSUES_UNDISTURBED = f"PROD-18.undisturbed[{ISSUES}]"


def _nightly(script: str) -> dict[str, str]:
    """A timer of the user that runs a script."""
    return {
        "~/upkeep": f"#!/bin/sh\n{script}\n",
        f"{UNITS}/upkeep.service": "[Service]\nExecStart=/home/tegwick/upkeep\n",
        f"{UNITS}/upkeep.timer": "[Timer]\nOnCalendar=Jan 1\n[Install]\nWantedBy=timers.target\n",
    }


class TimerStopsTheTunnel(FilesAdded):
    """Every night a script stops a tunnel's unit, which nothing starts again."""

    turns = {
        HUB_UNDISTURBED: fail("upkeep, run by upkeep.service on railiance01: systemctl --user")
    }
    host, enabled = RAILIANCE, "upkeep.timer"
    files = _nightly(f"systemctl --user stop {HUB}")


class TimerStopsWhatItFinds(TimerStopsTheTunnel):
    """Every night a script stops units whose names it finds out then."""

    _unknown = inconclusive("which units it ends is not known")
    turns = {HUB_UNDISTURBED: _unknown, ISSUES_UNDISTURBED: _unknown}
    files = _nightly('for u in $(cat units); do systemctl --user stop "$u"; done')


class TimerRenewsTheTunnel(FilesAdded):
    """Every night a script stops a tunnel's unit, and starts it again."""

    harmless_to = "PROD-18.undisturbed"
    host, enabled = RAILIANCE, "upkeep.timer"
    files = _nightly(f"systemctl --user stop {HUB}\nsleep 2\nsystemctl --user start {HUB}")


class CronMasksTheTunnels(FilesAdded):
    """Root's own table for cron masks the user's tunnels at the end of the year."""

    _ended = fail("would be ended by /etc/cron.d/retire on railiance01")
    turns = {HUB_UNDISTURBED: _ended, ISSUES_UNDISTURBED: _ended}
    host = RAILIANCE
    mask = "systemctl --user -M tegwick@ mask --now fleet-*.service"
    files = {"/etc/cron.d/retire": f"0 0 31 12 * root {mask}\n"}


class LogInTakesThePort(FileChanged):
    """Whoever logs in to railiance01 as the tunnels' user opens a tunnel of the same port."""

    turns = {HUB_UNDISTURBED: fail("127.0.0.1:18000 would be taken by /home/tegwick/.profile on")}
    file = "~/.profile"
    line = "tty -s && ssh -f -N -L 18000:198.19.43.94:8000 coulombcore 2>/dev/null"
    command = f"echo '{line}' >>{file}"


class CronTableHidden(Fault):
    """On railiance01 cron is for root alone, as hardening has it: its tables, and its users."""

    harmless_to = "PROD-18.undisturbed"

    def inject(self) -> None:
        root(RAILIANCE, "mkdir -p /etc/cron.d; touch /etc/cron.d/backup; "
                        "chmod 600 /etc/cron.d/backup; chmod 700 /etc/cron.d; "
                        "echo root >/etc/cron.allow")  # fmt: skip

    def heal(self) -> None:
        root(RAILIANCE, "chmod 755 /etc/cron.d; rm /etc/cron.d/backup /etc/cron.allow")
