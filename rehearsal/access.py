"""How this machine logs in to the fleet: an ssh configuration of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rehearsal import keys
from rehearsal.paths import SSH, SSH_CONFIG

if TYPE_CHECKING:
    from fleetmesh.inventory import Inventory

_OWN_CONFIG = SSH / "machines"
HOST = """Host {name}
    HostName {address}
    User tegwick
    IdentityFile {identity}
    IdentitiesOnly yes
    UserKnownHostsFile {known_hosts}
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes

"""


def write(inventory: Inventory) -> None:
    """Write configuration, known_hosts and key; they belong to the user who called sudo.

    Whoever checks the fleet has the ssh names of its inventory; what rehearses, the machines' own.
    """
    addresses = {name: host.addresses[0] for name, host in inventory.hosts.items()}
    named = {host.ssh: host.addresses[0] for host in inventory.hosts.values()}
    SSH.mkdir(mode=0o700)
    identity, pinned = SSH / "suite", SSH / "known_hosts"
    contents = {
        identity: keys.SUITE.read_text(),
        pinned: keys.known_hosts(addresses),
    }
    for file, hosts in ((SSH_CONFIG, named), (_OWN_CONFIG, addresses)):
        contents[file] = "".join(
            HOST.format(name=name, address=address, identity=identity, known_hosts=pinned)
            for name, address in hosts.items()
        )
    uid, gid = int(os.environ.get("SUDO_UID", "0")), int(os.environ.get("SUDO_GID", "0"))
    for path, content in contents.items():
        path.touch(mode=0o600)
        path.write_text(content)
        os.chown(path, uid, gid)
    os.chown(SSH, uid, gid)


def command(host: str, *options: str) -> list[str]:
    """The ssh command that logs in to a machine as tegwick."""
    return ["ssh", "-F", str(_OWN_CONFIG), "-o", "ConnectTimeout=5", *options, host]
