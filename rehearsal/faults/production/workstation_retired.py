"""Ways in which a retired tunnel is down and would yet start by itself."""

from __future__ import annotations

from shlex import quote

from rehearsal.faults.bases import FileChanged, FilesAdded
from rehearsal.faults.clusters import KUBECONFIG
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.machines import (
    HUB_RETIRED,
    RAILIANCE,
    TUNNELS_YAML,
    UNITS,
    WANTED,
    WORKSTATION,
    root,
    user,
)
from rehearsal.faults.symptoms import ONLY

NEITHER = f"PROD-06.retired[{HUB_RETIRED}]"
RETIRED = "PROD-06.retired"
SYSTEM = "/etc/systemd/system"
UP = f"bridge up {HUB_RETIRED}"
SERVICE = f"[Service]\nExecStart=/usr/local/bin/{UP}\n"
OF_THE_SYSTEM = "[Install]\nWantedBy=multi-user.target\n"


class BridgeAutostart(FileChanged):
    """The workstation's `bridge` starts a retired tunnel with the workstation."""

    turns = {
        NEITHER: fail(f"`bridge` on workstation starts {HUB_RETIRED} by itself"),
        ONLY: fail(f"starts {HUB_RETIRED}, which is not on the"),
    }
    host, file = WORKSTATION, TUNNELS_YAML
    entry = f"/^  {HUB_RETIRED}:/,/autostart:/"
    command = f"sed -i '{entry}s/autostart: false/autostart: true/' {file}"


class AutostartByUserUnit(FilesAdded):
    """A user unit starts a retired tunnel."""

    turns = {NEITHER: fail("dehub.service on workstation would start")}
    files = {f"{UNITS}/dehub.service": SERVICE + WANTED}
    enabled = "dehub.service"


class AutostartByTimer(FilesAdded):
    """A timer starts a retired tunnel, by a service that is itself not enabled."""

    turns = {NEITHER: fail("dehub.service on workstation would start")}
    files = {
        f"{UNITS}/dehub.service": SERVICE,
        f"{UNITS}/dehub.timer": "[Timer]\nOnCalendar=Jan 1\n[Install]\nWantedBy=timers.target\n",
    }
    enabled = "dehub.timer"


class AutostartByWantedUnit(FilesAdded):
    """A unit that is not enabled, but wanted by one that is, starts a retired tunnel."""

    turns = {NEITHER: fail("dehub.service on workstation would start")}
    mail = "[Unit]\nWants=dehub.service\n[Service]\nExecStart=/usr/bin/true\n"
    files = {f"{UNITS}/dehub.service": SERVICE, f"{UNITS}/mail.service": mail + WANTED}
    enabled = "mail.service"


class AutostartBeforeAnother(FilesAdded):
    """A user unit of another purpose starts a retired tunnel before what it is for."""

    turns = {NEITHER: fail("mail.service on workstation would start")}
    mail = f"[Service]\nExecStartPre=/usr/local/bin/{UP}\nExecStart=/usr/bin/sleep infinity\n"
    files = {f"{UNITS}/mail.service": mail + WANTED}
    enabled = "mail.service"


class AutostartBySystemUnit(FilesAdded):
    """A unit of the system, not of the user, starts a retired tunnel."""

    turns = {NEITHER: fail("dehub.service on workstation would start")}
    files = {f"{SYSTEM}/dehub.service": f"{SERVICE}User=tegwick\n{OF_THE_SYSTEM}"}
    enabled = "dehub.service"


class AutostartByDevice(FilesAdded):
    """A unit that is not enabled, but that udev names for a device, starts a retired tunnel."""

    turns = {NEITHER: fail("dehub.service on workstation would start")}
    rule = 'SUBSYSTEM=="net", TAG+="systemd", ENV{SYSTEMD_WANTS}+="dehub.service"\n'
    files = {"/etc/udev/rules.d/90-dehub.rules": rule, f"{SYSTEM}/dehub.service": SERVICE}


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


