"""Ways in which a retired tunnel is down and would yet start by itself."""

from __future__ import annotations

from shlex import quote

from rehearsal.faults.bases import UserUnit
from rehearsal.faults.clusters import KUBECONFIG
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.machines import (
    HUB_RETIRED,
    RAILIANCE,
    UNITS,
    WANTED,
    WORKSTATION,
    configure,
    restore_configuration,
    root,
    user,
)
from rehearsal.faults.symptoms import ONLY

NEITHER = f"PROD-06.retired[{HUB_RETIRED}]"


class BridgeAutostart(Fault):
    """The workstation's `bridge` starts a retired tunnel with the workstation."""

    turns = {
        NEITHER: fail(f"`bridge` on workstation starts {HUB_RETIRED} by itself"),
        ONLY: fail(f"starts {HUB_RETIRED}, which is not on the"),
    }

    def inject(self) -> None:
        configure(HUB_RETIRED, "s/autostart: false/autostart: true/")

    def heal(self) -> None:
        restore_configuration()


SERVICE = f"[Service]\\nExecStart=/usr/local/bin/bridge up {HUB_RETIRED}\\n"


class AutostartByUserUnit(Fault):
    """A user unit starts a retired tunnel."""

    turns = {NEITHER: fail("dehub.service on workstation would start")}

    def inject(self) -> None:
        user(WORKSTATION, f"printf '{SERVICE}{WANTED}' >{UNITS}/dehub.service; "
                          "systemctl --user enable dehub.service")  # fmt: skip

    def heal(self) -> None:
        user(WORKSTATION, "systemctl --user disable dehub.service; "
                          f"rm {UNITS}/dehub.service; systemctl --user daemon-reload")  # fmt: skip


class AutostartByPlainSsh(Fault):
    """A user unit starts a retired tunnel as plain ssh, which names it nowhere."""

    turns = {
        NEITHER: fail("backhaul.service on workstation would start"),
        ONLY: fail("a reverse tunnel would start by itself, backhaul.service on workstation"),
    }

    def inject(self) -> None:
        command = "/usr/bin/ssh -N -R 127.0.0.1:18000:127.0.0.1:8000 railiance01"
        unit = f"[Service]\\nExecStart={command}\\n{WANTED}"
        user(WORKSTATION, f"printf '{unit}' >{UNITS}/backhaul.service; "
                          "systemctl --user enable backhaul.service")  # fmt: skip

    def heal(self) -> None:
        user(WORKSTATION, "systemctl --user disable backhaul.service; "
                          f"rm {UNITS}/backhaul.service; "
                          "systemctl --user daemon-reload")  # fmt: skip


class AutostartByTimer(Fault):
    """A timer starts a retired tunnel, by a service that is itself not enabled."""

    turns = {NEITHER: fail("dehub.service on workstation would start")}

    def inject(self) -> None:
        timer = "[Timer]\\nOnCalendar=Jan 1\\n[Install]\\nWantedBy=timers.target\\n"
        user(WORKSTATION, f"printf '{SERVICE}' >{UNITS}/dehub.service; "
                          f"printf '{timer}' >{UNITS}/dehub.timer; "
                          "systemctl --user enable dehub.timer")  # fmt: skip

    def heal(self) -> None:
        user(WORKSTATION, f"systemctl --user disable dehub.timer; rm {UNITS}/dehub.*; "
                          "systemctl --user daemon-reload")  # fmt: skip


class AutostartBySystemUnit(Fault):
    """A unit of the system, not of the user, starts a retired tunnel."""

    turns = {NEITHER: fail("dehub.service on workstation would start")}
    file = "/etc/systemd/system/dehub.service"

    def inject(self) -> None:
        unit = f"{SERVICE}User=tegwick\\n[Install]\\nWantedBy=multi-user.target\\n"
        root(WORKSTATION, f"printf '{unit}' >{self.file}; systemctl enable dehub.service")

    def heal(self) -> None:
        root(WORKSTATION, f"systemctl disable dehub.service; rm {self.file}; "
                          "systemctl daemon-reload")  # fmt: skip


class AutostartByCron(Fault):
    """The user's crontab starts a retired tunnel at boot."""

    turns = {NEITHER: fail("crontab on workstation would start")}

    def inject(self) -> None:
        user(WORKSTATION, f"echo '@reboot bridge up {HUB_RETIRED}' | crontab -")

    def heal(self) -> None:
        user(WORKSTATION, "crontab -r")


