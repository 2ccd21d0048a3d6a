"""What may start or carry a tunnel, and cannot be read, resolved or attributed."""

from __future__ import annotations

from rehearsal.faults.autostart import WANTED
from rehearsal.faults.carriers import HELD, PATH, RUNNING, STEADY
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.harmless import SshOfAnotherUser
from rehearsal.faults.hosts import configure_sshd, restore_sshd
from rehearsal.faults.machines import OF_UNITS
from rehearsal.faults.means import HUB, RAILIANCE, UNITS, WORKSTATION, root, units, user
from rehearsal.faults.rewritten import DOWN, until_unready
from rehearsal.faults.workstation import HUB_RETIRED, listening, wait_for

NEITHER = "PROD-06.retired"
UNREAD = "this user cannot read it"


class CronFileUnreadable(Fault):
    """A file in /etc/cron.d starts a retired tunnel, and only root may read it."""

    turns = {NEITHER: inconclusive(f"/etc/cron.d/dehub: {UNREAD}")}

    def inject(self) -> None:
        line = f"@reboot tegwick bridge up {HUB_RETIRED}"
        root(WORKSTATION, f"umask 077; echo '{line}' >/etc/cron.d/dehub")

    def heal(self) -> None:
        root(WORKSTATION, "rm /etc/cron.d/dehub")


class CrontabRefused(Fault):
    """The user's crontab starts a retired tunnel, and crontab(1) does not show it to its user."""

    turns = {NEITHER: inconclusive("crontab: You (tegwick) are not allowed to use this program")}

    def inject(self) -> None:
        user(WORKSTATION, f"echo '@reboot bridge up {HUB_RETIRED}' | crontab -")
        root(WORKSTATION, "echo tegwick >/etc/cron.deny")

    def heal(self) -> None:
        root(WORKSTATION, "rm /etc/cron.deny")
        user(WORKSTATION, "crontab -r")


class EnvironmentFileUnreadable(Fault):
    """What the ssh of a system unit forwards stands in a file that only root may read."""

    turns = {NEITHER: inconclusive("this user cannot read its EnvironmentFile /etc/default/dehub")}

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

    turns = {NEITHER: inconclusive("not resolved: destination $@: exec ssh -N $@")}

    def inject(self) -> None:
        unit = f"[Service]\\nExecStart=/home/tegwick/tunnel x\\n{WANTED}"
        user(WORKSTATION, "printf '#!/bin/sh\\nexec ssh -N $@\\n' >tunnel; chmod +x tunnel; "
                          f"printf '{unit}' >{UNITS}/tunnel.service; "
                          "systemctl --user enable tunnel.service")  # fmt: skip

    def heal(self) -> None:
        user(WORKSTATION, "systemctl --user disable tunnel.service; "
                          f"rm tunnel {UNITS}/tunnel.service; "
                          "systemctl --user daemon-reload")  # fmt: skip


class SshOfAnotherUserListens(SshOfAnotherUser):
    """Another user's ssh listens on the workstation; what its configuration has is hidden."""

    harmless = False
    turns = {"PROD-06.interactive": inconclusive("what it forwards is not known: process")}
    configuration = "LocalForward 127.0.0.1:19000 127.0.0.1:80"


class ListenerOfSystemService(Fault):
    """A service of the system listens on railiance01 as a log-in user and shows no process.

    So does an sshd without PAM for whoever logged in and forwards.
    """

    turns = {
        "PROD-06.listeners[railiance01]": inconclusive(
            "127.0.0.1:18001 is held by the system's unit odd.service as uid 1000: a log-in's"
        )
    }
    port = 18001

    def inject(self) -> None:
        # A process that may not be traced shows its sockets to root alone, as sshd's do.
        listen = "import ctypes,socket,time;s=socket.create_server((\\'127.0.0.1\\',%d));"
        listen += "ctypes.CDLL(None).prctl(4,0);time.sleep(9999)"
        code = (listen % self.port).replace("\\'", "'")
        root(RAILIANCE, "systemd-run --quiet --collect --unit=odd --uid=tegwick "
                        f'python3 -c "{code}"')  # fmt: skip
        wait_for(RAILIANCE, listening(self.port))

    def heal(self) -> None:
        root(RAILIANCE, "systemctl stop odd")


class ProductionPortOfNobodyKnown(ListenerOfSystemService):
    """Such a service holds State Hub's port while its fleet unit is stopped."""

    port = 18000
    turns = DOWN | {
        f"PRE-11.listen-address[{HUB}]": inconclusive("a log-in's or not, nothing tells"),
        f"CUT-03.no-connection[{HUB_RETIRED}]": inconclusive("a log-in's or not"),
        "PROD-05.ports[railiance01]": inconclusive(
            "127.0.0.1:18000 is held by the system's unit odd.service as uid 1000: a log-in's"
        ),
        "PROD-06.listeners[railiance01]": inconclusive("a log-in's or not"),
        STEADY: fail("is inactive (dead)"),
        HELD: fail("is held by the system's unit odd.service"),
        RUNNING: fail("runs no ssh"),
        f"CUT-06.healthy[{HUB}]": fail("no complete answer within"),
        PATH: fail("no complete answer within"),
    }
    deadlines = {"http": 1}

    def inject(self) -> None:
        units("stop", HUB)
        super().inject()
        until_unready()

    def heal(self) -> None:
        super().heal()
        units("start", HUB)


class SshdWithoutPam(Fault):
    """railiance01's sshd does without PAM: its log-ins open no sessions, nor find their systemd.

    Who holds the ports is told by the units' own control groups all the same.
    """

    turns = dict.fromkeys(
        (*OF_UNITS, "PRE-10.user-manager"), inconclusive("XDG_RUNTIME_DIR not def")
    )

    def inject(self) -> None:
        # Without PAM an account whose password is locked may not log in at all; see sshd(8).
        root(RAILIANCE, "usermod -p '*' tegwick")
        configure_sshd(RAILIANCE, "UsePAM no")

    def heal(self) -> None:
        restore_sshd(RAILIANCE)
        root(RAILIANCE, "usermod -p '!' tegwick")