class AutostartByCronDirectory(FilesAdded):
    """A file in /etc/cron.d starts a retired tunnel at boot."""

    turns = {NEITHER: fail("/etc/cron.d/dehub on workstation would start")}
    files = {"/etc/cron.d/dehub": f"@reboot tegwick {UP}\n"}


class AutostartByDesktop(FilesAdded):
    """The desktop's autostart starts a retired tunnel when the operator logs in."""

    turns = {NEITHER: fail("dehub.desktop on workstation would start")}
    entry = f"[Desktop Entry]\nType=Application\nExec={UP}\n"
    files = {"~/.config/autostart/dehub.desktop": entry}


class DesktopEntryDeleted(FilesAdded):
    """The desktop's autostart had a retired tunnel; the user took it off there (Hidden=true)."""

    harmless_to = RETIRED
    files = {"~/.config/autostart/dehub.desktop": f"{AutostartByDesktop.entry}Hidden=true\n"}


class AutostartByShellProfile(FileChanged):
    """The operator's shell starts a retired tunnel at each log-in."""

    turns = {NEITHER: fail("/home/tegwick/.profile on workstation would start")}
    host, file = WORKSTATION, "~/.profile"
    command = f"echo '{UP}' >>{file}"


class FunctionOfTheShell(FileChanged):
    """The user's shell knows a function that would open a retired tunnel, if somebody typed it."""

    harmless_to = RETIRED
    host, file = WORKSTATION, "~/.bashrc"
    body = f"dehub() {{\n  {UP}\n  ssh -N -R 18000:127.0.0.1:8000 railiance01\n}}\n"
    command = f"printf %s {quote(body)} >>{file}"


BACKHAUL = {
    NEITHER: fail("backhaul.service on workstation would start"),
    ONLY: fail("a reverse tunnel would start by itself, backhaul.service on workstation"),
}


def backhaul(service: str) -> dict[str, str]:
    """The user unit `backhaul`, by what stands below [Service]."""
    return {f"{UNITS}/backhaul.service": f"[Service]\n{service}\n{WANTED}"}


class AutostartByPlainSsh(FilesAdded):
    """A user unit starts a retired tunnel as plain ssh, which names it nowhere."""

    turns = BACKHAUL
    files = backhaul("ExecStart=/usr/bin/ssh -N -R 127.0.0.1:18000:127.0.0.1:8000 railiance01")
    enabled = "backhaul"


class AutostartByForwardOption(AutostartByPlainSsh):
    """A user unit starts a retired tunnel with -o RemoteForward."""

    files = backhaul(
        'ExecStart=/usr/bin/ssh -N -o "RemoteForward=18000 127.0.0.1:8000" railiance01'
    )


class AutostartByEnvironmentFile(AutostartByPlainSsh):
    """A user unit starts a retired tunnel; its options stand in a file of its environment."""

    files = {
        "~/backhaul.env": "OPTIONS='-N -R 127.0.0.1:18000:127.0.0.1:8000'\n",
        **backhaul(
            "EnvironmentFile=/home/tegwick/backhaul.env\n"
            "ExecStart=/usr/bin/ssh $OPTIONS railiance01"
        ),
    }


class AutostartByHostAlias(AutostartByPlainSsh):
    """A user unit logs in to a host for which ~/.ssh/config has the retired tunnel."""

    alias = "Host backhaul\n HostName railiance01\n RemoteForward 18000 127.0.0.1:8000\n"
    files = {"~/.ssh/config": alias, **backhaul("ExecStart=/usr/bin/ssh -N backhaul")}


class AutostartByTemplate(FilesAdded):
    """An instance of a template starts a retired tunnel; its port is the instance's name."""

    turns = {
        NEITHER: fail("on workstation would start"),
        ONLY: fail("a reverse tunnel would start by itself"),
    }
    ssh = "Environment=PORT=%i\nExecStart=/usr/bin/ssh -N -R ${PORT}:127.0.0.1:8000 railiance01"
    files = {f"{UNITS}/backhaul@.service": f"[Service]\n{ssh}\n{WANTED}"}
    enabled = "backhaul@18000"


SCRIPT = f"#!/bin/sh\nNAME={HUB_RETIRED}\nexec bridge up $NAME\n"
"""It starts a retired tunnel, and does not name it at once."""


