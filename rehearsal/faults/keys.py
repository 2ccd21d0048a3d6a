"""Keys and identities."""

from __future__ import annotations

from typing import ClassVar

from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.means import COULOMB, RAILIANCE, WORKSTATION, root, user
from rehearsal.paths import SSH_CONFIG

ADDRESS = {RAILIANCE: "198.18.77.11", COULOMB: "198.18.77.12", WORKSTATION: "198.18.77.13"}
KEY, AUTHORIZED, KNOWN = "~/.ssh/id_ops", "~/.ssh/authorized_keys", "~/.ssh/known_hosts"

NOT_ACCEPTED = fail("Permission denied (publickey)")
NOT_VERIFIED = fail("Host key verification failed")


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
        "identity_is_private": fail("id_ops does not exist on railiance01"),
        "fleet_identity_logs_in": NOT_ACCEPTED,
    }
    command = f"rm {KEY}"


class FleetKeyReadableByOthers(_FileChanged):
    """Somebody's chmod leaves the fleet identity readable by everybody."""

    turns = {
        "identity_is_private": fail("has mode 0644"),
        "fleet_identity_logs_in": NOT_ACCEPTED,
    }
    command = f"chmod 0644 {KEY}"


class FleetKeyOfAnotherUser(_FileChanged):
    """Somebody put the fleet identity into place as root."""

    turns = {
        "identity_is_private": fail("id_ops belongs to root, not to tegwick"),
        "fleet_identity_logs_in": NOT_ACCEPTED,
    }
    command = f"sudo chown root: {KEY}"


class FleetKeyReplaced(_FileChanged):
    """A new key was made in the fleet identity's place, and nobody authorised it."""

    turns = {"fleet_identity_logs_in": NOT_ACCEPTED}
    command = f"ssh-keygen -q -t ed25519 -N '' -f {KEY}.new && mv {KEY}.new {KEY}; rm {KEY}.new.pub"


class FleetKeyWithPassphrase(_FileChanged):
    """Somebody protected the fleet identity with a passphrase, which no unit can type."""

    turns = {"fleet_identity_logs_in": NOT_ACCEPTED}
    command = f"ssh-keygen -q -p -P '' -N secret -f {KEY}"


class SshFolderWritableByItsGroup(Fault):
    """Somebody's chmod opens ~/.ssh to the group."""

    turns = {"identity_is_private": fail(".ssh has mode 0770")}

    def inject(self) -> None:
        user(RAILIANCE, "chmod 0770 ~/.ssh")

    def heal(self) -> None:
        user(RAILIANCE, "chmod 0700 ~/.ssh")


class SshFolderWritableByEverybody(Fault):
    """Somebody's chmod opens ~/.ssh to all, so that sshd no longer believes what lies in it."""

    turns = {"host_is_the_right_one[railiance01]": fail("railiance01 refuses the login")}
    blinds = {RAILIANCE: inconclusive("railiance01 refuses the login")}

    def inject(self) -> None:
        user(RAILIANCE, "chmod 0777 ~/.ssh")

    def heal(self) -> None:
        user(RAILIANCE, "chmod 0700 ~/.ssh")


class _Authorized(_FileChanged):
    """The line that lets the fleet identity in on coulombcore was changed."""

    host, file = COULOMB, AUTHORIZED
    change: ClassVar[str]

    def inject(self) -> None:
        line = "/ id_ops@rehearsal$/"
        user(COULOMB, f"cp -p {AUTHORIZED} {AUTHORIZED}.kept && "
                      f"sed -i '{line}{self.change}' {AUTHORIZED}")  # fmt: skip


class FleetKeyNotAuthorized(_Authorized):
    """The fleet identity was removed from coulombcore's authorized_keys."""

    turns = {"fleet_identity_logs_in": NOT_ACCEPTED}
    change = "d"


class FleetKeyForTheWorkstationOnly(_Authorized):
    """The fleet identity is authorised, but only when it comes from the workstation."""

    turns = {"fleet_identity_logs_in": NOT_ACCEPTED}
    change = f's/^/from="{ADDRESS[WORKSTATION]}" /'


