"""What ssh_config on railiance01 makes of the tunnels at their next start, or has made already."""

from __future__ import annotations

from typing import Any, ClassVar

from rehearsal import keys
from rehearsal.faults.carriers import JUMP, _WorkstationLetsFleetIn
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.hosts import configure_sshd, restore_sshd
from rehearsal.faults.identity import ADDRESS, KNOWN, pinned
from rehearsal.faults.keys import AUTHORIZED, FLEET, logs_in
from rehearsal.faults.means import COULOMB, HUB, RAILIANCE, root, user
from rehearsal.faults.rewritten import doors, next_start, restart

CONFIG = "~/.ssh/config"
HOST = f"Host {ADDRESS[COULOMB]}"
AUTHORITY = "/etc/ssh/host_ca"
TURNED_AWAY = inconclusive("for a while after failed log-ins (PerSourcePenalties)")


def host_key() -> str:
    """Coulombcore's host key, as known_hosts has it behind the name."""
    return keys.public(keys.host_key(COULOMB))


class _Configured(Fault):
    """Railiance01's ~/.ssh/config has these lines for coulombcore; the tunnels stay up."""

    lines: ClassVar[str]

    def inject(self) -> None:
        user(RAILIANCE, f"printf '%s\\n' '{HOST}' '{self.lines}' >{CONFIG}")

    def heal(self) -> None:
        user(RAILIANCE, f"rm {CONFIG}")


class SshConfigWillJump(_WorkstationLetsFleetIn):
    """Railiance01's ssh_config leads over the workstation since the tunnels were started."""

    turns = next_start(fail("it would go through tegwick@[198.18.77.13]"))

    def inject(self) -> None:
        super().inject()
        user(RAILIANCE, f"echo '{JUMP}' >{CONFIG}")

    def heal(self) -> None:
        user(RAILIANCE, f"rm {CONFIG}")
        super().heal()


class SshConfigOpensDoor(_Configured):
    """Railiance01's ssh_config has the tunnel's ssh forward one more port, for everybody."""

    turns = {
        **next_start(fail("('0.0.0.0:18098', '127.0.0.1:6443')")),
        **doors("0.0.0.0:18098"),
    }
    lines = "LocalForward 0.0.0.0:18098 127.0.0.1:6443"

    def inject(self) -> None:
        super().inject()
        restart(HUB)

    def heal(self) -> None:
        super().heal()
        restart(HUB)


class SshConfigSharesConnections(_Configured):
    """Railiance01's ssh_config has ssh ride on whatever connection is open already."""

    turns = next_start(fail("it would have controlpath /home/tegwick/.ssh/master"))
    lines = "ControlPath ~/.ssh/master"


class SshConfigClearsForwards(_Configured):
    """Railiance01's ssh_config has ssh open no forwarding at all."""

    turns = next_start(fail("it would have clearallforwardings yes, not no"))
    lines = "ClearAllForwardings yes"


class SshConfigBroken(_Configured):
    """Railiance01's ssh_config has a line that no ssh understands."""

    turns = {
        **next_start(fail("it would not start: ")),
        **logs_in(fail("terminating, 1 bad configuration options")),
        **pinned(inconclusive("terminating, 1 bad configuration options")),
    }
    lines = "NoSuchOption yes"


class AnotherKeyOpens(_Configured):
    """The fleet identity is not authorised; ssh_config offers another key, which is."""

    turns = {
        **next_start(fail("it would offer /home/tegwick/.ssh/id_ops, /home/tegwick/.ssh/id_mine")),
        **logs_in(fail("coulombcore lets in /home/tegwick/.ssh/id_mine")),
    }
    lines = "IdentityFile /home/tegwick/.ssh/id_mine"

    def inject(self) -> None:
        made = user(RAILIANCE, "ssh-keygen -q -t ed25519 -N '' -C mine -f ~/.ssh/id_mine && "
                               "cat ~/.ssh/id_mine.pub")  # fmt: skip
        user(COULOMB, f"cp -p {AUTHORIZED} ~/kept; sed -i '{FLEET}d' {AUTHORIZED}; "
                      f"echo '{made.strip()}' >>{AUTHORIZED}")  # fmt: skip
        super().inject()

    def heal(self) -> None:
        super().heal()
        user(COULOMB, f"mv ~/kept {AUTHORIZED}")
        user(RAILIANCE, "rm ~/.ssh/id_mine ~/.ssh/id_mine.pub")


class SshConfigDecidesByCommand(Fault):
    """Railiance01's ssh_config asks a command what to do, which answers well today."""

    harmless = True

    def inject(self) -> None:
        user(RAILIANCE, f"printf 'Match exec true\\n  TCPKeepAlive yes\\n' >{CONFIG}")

    def heal(self) -> None:
        user(RAILIANCE, f"rm {CONFIG}")


class PenaltyActive(Fault):
    """Somebody on railiance01 tried key after key, so that coulombcore turns the host away."""

    since = {COULOMB: "trixie"}  # sshd has penalties since OpenSSH 9.8
    turns = {
        **logs_in(TURNED_AWAY),
        "PROD-17.lasting": TURNED_AWAY,
        "PRE-09.certificate": TURNED_AWAY,
        "PROD-14.certificate": TURNED_AWAY,
    }

    def inject(self) -> None:
        attempt = f"ssh -o BatchMode=yes -o IdentitiesOnly=yes -i ~/wrong {ADDRESS[COULOMB]}"
        user(RAILIANCE, "ssh-keygen -q -t ed25519 -N '' -f ~/wrong; "
                        f"for i in 1 2 3 4 5 6; do {attempt} & done; wait")  # fmt: skip

    def heal(self) -> None:
        user(RAILIANCE, "rm ~/wrong ~/wrong.pub")  # and sshd is made to forget


class _PinnedElsewhere(Fault):
    """Coulombcore's host key is pinned where ssh finds it, and not as the installer does it."""

    harmless = True

    def inject(self) -> None:
        user(RAILIANCE, f"mv {KNOWN} ~/kept")

    def heal(self) -> None:
        user(RAILIANCE, f"mv ~/kept {KNOWN}")


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
                        f"printf '{HOST}\\n  HostKeyAlias core\\n' >{CONFIG}")  # fmt: skip

    def heal(self) -> None:
        user(RAILIANCE, f"rm {CONFIG}")
        super().heal()


class HostKeyPinnedWithPort(_PinnedElsewhere):
    """Coulombcore's sshd listens on another port, ssh_config and the inventory say so."""

    def inject(self) -> None:
        super().inject()
        configure_sshd(COULOMB, "Port 22\nPort 2222")
        user(RAILIANCE, f"echo '[{ADDRESS[COULOMB]}]:2222 {host_key()}' >{KNOWN}; "
                        f"printf '{HOST}\\n  Port 2222\\n' >{CONFIG}")  # fmt: skip

    def heal(self) -> None:
        user(RAILIANCE, f"rm {CONFIG}")
        restore_sshd(COULOMB)
        super().heal()

    def inventory(self, document: dict[str, Any]) -> None:
        document["hosts"][COULOMB] |= {"port": 2222, "host_keys": [host_key()]}


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

    harmless = False
    certified = False
    turns = {
        **logs_in(fail("Host key verification failed")),
        **pinned(fail("and the log-in says: Host key verification failed")),
    }