class AutostartThatIsAToken(AutostartByCron):
    """It does, and a kubeconfig on railiance01 has the same words for a token."""

    def inject(self) -> None:
        super().inject()
        entry = '{"name": "x", "user": {"token": "bridge up state-hub"}}'
        harm = f's/"users": \\[/&{entry}, /'
        user(RAILIANCE, f"cp -p {KUBECONFIG} ~/kubeconfig.kept; sed -i {quote(harm)} {KUBECONFIG}")

    def heal(self) -> None:
        user(RAILIANCE, f"mv ~/kubeconfig.kept {KUBECONFIG}")
        super().heal()


class AutostartByCronDirectory(Fault):
    """A file in /etc/cron.d starts a retired tunnel at boot."""

    turns = {NEITHER: fail("/etc/cron.d/dehub on workstation would start")}

    def inject(self) -> None:
        line = f"@reboot tegwick bridge up {HUB_RETIRED}"
        root(WORKSTATION, f"echo '{line}' >/etc/cron.d/dehub")

    def heal(self) -> None:
        root(WORKSTATION, "rm /etc/cron.d/dehub")


class AutostartByDesktop(Fault):
    """The desktop's autostart starts a retired tunnel when the operator logs in."""

    turns = {NEITHER: fail("dehub.desktop on workstation would start")}

    def inject(self) -> None:
        entry = f"[Desktop Entry]\\nType=Application\\nExec=bridge up {HUB_RETIRED}\\n"
        user(WORKSTATION, "mkdir -p .config/autostart; "
                          f"printf '{entry}' >.config/autostart/dehub.desktop")  # fmt: skip

    def heal(self) -> None:
        user(WORKSTATION, "rm .config/autostart/dehub.desktop")


class AutostartBeforeAnother(Fault):
    """A user unit of another purpose starts a retired tunnel before what it is for."""

    turns = {NEITHER: fail("mail.service on workstation would start")}

    def inject(self) -> None:
        before = f"ExecStartPre=/usr/local/bin/bridge up {HUB_RETIRED}"
        unit = f"[Service]\\n{before}\\nExecStart=/usr/bin/sleep infinity\\n{WANTED}"
        user(WORKSTATION, f"printf '{unit}' >{UNITS}/mail.service; "
                          "systemctl --user enable mail.service")  # fmt: skip

    def heal(self) -> None:
        user(WORKSTATION, f"systemctl --user disable mail.service; rm {UNITS}/mail.service; "
                          "systemctl --user daemon-reload")  # fmt: skip


class AutostartByShellProfile(Fault):
    """The operator's shell starts a retired tunnel at each log-in."""

    turns = {NEITHER: fail("/home/tegwick/.profile on workstation would start")}

    def inject(self) -> None:
        user(WORKSTATION, f"cp -p .profile .kept; echo 'bridge up {HUB_RETIRED}' >>.profile")

    def heal(self) -> None:
        user(WORKSTATION, "mv .kept .profile")


class _Backhaul(UserUnit):
    """A user unit starts a retired tunnel as plain ssh, and not in so many words."""

    turns = {
        NEITHER: fail("on workstation would start"),
        ONLY: fail("a reverse tunnel would start by itself"),
    }


class AutostartByForwardOption(_Backhaul):
    """A user unit starts a retired tunnel with -o RemoteForward."""

    unit = 'ExecStart=/usr/bin/ssh -N -o "RemoteForward=18000 127.0.0.1:8000" railiance01'


class AutostartByEnvironmentFile(_Backhaul):
    """A user unit starts a retired tunnel; its options stand in a file of its environment."""

    options = "-N -R 127.0.0.1:18000:127.0.0.1:8000"
    before = f"echo \"OPTIONS='{options}'\" >~/backhaul.env"
    after = "rm ~/backhaul.env"
    unit = (
        "EnvironmentFile=/home/tegwick/backhaul.env\\nExecStart=/usr/bin/ssh $OPTIONS railiance01"
    )


class AutostartByHostAlias(_Backhaul):
    """A user unit logs in to a host for which ~/.ssh/config has the retired tunnel."""

    config = "Host backhaul\\n HostName railiance01\\n RemoteForward 18000 127.0.0.1:8000\\n"
    before = f"printf '{config}' >~/.ssh/config"
    after = "rm ~/.ssh/config"
    unit = "ExecStart=/usr/bin/ssh -N backhaul"


