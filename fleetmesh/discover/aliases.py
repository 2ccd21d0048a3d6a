"""The names that ssh_config has for hosts: what one may have meant by a name that leads nowhere."""

import os
import re
from collections.abc import Iterator
from glob import glob
from pathlib import Path

from fleetmesh.inventory import Inventory
from fleetmesh.sessions import ssh_config
from fleetmesh.sessions.ssh_config import SshConfigError
from fleetmesh.sessions.target import Deadline
from fleetmesh.text import regular_file

_LONGEST = 2**20
"""Bytes of a file of ssh_config."""
_MOST = 40
"""Names that are looked up."""
_PATIENCE = 5.0
"""Seconds for all of them together."""


def known(inventory: Inventory) -> list[str]:
    """The names of `Host` lines that are no patterns, in the user's configuration."""
    file = inventory.ssh_config or ssh_config.home() / ".ssh" / "config"
    return list(dict.fromkeys(_names(file, 2)))[:_MOST]


def leading_to(addresses: tuple[str, ...], names: list[str], config: Path | None) -> list[str]:
    """Those of `names` that ssh, by its own account, would look for at one of `addresses`."""
    deadline = Deadline(_PATIENCE)
    found = []
    for name in names:
        try:
            if ssh_config.settings(name, None, None, config, deadline).hostname in addresses:
                found.append(name)
        except (SshConfigError, OSError):
            continue
    return found


def _names(file: Path, deep: int) -> Iterator[str]:
    """Names of a file, and of what it includes; ssh_config(5), Include."""
    try:
        text = regular_file.read(file, _LONGEST).decode("utf-8", "replace")
    except (OSError, ValueError):
        return
    for line in text.splitlines():
        match = re.match(r"\s*(Host|Include)[\s=]+(.+)", line, re.IGNORECASE)
        if not match:
            continue
        words = match[2].split("#")[0].replace('"', "").split()
        if match[1].lower() == "host":
            yield from (word for word in words if not re.search(r"[*?!]", word))
        elif deep:
            for word in words:
                path = Path(os.path.expanduser(word))  # noqa: PTH111 - of no user, it stays
                for inner in sorted(glob(str(file.parent / path))):  # noqa: PTH207
                    yield from _names(Path(inner), deep - 1)
