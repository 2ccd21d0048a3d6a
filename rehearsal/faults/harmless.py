"""What an operator may find on any host, and what no check may be alarmed by."""

from __future__ import annotations

from rehearsal.faults.fault import Fault
from rehearsal.faults.hosts import configure_sshd, restore_sshd
from rehearsal.faults.means import COULOMB, RAILIANCE, user


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
