"""How this machine logs in to the fleet: an ssh configuration of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rehearsal import keys
from rehearsal.paths import SSH, SSH_CONFIG

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST = """Host {name}
    HostName {address}
    User tegwick
    IdentityFile {identity}
    IdentitiesOnly yes
    UserKnownHostsFile {known_hosts}
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes

"""


def write(addresses: Mapping[str, str]) -> None:
    """Write configuration, known_hosts and key; they belong to the user who called sudo."""
    SSH.mkdir(mode=0o700)
    identity, pinned = SSH / "suite", SSH / "known_hosts"
    contents = {
        identity: keys.SUITE.read_text(),
        pinned: keys.known_hosts(addresses),
        SSH_CONFIG: "".join(
            HOST.format(name=name, address=address, identity=identity, known_hosts=pinned)
            for name, address in addresses.items()
        ),
    }
    uid, gid = int(os.environ.get("SUDO_UID", "0")), int(os.environ.get("SUDO_GID", "0"))
    for path, content in contents.items():
        path.touch(mode=0o600)
        path.write_text(content)
        os.chown(path, uid, gid)
    os.chown(SSH, uid, gid)


def command(host: str, *options: str) -> list[str]:
    """The ssh command that logs in to a machine as tegwick."""
    return ["ssh", "-F", str(SSH_CONFIG), "-o", "ConnectTimeout=5", *options, host]
