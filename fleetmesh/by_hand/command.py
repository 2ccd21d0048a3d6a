"""One command on one host, typed on the machine where the suite runs."""

import re

from fleetmesh.inventory import Host, Inventory
from fleetmesh.text.shell import join, one_word


def on(inventory: Inventory, host: str, command: str) -> str:
    """What to type so that the shell on `host` runs `command`, byte for byte.

    Raises KeyError if the inventory has no such host; a cluster's name is none.
    """
    one = inventory.hosts[host]
    if one.transport == "local":
        return command
    asks = ["-t"] if _SUDO.search(command) else []
    return f"{join(_ssh(inventory, one, asks))} {one_word(command)}"


def at(inventory: Inventory, host: str, command: str) -> str:
    """As `on`, where `command` reads what a pipe brings."""
    local = inventory.hosts[host].transport == "local"
    return f"sh -c {one_word(command)}" if local else on(inventory, host, command)


def in_cluster(inventory: Inventory, cluster: str, arguments: str) -> str:
    """What to type to run kubectl on the cluster's host, as the inventory has it.

    `arguments` are quoted for a shell. Raises KeyError if the inventory has no such cluster.
    """
    one = inventory.clusters[cluster]
    return on(inventory, one.host, f"{join(one.typed_kubectl)} {arguments}")


def log_in(inventory: Inventory, host: str) -> str:
    """What to type to see in full how ssh reaches `host`."""
    one = inventory.hosts[host]
    if one.transport == "local":
        return "true"
    return join([*_ssh(inventory, one, ["-v"]), "true"])


_SUDO = re.compile(r"\bsudo ")
"""What may ask for a password, for which it needs a terminal."""


def _ssh(inventory: Inventory, host: Host, options: list[str]) -> list[str]:
    """`ssh` up to the destination, with what the suite itself asks `ssh -G` by."""
    config = ["-F", str(inventory.ssh_config)] if inventory.ssh_config else []
    return ["ssh", *options, *config, *destination(host.ssh, host.user, host.port)]


def destination(name: str, user: str | None, port: int | None) -> list[str]:
    """Port, user and name as ssh takes them; a user that is given wins over one in the name."""
    words = ["-p", str(port)] if port is not None else []
    if user is None:
        return [*words, name]
    return [*words, "-l", user, name] if "@" in name else [*words, f"{user}@{name}"]
