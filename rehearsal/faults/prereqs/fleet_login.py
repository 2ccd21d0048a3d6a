"""The fleet identity, who lets it in, and the host key that it must be shown."""

from __future__ import annotations

from typing import Any, ClassVar

from rehearsal import keys
from rehearsal.faults.bases import Authorized, FileChanged
from rehearsal.faults.clusters import until_unready
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.machines import (
    ADDRESS,
    COULOMB,
    FOR_COULOMB,
    HUB_BRIDGE,
    ISSUES_BRIDGE,
    KEY,
    KNOWN,
    RAILIANCE,
    SSH_CONFIG,
    configure_sshd,
    listening,
    restore_sshd,
    root,
    units,
    user,
    wait_for,
)
from rehearsal.faults.symptoms import NOT_VERIFIED, logs_in, next_start, pinned, private, unanswered

UNREAD = {"PROD-17.lasting": inconclusive("which key ~/.ssh/id_ops is, railiance01 does not tell")}
NOT_ACCEPTED = logs_in(fail("Permission denied (publickey)"))


class FleetKeyGone(FileChanged):
    """Somebody deleted the fleet identity."""

    shows = ("id_ops not accessible: No such file or directory",)
    turns = {
        **private("id_ops does not exist on railiance01"),
        **UNREAD,
        **next_start(fail("id_ops not accessible")),
        **NOT_ACCEPTED,
    }
    command = f"rm {KEY}"


class FleetKeyReadableByOthers(FileChanged):
    """Somebody's chmod leaves the fleet identity readable by everybody."""

    shows = ("are too open",)
    turns = {
        **private("has mode 0644"),
        **UNREAD,
        **NOT_ACCEPTED,
    }
    command = f"chmod 0644 {KEY}"


class FleetKeyOfAnotherUser(FileChanged):
    """Somebody put the fleet identity into place as root."""

    shows = ('Load key "/home/tegwick/.ssh/id_ops": Permission denied',)
    turns = {
        **private("id_ops belongs to root, not to tegwick"),
        **UNREAD,
        **NOT_ACCEPTED,
    }
    command = f"sudo chown root: {KEY}"


class FleetKeyReplaced(FileChanged):
    """A new key was made in the fleet identity's place, and nobody authorised it."""

    shows = ("tegwick@198.18.77.12: Permission denied (publickey)",)
    turns = NOT_ACCEPTED
    command = f"ssh-keygen -q -t ed25519 -N '' -f {KEY}.new && mv {KEY}.new {KEY}; rm {KEY}.new.pub"


class FleetKeyWithPassphrase(FileChanged):
    """Somebody protected the fleet identity with a passphrase, which no unit can type."""

    shows = ("tegwick@198.18.77.12: Permission denied (publickey)",)
    turns = {**NOT_ACCEPTED, **UNREAD}
    command = f"ssh-keygen -q -p -P '' -N secret -f {KEY}"


class SshFolderWritableByItsGroup(Fault):
    """Somebody's chmod opens ~/.ssh to the group."""

    turns = private(".ssh has mode 0770")

    def inject(self) -> None:
        user(RAILIANCE, "chmod 0770 ~/.ssh")

    def heal(self) -> None:
        user(RAILIANCE, "chmod 0700 ~/.ssh")


class FleetKeyNotAuthorized(Authorized):
    """The fleet identity was removed from coulombcore's authorized_keys."""

    shows = ("tegwick@198.18.77.12: Permission denied (publickey)",)
    turns = NOT_ACCEPTED
    change = "d"


class FleetKeyForTheWorkstationOnly(Authorized):
    """The fleet identity is authorised, but only when it comes from the workstation."""

    shows = ("tegwick@198.18.77.12: Permission denied (publickey)",)
    turns = NOT_ACCEPTED
    change = 's/^/from="198.18.77.13" /'


class FleetKeyWillNotForward(Authorized):
    """The fleet identity was restricted to logging in; the tunnels that are up stay up."""

    shows = ("open failed: administratively prohibited",)
    turns = logs_in(fail("may not forward to 198.19.43.94:8000"))
    change = "s/^/restrict /"


class FleetKeyForwardsToOneService(Authorized):
    """The fleet identity may forward to State Hub, and issue-core was forgotten."""

    shows = ("open failed: administratively prohibited",)
    turns = logs_in(fail("may not forward to 198.19.43.154:8765"))
    change = 's/^/restrict,port-forwarding,permitopen="198.19.43.94:8000" /'