class AutostartByTemplate(Fault):
    """An instance of a template starts a retired tunnel; its port is the instance's name."""

    turns = _Backhaul.turns
    unit = "Environment=PORT=%%i\\nExecStart=/usr/bin/ssh -N -R ${PORT}:127.0.0.1:8000 railiance01"

    def inject(self) -> None:
        text = f"[Service]\\n{self.unit}\\n{WANTED}"
        user(WORKSTATION, f"printf '{text}' >{UNITS}/backhaul@.service; "
                          "systemctl --user enable backhaul@18000.service")  # fmt: skip

    def heal(self) -> None:
        user(WORKSTATION, "systemctl --user disable backhaul@18000.service; "
                          f"rm {UNITS}/backhaul@.service; "
                          "systemctl --user daemon-reload")  # fmt: skip


class AutostartByWantedUnit(Fault):
    """A unit that is not enabled, but wanted by one that is, starts a retired tunnel."""

    turns = {NEITHER: fail("dehub.service on workstation would start")}

    def inject(self) -> None:
        mail = f"[Unit]\\nWants=dehub.service\\n[Service]\\nExecStart=/usr/bin/true\\n{WANTED}"
        user(WORKSTATION, f"printf '{SERVICE}' >{UNITS}/dehub.service; "
                          f"printf '{mail}' >{UNITS}/mail.service; "
                          "systemctl --user enable mail.service")  # fmt: skip

    def heal(self) -> None:
        user(WORKSTATION, "systemctl --user disable mail.service; "
                          f"rm {UNITS}/mail.service {UNITS}/dehub.service; "
                          "systemctl --user daemon-reload")  # fmt: skip


class AutostartByDevice(Fault):
    """A unit that is not enabled, but that udev names for a device, starts a retired tunnel."""

    rule = "/etc/udev/rules.d/90-dehub.rules"
    unit = "/etc/systemd/system/dehub.service"
    turns = {NEITHER: fail("dehub.service on workstation would start")}

    def inject(self) -> None:
        text = 'SUBSYSTEM=="net", TAG+="systemd", ENV{SYSTEMD_WANTS}+="dehub.service"'
        root(WORKSTATION, f"mkdir -p /etc/udev/rules.d; echo '{text}' >{self.rule}; "
                          f"printf '{SERVICE}' >{self.unit}; systemctl daemon-reload")  # fmt: skip

    def heal(self) -> None:
        root(WORKSTATION, f"rm {self.rule} {self.unit}; systemctl daemon-reload")


class _Script(Fault):
    """A script that starts a retired tunnel lies where it is run, and does not name it at once."""

    file: str
    script = f"#!/bin/sh\\nNAME={HUB_RETIRED}\\nexec bridge up $NAME\\n"

    def inject(self) -> None:
        root(WORKSTATION, f"mkdir -p $(dirname {self.file}); printf '{self.script}' >{self.file}; "
                          f"chmod 755 {self.file}")  # fmt: skip

    def heal(self) -> None:
        root(WORKSTATION, f"rm {self.file}")


class AutostartEveryHour(_Script):
    """A script in /etc/cron.hourly starts a retired tunnel."""

    file = "/etc/cron.hourly/dehub"
    turns = {NEITHER: fail("/etc/cron.hourly/dehub on workstation would start")}


class AutostartByNetworkHook(_Script):
    """A script starts a retired tunnel whenever a network comes up."""

    file = "/etc/network/if-up.d/dehub"
    turns = {NEITHER: fail("/etc/network/if-up.d/dehub on workstation would start")}


class AutostartByScriptOfSystemUnit(_Script):
    """A unit of the system runs a script that starts a retired tunnel."""

    file = "/usr/local/sbin/dehub"
    unit = "/etc/systemd/system/upkeep.service"
    turns = {NEITHER: fail("/usr/local/sbin/dehub, run by upkeep.service on workstation would")}

    def inject(self) -> None:
        super().inject()
        unit = f"[Service]\\nExecStart={self.file}\\n[Install]\\nWantedBy=multi-user.target\\n"
        root(WORKSTATION, f"printf '{unit}' >{self.unit}; systemctl enable upkeep.service")

    def heal(self) -> None:
        root(WORKSTATION, f"systemctl disable upkeep.service; rm {self.unit}; "
                          "systemctl daemon-reload")  # fmt: skip
        super().heal()


RETIRED = "PROD-06.retired"
UNREAD = "this user cannot read it"


class CronFileUnreadable(Fault):
    """A file in /etc/cron.d starts a retired tunnel, and only root may read it."""

    turns = {RETIRED: inconclusive(f"/etc/cron.d/dehub: {UNREAD}")}

    def inject(self) -> None:
        line = f"@reboot tegwick bridge up {HUB_RETIRED}"
        root(WORKSTATION, f"umask 077; echo '{line}' >/etc/cron.d/dehub")

    def heal(self) -> None:
        root(WORKSTATION, "rm /etc/cron.d/dehub")


