"""The machines: their host keys, their names, and who leads where."""

from __future__ import annotations

from typing import ClassVar

from rehearsal.faults.fault import Fault, Turn, fail, inconclusive, passes
from rehearsal.faults.keys import logs_in
from rehearsal.faults.means import COULOMB, RAILIANCE, RESTART_SSHD, root, user
from rehearsal.paths import SSH_CONFIG

ADDRESS = {RAILIANCE: "198.18.77.11", COULOMB: "198.18.77.12"}
KNOWN = "~/.ssh/known_hosts"
NOT_VERIFIED = logs_in(fail("Host key verification failed"))


def pinned(turn: Turn) -> dict[str, Turn]:
    """The checks of the pinned host key, before and after the cutover."""
    return {"PRE-05.host-key": turn, "PROD-17.host-key": turn}


NOT_PINNED = pinned(fail("railiance01 has no key of coulombcore in /home/tegwick/.ssh/known_hosts"))


class _KnownHosts(Fault):
    """Railiance01's known_hosts was changed; the tunnels that are up stay up."""

    command: ClassVar[str]

    def inject(self) -> None:
        user(RAILIANCE, f"cp -p {KNOWN} ~/kept && {self.command}")

    def heal(self) -> None:
        user(RAILIANCE, f"mv ~/kept {KNOWN}")


class CoulombcoreHostKeyRotated(Fault):
    """Coulombcore was given a new host key, and nobody pinned it anywhere."""

    turns = {
        "PRE-01.right-machine[coulombcore]": fail("host key"),
        **NOT_VERIFIED,
    }
    blinds = {COULOMB: inconclusive("host key")}

    def inject(self) -> None:
        root(COULOMB, "cd /etc/ssh && mkdir kept && mv ssh_host_ed25519_key* kept && "
                      "ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key && "
                      f"{RESTART_SSHD}")  # fmt: skip

    def heal(self) -> None:
        root(COULOMB, f"cd /etc/ssh && mv kept/* . && rmdir kept && {RESTART_SSHD}")


class HostKeyNotPinned(_KnownHosts):
    """Railiance01 has forgotten coulombcore's host key."""

    turns = {
        **NOT_PINNED,
        **NOT_VERIFIED,
    }
    command = f"sed -i '/^{ADDRESS[COULOMB]} /d' {KNOWN}"


class HostKeyRevoked(_KnownHosts):
    """Railiance01 has coulombcore's host key marked as revoked."""

    turns = {
        **NOT_PINNED,
        **NOT_VERIFIED,
    }
    command = f"sed -i 's/^{ADDRESS[COULOMB]} /@revoked &/' {KNOWN}"


class AnotherHostKeyPinned(_KnownHosts):
    """Railiance01 has another key of coulombcore pinned than the one that coulombcore has."""

    turns = {
        **pinned(fail("has another key of coulombcore pinned")),
        **NOT_VERIFIED,
    }
    command = f'echo "{ADDRESS[COULOMB]} $(cut -d" " -f1-2 ~/.ssh/id_ops.pub)" >{KNOWN}'


class AliasLeadsToAnotherHost(Fault):
    """In the operator's ssh_config, coulombcore leads to railiance01."""

    turns = {
        "PRE-01.right-machine[coulombcore]": fail("coulombcore calls itself railiance01"),
        "PRE-01.no-twin[coulombcore]": fail("coulombcore and railiance01 are one machine"),
        "PRE-01.no-twin[railiance01]": fail("railiance01 and coulombcore are one machine"),
        "PRE-01.no-twin[workstation]": passes(),
        **pinned(fail("has another key of coulombcore pinned than the one it offers")),
    }
    blinds = {COULOMB: inconclusive("coulombcore calls itself railiance01")}

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
        "PRE-01.right-machine[railiance01]": fail("railiance01 calls itself coulombcore"),
        "PRE-01.right-machine[coulombcore]": fail("coulombcore calls itself railiance01"),
        "PRE-01.no-twin": passes(),
        **pinned(inconclusive("railiance01 calls itself coulombcore")),
        "PRE-02.bridge-tool": inconclusive("railiance01 calls itself coulombcore"),
        "PRE-09.certificate": inconclusive("railiance01 calls itself coulombcore"),
        "PROD-11.event": inconclusive("railiance01 calls itself coulombcore"),
        "PROD-12.run": inconclusive("railiance01 calls itself coulombcore"),
        "PROD-14.certificate": inconclusive("railiance01 calls itself coulombcore"),
    }
    blinds = {
        RAILIANCE: inconclusive("calls itself"),
        COULOMB: inconclusive("coulombcore calls itself railiance01"),
    }

    def inject(self) -> None:
        self._name(RAILIANCE, COULOMB)
        self._name(COULOMB, RAILIANCE)

    def heal(self) -> None:
        self._name(RAILIANCE, RAILIANCE)
        self._name(COULOMB, COULOMB)

    def _name(self, host: str, name: str) -> None:
        root(host, f"python3 -c 'import socket; socket.sethostname(\"{name}\")'")