class AutostartEveryHour(FilesAdded):
    """A script in /etc/cron.hourly starts a retired tunnel."""

    turns = {NEITHER: fail("/etc/cron.hourly/dehub on workstation would start")}
    files = {"/etc/cron.hourly/dehub": SCRIPT}


class AutostartByNetworkHook(FilesAdded):
    """A script starts a retired tunnel whenever a network comes up."""

    turns = {NEITHER: fail("/etc/network/if-up.d/dehub on workstation would start")}
    files = {"/etc/network/if-up.d/dehub": SCRIPT}


class AutostartByScriptOfSystemUnit(FilesAdded):
    """A unit of the system runs a script that starts a retired tunnel."""

    turns = {NEITHER: fail("/usr/local/sbin/dehub, run by upkeep.service on workstation would")}
    upkeep = f"[Service]\nExecStart=/usr/local/sbin/dehub\n{OF_THE_SYSTEM}"
    files = {"/usr/local/sbin/dehub": SCRIPT, f"{SYSTEM}/upkeep.service": upkeep}
    enabled = "upkeep.service"


class AutostartOfWhatItIsTold(FilesAdded):
    """A user unit runs a script that hands its arguments to ssh."""

    turns = {RETIRED: inconclusive("not resolved: destination $@: exec ssh -N $@")}
    files = {
        "~/tunnel": "#!/bin/sh\nexec ssh -N $@\n",
        f"{UNITS}/tunnel.service": f"[Service]\nExecStart=/home/tegwick/tunnel x\n{WANTED}",
    }
    enabled = "tunnel.service"


UNREAD = "this user cannot read it"


class CronFileUnreadable(AutostartByCronDirectory):
    """A file in /etc/cron.d starts a retired tunnel, and only root may read it."""

    turns = {RETIRED: inconclusive(f"/etc/cron.d/dehub: {UNREAD}")}

    def inject(self) -> None:
        super().inject()
        root(WORKSTATION, "chmod 600 /etc/cron.d/dehub")


class CrontabRefused(Fault):
    """The user's crontab starts a retired tunnel, and crontab(1) does not show it to its user."""

    turns = {RETIRED: inconclusive("crontab: You (tegwick) are not allowed to use this program")}

    def inject(self) -> None:
        user(WORKSTATION, f"echo '@reboot bridge up {HUB_RETIRED}' | crontab -")
        root(WORKSTATION, "echo tegwick >/etc/cron.deny")

    def heal(self) -> None:
        root(WORKSTATION, "rm /etc/cron.deny")
        user(WORKSTATION, "crontab -r")


class EnvironmentFileUnreadable(FilesAdded):
    """What the ssh of a system unit forwards stands in a file that only root may read."""

    turns = {RETIRED: inconclusive("this user cannot read its EnvironmentFile /etc/default/dehub")}
    ssh = "EnvironmentFile=/etc/default/dehub\nExecStart=/usr/bin/ssh $OPTIONS\n"
    files = {
        "/etc/default/dehub": "OPTIONS=-N -R 18000:127.0.0.1:8000 railiance01\n",
        f"{SYSTEM}/dehub.service": f"[Service]\nUser=tegwick\n{ssh}{OF_THE_SYSTEM}",
    }
    enabled = "dehub.service"

    def inject(self) -> None:
        super().inject()
        root(WORKSTATION, "chmod 600 /etc/default/dehub")


class ForwardOfAnotherPort(FilesAdded):
    """ssh_config has a reverse forward of a port that nobody retired; a script goes to any host."""

    harmless_to = RETIRED
    files = {
        "~/.ssh/config": "Host mirror\n RemoteForward 9418 127.0.0.1:9418\n",
        "~/uptimes": '#!/bin/sh\nread -r h <hosts; exec ssh "$h" uptime\n',
    }

    def inject(self) -> None:
        super().inject()
        user(WORKSTATION, "echo '@daily /home/tegwick/uptimes' | crontab -")

    def heal(self) -> None:
        user(WORKSTATION, "crontab -r")
        super().heal()
