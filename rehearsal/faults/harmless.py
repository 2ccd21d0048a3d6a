"""What an operator may find on any host, and what no check may be alarmed by."""

from __future__ import annotations

from rehearsal.faults.fault import Fault
from rehearsal.faults.hosts import configure_sshd, restore_sshd
from rehearsal.faults.means import COULOMB, RAILIANCE, WORKSTATION, user
from rehearsal.faults.workstation import HUB_RETIRED, listening, wait_for
from rehearsal.states import on


class LoginShellPrintsBanner(Fault):
    """The log-in shells of both fleet hosts greet whoever comes, scripts included."""

    harmless = True

    def inject(self) -> None:
        for host in (RAILIANCE, COULOMB):
            user(host, "cp -p .bashrc bashrc.kept && sed -i '1i echo Welcome' .bashrc")

    def heal(self) -> None:
        for host in (RAILIANCE, COULOMB):
            user(host, "mv bashrc.kept .bashrc")


class OnlyOneSession(Fault):
    """The sshd of both fleet hosts allows one session in each connection (MaxSessions 1)."""

    harmless = True

    def inject(self) -> None:
        for host in (RAILIANCE, COULOMB):
            configure_sshd(host, "MaxSessions 1")

    def heal(self) -> None:
        for host in (RAILIANCE, COULOMB):
            restore_sshd(host)


class DesktopEntryDeleted(Fault):
    """The desktop's autostart had a retired tunnel; the user took it off there (Hidden=true)."""

    harmless = True

    def inject(self) -> None:
        entry = (
            f"[Desktop Entry]\\nType=Application\\nExec=bridge up {HUB_RETIRED}\\nHidden=true\\n"
        )
        user(WORKSTATION, "mkdir -p .config/autostart; "
                          f"printf '{entry}' >.config/autostart/dehub.desktop")  # fmt: skip

    def heal(self) -> None:
        user(WORKSTATION, "rm .config/autostart/dehub.desktop")


class ServerOfDeveloper(Fault):
    """Somebody logged in from the workstation to railiance01 and serves files there meanwhile."""

    harmless = True

    def inject(self) -> None:
        serve = "exec python3 -m http.server --bind 127.0.0.1 9999"
        on(WORKSTATION, f"setsid ssh -tt railiance01 '{serve}' </dev/null >/dev/null 2>&1 & "
                        "echo $! >~/developer.pid")  # fmt: skip
        wait_for(RAILIANCE, listening(9999))

    def heal(self) -> None:
        user(WORKSTATION, "kill $(cat ~/developer.pid); rm ~/developer.pid")
        wait_for(RAILIANCE, f"! {listening(9999)}")