NOT_PINNED = pinned(fail("railiance01 has no key of coulombcore in /home/tegwick/.ssh/known_hosts"))


class HostKeyNotPinned(FileChanged):
    """Railiance01 has forgotten coulombcore's host key."""

    shows = ("No ED25519 host key is known for 198.18.77.12",)
    turns = {
        **NOT_PINNED,
        **NOT_VERIFIED,
    }
    file = KNOWN
    command = f"sed -i '/^{ADDRESS[COULOMB]} /d' {KNOWN}"


class HostKeyRevoked(FileChanged):
    """Railiance01 has coulombcore's host key marked as revoked."""

    shows = ("is marked as revoked",)
    turns = {
        **NOT_PINNED,
        **NOT_VERIFIED,
    }
    file = KNOWN
    command = f"sed -i 's/^{ADDRESS[COULOMB]} /@revoked &/' {KNOWN}"


class AnotherHostKeyPinned(FileChanged):
    """Railiance01 has another key of coulombcore pinned than the one that coulombcore has."""

    shows = ("Offending ED25519 key in /home/tegwick/.ssh/known_hosts:",)
    turns = {
        **pinned(fail("has another key of coulombcore pinned")),
        **NOT_VERIFIED,
    }
    file = KNOWN
    command = f'echo "{ADDRESS[COULOMB]} $(cut -d" " -f1-2 ~/.ssh/id_ops.pub)" >{KNOWN}'


TURNED_AWAY = inconclusive("for a while after failed log-ins (PerSourcePenalties)")


class PenaltyActive(Fault):
    """Somebody on railiance01 tried key after key, so that coulombcore turns the host away."""

    shows = ("Not allowed at this time",)
    since = {COULOMB: "trixie"}  # sshd has penalties since OpenSSH 9.8
    turns = {
        **logs_in(TURNED_AWAY),
        "PROD-17.lasting": TURNED_AWAY,
        "PRE-09.certificate": TURNED_AWAY,
        "PROD-14.certificate": TURNED_AWAY,
        **unanswered(RAILIANCE, "the far end turns this host away"),
    }

    def inject(self) -> None:
        attempt = f"ssh -o BatchMode=yes -o IdentitiesOnly=yes -i ~/wrong {ADDRESS[COULOMB]}"
        user(RAILIANCE, "ssh-keygen -q -t ed25519 -N '' -f ~/wrong; "
                        f"for i in 1 2 3 4 5 6; do {attempt} & done; wait")  # fmt: skip

    def heal(self) -> None:
        user(RAILIANCE, "rm ~/wrong ~/wrong.pub")  # and sshd is made to forget


class _PinnedElsewhere(Fault):
    """Coulombcore's host key is pinned where ssh finds it, and not as the installer does it."""

    harmless_to = "PRE-05.host-key"

    def inject(self) -> None:
        user(RAILIANCE, f"mv {KNOWN} ~/kept")

    def heal(self) -> None:
        user(RAILIANCE, f"mv ~/kept {KNOWN}")


def host_key() -> str:
    """Coulombcore's host key, as known_hosts has it behind the name."""
    return keys.public(keys.host_key(COULOMB))


class HostKeyPinnedForAllUsers(_PinnedElsewhere):
    """The host key stands in /etc/ssh/ssh_known_hosts, and the user has no known_hosts."""

    def inject(self) -> None:
        super().inject()
        root(RAILIANCE, f"echo '{ADDRESS[COULOMB]} {host_key()}' >/etc/ssh/ssh_known_hosts")

    def heal(self) -> None:
        root(RAILIANCE, "rm /etc/ssh/ssh_known_hosts")
        super().heal()


class HostKeyPinnedHashed(_PinnedElsewhere):
    """The host key is pinned under a hash of the address, as HashKnownHosts writes it."""

    def inject(self) -> None:
        super().inject()
        user(RAILIANCE, f"cp -p ~/kept {KNOWN}; ssh-keygen -q -H -f {KNOWN} 2>/dev/null; "
                        f"rm {KNOWN}.old")  # fmt: skip


