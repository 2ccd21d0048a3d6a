"""The fleet identity: its file on railiance01, and who lets it in."""

from __future__ import annotations

from typing import ClassVar

from rehearsal.faults.fault import Fault, Turn, fail, inconclusive, warn
from rehearsal.faults.means import COULOMB, HUB, RAILIANCE, root, user
from rehearsal.faults.rewritten import UNANSWERED, next_start, restart, until_unready

KEY, AUTHORIZED = "~/.ssh/id_ops", "~/.ssh/authorized_keys"
FLEET = "/ id_ops@rehearsal$/"  # the line of authorized_keys that ends so, in sed


def logs_in(turn: Turn) -> dict[str, Turn]:
    """The checks that log in as the tunnels do, before and after the cutover."""
    return {"PRE-03.login": turn, "PROD-17.login": turn}


def private(words: str) -> dict[str, Turn]:
    """The checks of the key's file, before and after the cutover."""
    turn = fail(words)
    return {"PRE-04.private-key": turn, "PROD-17.key": turn}


UNREAD = {"PROD-17.lasting": inconclusive("which key ~/.ssh/id_ops is, railiance01 does not tell")}
NOT_ACCEPTED = logs_in(fail("Permission denied (publickey)"))
BLIND = inconclusive("railiance01 did not accept any of the keys for tegwick")


class _FileChanged(Fault):
    """A file of the tunnels' user was changed by a command; the tunnels that are up stay up."""

    host: ClassVar[str] = RAILIANCE
    file: ClassVar[str] = KEY
    command: ClassVar[str]

    def inject(self) -> None:
        user(self.host, f"cp -p {self.file} {self.file}.kept && {self.command}")

    def heal(self) -> None:
        user(self.host, f"mv -f {self.file}.kept {self.file}")


class FleetKeyGone(_FileChanged):
    """Somebody deleted the fleet identity."""

    turns = {
        **private("id_ops does not exist on railiance01"),
        **UNREAD,
        **next_start(fail("id_ops not accessible")),
        **NOT_ACCEPTED,
    }
    command = f"rm {KEY}"


class FleetKeyReadableByOthers(_FileChanged):
    """Somebody's chmod leaves the fleet identity readable by everybody."""

    turns = {
        **private("has mode 0644"),
        **UNREAD,
        **NOT_ACCEPTED,
    }
    command = f"chmod 0644 {KEY}"


class FleetKeyOfAnotherUser(_FileChanged):
    """Somebody put the fleet identity into place as root."""

    turns = {
        **private("id_ops belongs to root, not to tegwick"),
        **UNREAD,
        **NOT_ACCEPTED,
    }
    command = f"sudo chown root: {KEY}"


class FleetKeyReplaced(_FileChanged):
    """A new key was made in the fleet identity's place, and nobody authorised it."""

    turns = NOT_ACCEPTED
    command = f"ssh-keygen -q -t ed25519 -N '' -f {KEY}.new && mv {KEY}.new {KEY}; rm {KEY}.new.pub"


class FleetKeyWithPassphrase(_FileChanged):
    """Somebody protected the fleet identity with a passphrase, which no unit can type."""

    turns = {**NOT_ACCEPTED, **UNREAD}
    command = f"ssh-keygen -q -p -P '' -N secret -f {KEY}"


class SshFolderWritableByItsGroup(Fault):
    """Somebody's chmod opens ~/.ssh to the group."""

    turns = private(".ssh has mode 0770")

    def inject(self) -> None:
        user(RAILIANCE, "chmod 0770 ~/.ssh")

    def heal(self) -> None:
        user(RAILIANCE, "chmod 0700 ~/.ssh")