class CrontabRefused(Fault):
    """The user's crontab starts a retired tunnel, and crontab(1) does not show it to its user."""

    turns = {RETIRED: inconclusive("crontab: You (tegwick) are not allowed to use this program")}

    def inject(self) -> None:
        user(WORKSTATION, f"echo '@reboot bridge up {HUB_RETIRED}' | crontab -")
        root(WORKSTATION, "echo tegwick >/etc/cron.deny")

    def heal(self) -> None:
        root(WORKSTATION, "rm /etc/cron.deny")
        user(WORKSTATION, "crontab -r")


class EnvironmentFileUnreadable(Fault):
    """What the ssh of a system unit forwards stands in a file that only root may read."""

    turns = {RETIRED: inconclusive("this user cannot read its EnvironmentFile /etc/default/dehub")}

    def inject(self) -> None:
        unit = "[Service]\\nUser=tegwick\\nEnvironmentFile=/etc/default/dehub\\n"
        unit += "ExecStart=/usr/bin/ssh $OPTIONS\\n[Install]\\nWantedBy=multi-user.target\\n"
        options = "OPTIONS=-N -R 18000:127.0.0.1:8000 railiance01"
        root(WORKSTATION, f"umask 077; echo \"{options}\" >/etc/default/dehub; umask 022; "
                          f"printf '{unit}' >/etc/systemd/system/dehub.service; "
                          "systemctl enable dehub.service")  # fmt: skip

    def heal(self) -> None:
        root(WORKSTATION, "systemctl disable dehub.service; rm /etc/default/dehub "
                          "/etc/systemd/system/dehub.service; systemctl daemon-reload")  # fmt: skip


class AutostartOfWhatItIsTold(Fault):
    """A user unit runs a script that hands its arguments to ssh."""

    turns = {RETIRED: inconclusive("not resolved: destination $@: exec ssh -N $@")}

    def inject(self) -> None:
        unit = f"[Service]\\nExecStart=/home/tegwick/tunnel x\\n{WANTED}"
        user(WORKSTATION, "printf '#!/bin/sh\\nexec ssh -N $@\\n' >tunnel; chmod +x tunnel; "
                          f"printf '{unit}' >{UNITS}/tunnel.service; "
                          "systemctl --user enable tunnel.service")  # fmt: skip

    def heal(self) -> None:
        user(WORKSTATION, "systemctl --user disable tunnel.service; "
                          f"rm tunnel {UNITS}/tunnel.service; "
                          "systemctl --user daemon-reload")  # fmt: skip


class DesktopEntryDeleted(Fault):
    """The desktop's autostart had a retired tunnel; the user took it off there (Hidden=true)."""

    harmless_to = "PROD-06.retired"

    def inject(self) -> None:
        entry = (
            f"[Desktop Entry]\\nType=Application\\nExec=bridge up {HUB_RETIRED}\\nHidden=true\\n"
        )
        user(WORKSTATION, "mkdir -p .config/autostart; "
                          f"printf '{entry}' >.config/autostart/dehub.desktop")  # fmt: skip

    def heal(self) -> None:
        user(WORKSTATION, "rm .config/autostart/dehub.desktop")


class FunctionOfTheShell(Fault):
    """The user's shell knows a function that would open a retired tunnel, if somebody typed it."""

    harmless_to = "PROD-06.retired"

    def inject(self) -> None:
        ssh = "ssh -N -R 18000:127.0.0.1:8000 railiance01"
        body = f"dehub() {{\\n  bridge up {HUB_RETIRED}\\n  {ssh}\\n}}"
        user(WORKSTATION, f"cp -p .bashrc bashrc.kept && printf '{body}\\n' >>.bashrc")

    def heal(self) -> None:
        user(WORKSTATION, "mv bashrc.kept .bashrc")


class ForwardOfAnotherPort(Fault):
    """ssh_config has a reverse forward of a port that nobody retired; a script goes to any host."""

    harmless_to = "PROD-06.retired"

    def inject(self) -> None:
        config = "Host mirror\\n RemoteForward 9418 127.0.0.1:9418\\n"
        script = '#!/bin/sh\\nread -r h <hosts; exec ssh "$h" uptime\\n'
        user(WORKSTATION, f"printf '{config}' >.ssh/config; printf '{script}' >uptimes; "
                          "chmod 755 uptimes; "
                          "echo '@daily /home/tegwick/uptimes' | crontab -")  # fmt: skip

    def heal(self) -> None:
        user(WORKSTATION, "crontab -r; rm uptimes .ssh/config")
