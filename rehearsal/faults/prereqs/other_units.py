"""Of tunnels with keys, users and units of their own, one no longer can log in."""

from __future__ import annotations

from rehearsal.faults.bases import FileChanged, OtherUnits
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.machines import COULOMB, HUB, ISSUES, RAILIANCE, listening, root, wait_for
from rehearsal.faults.symptoms import INSTALLED, next_start, unanswered
from rehearsal.other_units import FAR_USER, HUB_TEMPLATE, HUB_UNIT, KEY

OF_HUB, OF_ISSUES = f"[{RAILIANCE}-{COULOMB}-{HUB}]", f"[{RAILIANCE}-{COULOMB}-{ISSUES}]"


class KeyOfOneTunnelGone(FileChanged):
    """The key of one tunnel is gone from railiance01; that of the other is there."""

    shows = ("id_issues not accessible: No such file or directory",)
    ground = OtherUnits
    turns = {
        f"PRE-03.login{OF_ISSUES}": fail("~/.ssh/id_issues does not open coulombcore"),
        f"PROD-17.login{OF_ISSUES}": fail("~/.ssh/id_issues does not open coulombcore"),
        "PRE-04.private-key": fail("/id_issues does not exist on railiance01"),
        "PROD-17.key": fail("/id_issues does not exist on railiance01"),
        f"PROD-17.lasting{OF_ISSUES}": inconclusive("which key ~/.ssh/id_issues is"),
        **next_start(fail("id_issues not accessible"), ISSUES),
    }
    file, command = KEY, f"rm {KEY}"


class OtherUserNotLetIn(Fault):
    """coulombcore no longer lets the user in as whom one tunnel alone logs in."""

    shows = ("relay@198.18.77.12: Permission denied (publickey)",)
    ground = OtherUnits
    turns = {
        f"PRE-03.login{OF_ISSUES}": fail("does not open coulombcore: relay@198.18.77.12: Perm"),
        f"PROD-17.login{OF_ISSUES}": fail("does not open coulombcore: relay@198.18.77.12: Perm"),
        f"PROD-17.lasting{OF_ISSUES}": inconclusive("what lets relay in cannot be read"),
        **unanswered(COULOMB, "what lets relay in cannot be read"),
    }
    keys = f"/home/{FAR_USER}/.ssh/authorized_keys"

    def inject(self) -> None:
        root(COULOMB, f"mv {self.keys} {self.keys}.kept")

    def heal(self) -> None:
        root(COULOMB, f"mv {self.keys}.kept {self.keys}")


class SystemUnitOfAnotherUser(Fault):
    """The system's unit runs as root: what root's ssh would do, the tunnels' user cannot try."""

    ground = OtherUnits
    turns = {
        **{
            f"{check}{OF_HUB}": inconclusive("its unit runs as root, and only that user's ssh")
            for check in ("PRE-03.login", "PRE-05.host-key", "PRE-09.certificate")
        },
        **{
            f"{check}{OF_HUB}": inconclusive("its unit runs as root, and only that user's ssh")
            for check in ("PROD-14.certificate", "PROD-17.login", "PROD-17.host-key")
        },
        f"PROD-17.lasting{OF_HUB}": inconclusive("its unit runs as root"),
        **next_start(inconclusive("its unit runs as root"), HUB),
        "PRE-04.private-key": fail("/id_ops belongs to tegwick, not to root"),
        "PROD-17.key": fail("/id_ops belongs to tegwick, not to root"),
        INSTALLED: fail("-User=tegwick"),
        "PROD-09.not-replaced": inconclusive(f"{HUB_UNIT} on railiance01 runs as another user"),
        **unanswered(RAILIANCE, "its unit runs as root, and only that user's ssh tells"),
    }

    def inject(self) -> None:
        root(RAILIANCE, f"cp /home/tegwick/.ssh/known_hosts /etc/ssh/ssh_known_hosts; "
                        f"cp -p {HUB_TEMPLATE} /run/kept; sed -i /^User=/d {HUB_TEMPLATE}; "
                        f"touch -d '2 seconds ago' {HUB_TEMPLATE}; systemctl daemon-reload; "
                        f"systemctl restart {HUB_UNIT}")  # fmt: skip
        wait_for(RAILIANCE, listening(18000))

    def heal(self) -> None:
        root(RAILIANCE, f"rm /etc/ssh/ssh_known_hosts; cp -p /run/kept {HUB_TEMPLATE}; "
                        f"systemctl daemon-reload; systemctl restart {HUB_UNIT}")  # fmt: skip
