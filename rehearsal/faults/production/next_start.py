"""What will keep the tunnels from starting one day, and what will not."""

from __future__ import annotations

from rehearsal.faults.bases import Authorized, FilesAdded
from rehearsal.faults.fault import Fault, warn
from rehearsal.faults.machines import COULOMB, RAILIANCE, SSH_CONFIG, root


class FleetKeyAuthorizedUntilADay(Authorized):
    """The fleet identity is authorised, but only until a date of some year."""

    turns = {"PROD-17.lasting": warn("lets ~/.ssh/id_ops in until 20991231")}
    change = 's/^/expiry-time="20991231" /'


class FleetAccountEnds(Fault):
    """The account on coulombcore to which the tunnels log in has a last day."""

    turns = {"PROD-17.lasting": warn("the account on coulombcore ends: Dec 31, 2099")}

    def inject(self) -> None:
        root(COULOMB, "chage -E 2099-12-31 tegwick")

    def heal(self) -> None:
        root(COULOMB, "chage -E -1 tegwick")


class FleetKeyWithForcedCommand(Authorized):
    """The fleet identity may run no command of its own, which no tunnel does."""

    harmless_to = "PROD-17.login"
    change = 's|^|command="/bin/false" |'


class FleetKeyLockedDown(Authorized):
    """The fleet identity may do what the tunnels do, and nothing else."""

    harmless_to = "PROD-17.login"
    change = (
        's/^/restrict,port-forwarding,permitopen="198.19.43.94:8000",'
        'permitopen="198.19.43.154:8765" /'
    )


class SshConfigDecidesByCommand(FilesAdded):
    """Railiance01's ssh_config asks a command what to do, which answers well today."""

    harmless_to = "PROD-17.settings"
    host = RAILIANCE
    files = {SSH_CONFIG: "Match exec true\n  TCPKeepAlive yes\n"}
