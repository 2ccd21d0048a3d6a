"""What would end the tunnels' units on railiance01 one day, or take their ports."""

from __future__ import annotations

from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.means import HUB, ISSUES, RAILIANCE, UNITS, root, user

HUB_UNDISTURBED = f"PROD-18.undisturbed[{HUB}]"
ISSUES_UNDISTURBED = f"PROD-18.undisturbed[{ISSUES}]"


class _Timer(Fault):
    """A timer of the user runs a script at night."""

    script = ""

    def inject(self) -> None:
        timer = "[Timer]\\nOnCalendar=Jan 1\\n[Install]\\nWantedBy=timers.target\\n"
        service = "[Service]\\nExecStart=/home/tegwick/upkeep\\n"
        user(RAILIANCE, f"printf '#!/bin/sh\\n{self.script}\\n' >upkeep; chmod 755 upkeep; "
                        f"printf '{service}' >{UNITS}/upkeep.service; "
                        f"printf '{timer}' >{UNITS}/upkeep.timer; "
                        "systemctl --user enable upkeep.timer")  # fmt: skip

    def heal(self) -> None:
        user(RAILIANCE, f"systemctl --user disable upkeep.timer; rm {UNITS}/upkeep.* upkeep; "
                        "systemctl --user daemon-reload")  # fmt: skip


class TimerStopsTheTunnel(_Timer):
    """Every night a script stops a tunnel's unit, which nothing starts again."""

    turns = {
        HUB_UNDISTURBED: fail("upkeep, run by upkeep.service on railiance01: systemctl --user")
    }
    script = f"systemctl --user stop {HUB}"


class TimerRenewsTheTunnel(_Timer):
    """Every night a script stops a tunnel's unit, and starts it again."""

    harmless = True
    script = f"systemctl --user stop {HUB}\\nsleep 2\\nsystemctl --user start {HUB}"


class TimerStopsWhatItFinds(_Timer):
    """Every night a script stops units whose names it finds out then."""

    _unknown = inconclusive("which units it ends is not known")
    turns = {HUB_UNDISTURBED: _unknown, ISSUES_UNDISTURBED: _unknown}
    script = 'for u in $(cat units); do systemctl --user stop "$u"; done'


class CronMasksTheTunnels(Fault):
    """Root's own table for cron masks the user's tunnels at the end of the year."""

    _ended = fail("would be ended by /etc/cron.d/retire on railiance01")
    turns = {HUB_UNDISTURBED: _ended, ISSUES_UNDISTURBED: _ended}

    def inject(self) -> None:
        line = "0 0 31 12 * root systemctl --user -M tegwick@ mask --now fleet-*.service"
        root(RAILIANCE, f"mkdir -p /etc/cron.d; echo '{line}' >/etc/cron.d/retire")

    def heal(self) -> None:
        root(RAILIANCE, "rm /etc/cron.d/retire")


class LogInTakesThePort(Fault):
    """Whoever logs in to railiance01 as the tunnels' user opens a tunnel of the same port."""

    turns = {HUB_UNDISTURBED: fail("127.0.0.1:18000 would be taken by /home/tegwick/.profile on")}

    def inject(self) -> None:
        line = "ssh -f -N -L 18000:198.19.43.94:8000 coulombcore 2>/dev/null"
        user(RAILIANCE, f"cp -p .profile profile.kept; echo 'tty -s && {line}' >>.profile")

    def heal(self) -> None:
        user(RAILIANCE, "mv profile.kept .profile")


class CronTableHidden(Fault):
    """On railiance01 cron is for root alone, as hardening has it: its tables, and its users."""

    harmless = True

    def inject(self) -> None:
        root(RAILIANCE, "mkdir -p /etc/cron.d; touch /etc/cron.d/backup; "
                        "chmod 600 /etc/cron.d/backup; chmod 700 /etc/cron.d; "
                        "echo root >/etc/cron.allow")  # fmt: skip

    def heal(self) -> None:
        root(RAILIANCE, "chmod 755 /etc/cron.d; rm /etc/cron.d/backup /etc/cron.allow")