class SshFolderWritableByEverybody(Fault):
    """Somebody's chmod opens ~/.ssh to all, so that sshd no longer believes what lies in it."""

    turns = {
        "PRE-01.right-machine[railiance01]": fail("railiance01 did not accept any of the keys"),
        "PRE-02.bridge-tool": BLIND,
        "PRE-09.certificate": BLIND,
        "PROD-11.event": BLIND,
        "PROD-12.run": BLIND,
        "PROD-14.certificate": BLIND,
    }
    blinds = {RAILIANCE: BLIND}

    def inject(self) -> None:
        user(RAILIANCE, "chmod 0777 ~/.ssh")

    def heal(self) -> None:
        user(RAILIANCE, "chmod 0700 ~/.ssh")


class _Authorized(_FileChanged):
    """The line that lets the fleet identity in on coulombcore was changed."""

    host, file = COULOMB, AUTHORIZED
    change: ClassVar[str]

    def inject(self) -> None:
        user(COULOMB, f"cp -p {AUTHORIZED} {AUTHORIZED}.kept; "
                      f"sed -i '{FLEET}{self.change}' {AUTHORIZED}")  # fmt: skip


class FleetKeyNotAuthorized(_Authorized):
    """The fleet identity was removed from coulombcore's authorized_keys."""

    turns = NOT_ACCEPTED
    change = "d"


class FleetKeyAuthorizedUntilADay(_Authorized):
    """The fleet identity is authorised, but only until a day of some year."""

    turns = {"PROD-17.lasting": warn("lets ~/.ssh/id_ops in until 20991231")}
    change = 's/^/expiry-time="20991231" /'


class FleetAccountEnds(Fault):
    """The account on coulombcore to which the tunnels log in has a last day."""

    turns = {"PROD-17.lasting": warn("the account on coulombcore ends: Dec 31, 2099")}

    def inject(self) -> None:
        root(COULOMB, "chage -E 2099-12-31 tegwick")

    def heal(self) -> None:
        root(COULOMB, "chage -E -1 tegwick")


class FleetKeyForTheWorkstationOnly(_Authorized):
    """The fleet identity is authorised, but only when it comes from the workstation."""

    turns = NOT_ACCEPTED
    change = 's/^/from="198.18.77.13" /'


class FleetKeyWithForcedCommand(_Authorized):
    """The fleet identity may run no command of its own, which no tunnel does."""

    harmless = True
    change = 's|^|command="/bin/false" |'


class FleetKeyWillNotForward(_Authorized):
    """The fleet identity was restricted to logging in; the tunnels that are up stay up."""

    turns = logs_in(fail("may not forward to 198.19.43.94:8000"))
    change = "s/^/restrict /"


class FleetKeyForwardsToOneService(_Authorized):
    """The fleet identity may forward to State Hub, and issue-core was forgotten."""

    turns = logs_in(fail("may not forward to 198.19.43.154:8765"))
    change = 's/^/restrict,port-forwarding,permitopen="198.19.43.94:8000" /'


class FleetKeyLockedDown(_Authorized):
    """The fleet identity may do what the tunnels do, and nothing else."""

    harmless = True
    change = (
        's/^/restrict,port-forwarding,permitopen="198.19.43.94:8000",'
        'permitopen="198.19.43.154:8765" /'
    )


class FleetKeyForbidsForwarding(Fault):
    """The fleet identity may still log in to coulombcore, but no longer forward anything."""

    turns = UNANSWERED | {
        **logs_in(fail("may not forward to 198.19.43.94:8000: channel 0: open failed: admin")),
        f"CUT-06.healthy[{HUB}]": fail("Server disconnected without sending"),
        f"PROD-04.path[{HUB}]": fail("Server disconnected without sending"),
    }

    def inject(self) -> None:
        user(COULOMB, f"cp -p {AUTHORIZED} ~/kept; sed -i '{FLEET}s/^/restrict /' {AUTHORIZED}")
        restart(HUB)
        until_unready()

    def heal(self) -> None:
        user(COULOMB, f"mv ~/kept {AUTHORIZED}")
        restart(HUB)
