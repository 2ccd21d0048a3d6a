"""How the operator reaches the fleet's hosts, written down for the account that is to do it too.

Name, port, jump hosts and host keys are those of the operator's own ssh_config and known_hosts: who
installs the timer trusts these hosts already. Keys and agents are not taken along.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fleetmesh.inventory import Inventory
from fleetmesh.sessions import host_keys, known_hosts_command
from fleetmesh.sessions.host_keys import Expected, HostKey
from fleetmesh.sessions.revoked import revoked
from fleetmesh.sessions.ssh_config import Settings, SshConfigError, jump_host, settings
from fleetmesh.sessions.target import Deadline
from fleetmesh.text.ssh_settings import SshSettings
from fleetmesh.timer.places import KEY, KNOWN_HOSTS, CannotInstall

_HEAD = "# How {account} reaches the fleet. `fleetmesh install-timer` writes this file anew.\n"
_ALL = f"""
Host *
    IdentityFile {KEY}
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile {KNOWN_HOSTS}
    GlobalKnownHostsFile none
    StrictHostKeyChecking yes
    BatchMode yes
"""
_AS_THE_OPERATOR = (
    *("AddressFamily", "BindAddress", "BindInterface", "HostKeyAlias", "ProxyJump", "ProxyCommand"),
    *("Ciphers", "MACs", "KexAlgorithms", "HostKeyAlgorithms", "CASignatureAlgorithms"),
    *("PubkeyAcceptedAlgorithms", "RequiredRSASize", "ConnectTimeout", "ConnectionAttempts"),
)
"""Of ssh_config(5), what says how a host is reached, and nothing of whose log-in it is."""
_DEADLINE = 30.0  # seconds for one host's configuration
_NO_FILE = Path("none")  # of ssh -F: neither the user's nor the system's


@dataclass
class Access:
    """What the account's ssh needs to know."""

    config: str = ""
    known_hosts: str = ""
    users: dict[str, str] = field(default_factory=dict)
    """As whom the suite logs in, by host of the inventory."""
    jumps: dict[str, list[str]] = field(default_factory=dict)
    """By jump host, as ProxyJump names it: the addresses that the account's key must reach."""


def access(inventory: Inventory, account: str) -> Access:
    """Look every host up as who called sudo does. Raises CannotInstall with all that is missing."""
    made, problems = _Made(), []
    with _as_the_caller():
        for host in inventory.hosts.values():
            try:
                pinned = None if host.host_keys == "known_hosts" else tuple(host.host_keys)
                found = settings(host.ssh, host.user, host.port, inventory.ssh_config, _in_time())
                made.add(host.ssh.rpartition("@")[2], found, pinned)
                made.users[host.id] = found.user
            except (SshConfigError, OSError, ValueError) as error:
                problems.append(f"{host.id}: {error}")
    if problems:
        raise CannotInstall("; ".join(problems))
    head = _HEAD.format(account=account)
    config = head + "".join(made.blocks.values()) + _ALL
    known = head + "".join(dict.fromkeys(made.lines))
    return Access(config, known, made.users, made.jumps)


class _Made:
    def __init__(self) -> None:
        self.blocks: dict[str, str] = {}
        self.lines: list[str] = []
        self.users: dict[str, str] = {}
        self.jumps: dict[str, list[str]] = {}

    def add(self, alias: str, found: Settings, pinned: tuple[str, ...] | None) -> None:
        """One host, and the jump hosts before it. Raises SshConfigError, OSError, ValueError."""
        if alias in self.blocks:
            return
        default = settings(found.hostname, None, None, _NO_FILE, _in_time()).given
        own = "".join(_differing(found.given, default))
        self.blocks[alias] = (
            f"\nHost {alias}\n    HostName {found.hostname}\n    Port {found.port}\n"
            f"    User {found.user}\n{own}"
        )
        self.lines += _known(found, pinned)
        after = f"{found.hostname}:{found.port}"
        for hop in reversed(found.proxy_jump):
            self.jumps.setdefault(hop, []).append(after)
            name, user, port = jump_host(hop)
            jump = settings(name, user, port, found.config, _in_time())
            self.add(name, jump, None)
            after = f"{jump.hostname}:{jump.port}"


def _differing(given: SshSettings, default: SshSettings) -> Iterator[str]:
    for name in _AS_THE_OPERATOR:
        value = given.one(name.lower())
        if value is not None and value != default.one(name.lower()):
            yield f"    {name} {value}\n"


def _known(found: Settings, pinned: tuple[str, ...] | None) -> list[str]:
    """The host's keys in the format of known_hosts. Raises as Trust would, if there are none."""
    deadline = _in_time()
    told = known_hosts_command.ask(found, None, deadline)
    where = (found.hostname, found.port, found.host_key_alias)
    expected = host_keys.known(*where, found.known_hosts_files, told)
    if pinned is not None:
        expected = host_keys.pinned(pinned, expected)
    if bad := revoked([*expected.keys], found.revoked_keys_files, deadline):
        raise ValueError(f"{bad} is revoked for you; pin the host's new key")
    name = host_keys.names(*where)[0]
    if not expected.keys and not expected.authorities:
        raise ValueError(
            f"{expected.source} knows no key of {name}; log in once with ssh, compare the key on "
            "the host itself, and run this again"
        )
    return list(_lines(name, expected))


def _lines(name: str, expected: Expected) -> Iterator[str]:
    kinds: tuple[tuple[str, tuple[HostKey, ...]], ...] = (
        ("", expected.keys),
        ("@cert-authority ", expected.authorities),
        ("@revoked ", tuple(sorted(expected.revoked, key=str))),
    )
    for mark, keys in kinds:
        yield from (f"{mark}{name} {key.line}\n" for key in keys)


def _in_time() -> Deadline:
    return Deadline(_DEADLINE)


@contextmanager
def _as_the_caller() -> Iterator[None]:
    """Be, and have ssh be, the user who called sudo; root itself if nobody did."""
    caller = int(os.environ.get("SUDO_UID", "0"))
    if caller == 0:
        yield
        return
    try:
        user = pwd.getpwuid(caller)
    except KeyError:
        raise CannotInstall(f"SUDO_UID is {caller}, and there is no such user") from None
    groups, home = os.getgroups(), os.environ.get("HOME")
    os.initgroups(user.pw_name, user.pw_gid)
    os.setresgid(user.pw_gid, user.pw_gid, 0)
    os.setresuid(caller, caller, 0)
    os.environ["HOME"] = user.pw_dir
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups(groups)
        os.environ.pop("HOME")
        os.environ |= {"HOME": home} if home else {}