class HostKeyPinnedUnderAlias(_PinnedElsewhere):
    """The host key is pinned under the name that ssh_config gives as HostKeyAlias."""

    def inject(self) -> None:
        super().inject()
        user(RAILIANCE, f"echo 'core {host_key()}' >{KNOWN}; "
                        f"printf '{FOR_COULOMB}\\nHostKeyAlias core\\n' >{SSH_CONFIG}")  # fmt: skip

    def heal(self) -> None:
        user(RAILIANCE, f"rm {SSH_CONFIG}")
        super().heal()


class HostKeyPinnedWithPort(_PinnedElsewhere):
    """Coulombcore's sshd listens on another port, ssh_config and the inventory say so."""

    def inject(self) -> None:
        super().inject()
        configure_sshd(COULOMB, "Port 22\nPort 2222")
        user(RAILIANCE, f"echo '[{ADDRESS[COULOMB]}]:2222 {host_key()}' >{KNOWN}; "
                        f"printf '{FOR_COULOMB}\\n  Port 2222\\n' >{SSH_CONFIG}")  # fmt: skip

    def heal(self) -> None:
        user(RAILIANCE, f"rm {SSH_CONFIG}")
        restore_sshd(COULOMB)
        super().heal()

    def inventory(self, document: dict[str, Any]) -> None:
        document["hosts"][COULOMB] |= {"port": 2222, "host_keys": [host_key()]}


AUTHORITY = "/etc/ssh/host_ca"


class HostKeyVouchedFor(_PinnedElsewhere):
    """An authority has signed coulombcore's host key, and railiance01 trusts that authority."""

    certified: ClassVar[bool] = True

    def inject(self) -> None:
        super().inject()
        root(COULOMB, f"ssh-keygen -q -t ed25519 -N '' -f {AUTHORITY} && ssh-keygen -q -h "
                      f"-s {AUTHORITY} -I coulombcore -n {ADDRESS[COULOMB]} "
                      "/etc/ssh/ssh_host_ed25519_key.pub")  # fmt: skip
        authority = root(COULOMB, f'cut -d " " -f 1-2 {AUTHORITY}.pub').strip()
        user(RAILIANCE, f"echo '@cert-authority {ADDRESS[COULOMB]} {authority}' >{KNOWN}")
        if self.certified:
            configure_sshd(COULOMB, "HostCertificate /etc/ssh/ssh_host_ed25519_key-cert.pub")

    def heal(self) -> None:
        root(COULOMB, f"rm {AUTHORITY} {AUTHORITY}.pub /etc/ssh/ssh_host_ed25519_key-cert.pub")
        if self.certified:
            restore_sshd(COULOMB)
        super().heal()


class HostKeyVouchedForInVain(HostKeyVouchedFor):
    """Railiance01 trusts an authority alone, and coulombcore does not show its certificate."""

    shows = ("No ED25519 host key is known for 198.18.77.12",)
    harmless_to = ""
    certified = False
    turns = {
        **logs_in(fail("Host key verification failed")),
        **pinned(fail("and the log-in says: Host key verification failed")),
    }


class ForwardingForbiddenToTheTunnels(Fault):
    """coulombcore's sshd forbids forwarding: the tunnels stand, and carry nothing."""

    shows = ("open failed: administratively prohibited",)
    turns = {
        **logs_in(fail("may not forward to 198.19.43.94:8000")),
        "CUT-06.healthy": fail("disconnected"),
        "PROD-04.path": fail("disconnected"),
        "PROD-01.pods": fail("is 0/1 ready"),
        "PROD-03.inside": fail("does not answer"),
        "PROD-04.from-pod": fail("does not answer"),
        "PRE-07.healthy": inconclusive("administratively prohibited"),
        "PRE-06.cluster-ip": inconclusive("administratively prohibited"),
        "PRE-13.cluster": inconclusive("administratively prohibited"),
        "PROD-15.endpoints": inconclusive("administratively prohibited"),
        **unanswered(COULOMB, "administratively prohibited"),
    }

    def inject(self) -> None:
        configure_sshd(COULOMB, "AllowTcpForwarding no")
        units("restart")
        until_unready(HUB_BRIDGE, ISSUES_BRIDGE)

    def heal(self) -> None:
        restore_sshd(COULOMB)
        units("restart")
        wait_for(RAILIANCE, listening(18000))
        wait_for(RAILIANCE, listening(18765))