class FleetKeyWithForcedCommand(_Authorized):
    """The fleet identity is authorised for one command only, and that fails."""

    turns = {"fleet_identity_logs_in": fail("does not open coulombcore: exit status 1")}
    change = 's|^|command="/bin/false" |'


class CoulombcoreHostKeyRotated(Fault):
    """Coulombcore was given a new host key, and nobody pinned it anywhere."""

    turns = {
        "host_is_the_right_one[coulombcore]": fail("host key"),
        "fleet_identity_logs_in": NOT_VERIFIED,
    }
    blinds = {COULOMB: inconclusive("host key")}

    def inject(self) -> None:
        root(COULOMB, "cd /etc/ssh && mkdir kept && mv ssh_host_ed25519_key* kept && "
                      "ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key && "
                      "systemctl restart ssh")  # fmt: skip

    def heal(self) -> None:
        root(COULOMB, "cd /etc/ssh && mv kept/* . && rmdir kept && systemctl restart ssh")


class HostKeyNotPinned(_FileChanged):
    """Railiance01 has forgotten coulombcore's host key."""

    turns = {
        "host_key_is_pinned": fail("railiance01 has no key of coulombcore in its known_hosts"),
        "fleet_identity_logs_in": NOT_VERIFIED,
    }
    file = KNOWN
    command = f"sed -i '/^{ADDRESS[COULOMB]} /d' {KNOWN}"


class HostKeyRevoked(_FileChanged):
    """Railiance01 has coulombcore's host key marked as revoked."""

    turns = {
        "host_key_is_pinned": fail("railiance01 has no key of coulombcore in its known_hosts"),
        "fleet_identity_logs_in": NOT_VERIFIED,
    }
    file = KNOWN
    command = f"sed -i 's/^{ADDRESS[COULOMB]} /@revoked &/' {KNOWN}"


class AnotherHostKeyPinned(_FileChanged):
    """Railiance01 has another key of coulombcore pinned than the one that coulombcore has."""

    turns = {
        "host_key_is_pinned": fail("has another key of coulombcore pinned"),
        "fleet_identity_logs_in": NOT_VERIFIED,
    }
    file = KNOWN
    command = f'echo "{ADDRESS[COULOMB]} $(cut -d" " -f1-2 {KEY}.pub)" >{KNOWN}'


class AliasLeadsToAnotherHost(Fault):
    """In the operator's ssh_config, coulombcore leads to railiance01."""

    turns = {
        "host_is_the_right_one[coulombcore]": fail("coulombcore calls itself railiance01"),
        "host_is_no_other_host[coulombcore]": fail("coulombcore and railiance01 are one machine"),
        "host_is_no_other_host[railiance01]": fail("railiance01 and coulombcore are one machine"),
    }

    def inject(self) -> None:
        self._exchange(ADDRESS[COULOMB], ADDRESS[RAILIANCE])

    def heal(self) -> None:
        self._exchange(ADDRESS[RAILIANCE], ADDRESS[COULOMB])

    def _exchange(self, old: str, new: str) -> None:
        before, name, after = SSH_CONFIG.read_text().partition("Host coulombcore\n")
        SSH_CONFIG.write_text(
            before + name + after.replace(f"HostName {old}", f"HostName {new}", 1)
        )


class HostNamesSwapped(Fault):
    """Railiance01 and coulombcore bear each other's name."""

    turns = {
        "host_is_the_right_one[railiance01]": fail("railiance01 calls itself coulombcore"),
        "host_is_the_right_one[coulombcore]": fail("coulombcore calls itself railiance01"),
    }

    def inject(self) -> None:
        self._name(RAILIANCE, COULOMB)
        self._name(COULOMB, RAILIANCE)

    def heal(self) -> None:
        self._name(RAILIANCE, RAILIANCE)
        self._name(COULOMB, COULOMB)

    def _name(self, host: str, name: str) -> None:
        root(host, f"python3 -c 'import socket; socket.sethostname(\"{name}\")'")
