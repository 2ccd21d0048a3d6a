"""What each machine has that the image has not: written before its first boot."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from rehearsal import cluster, keys, workstation
from rehearsal.files import HOME, LIBRARY, Files
from rehearsal.paths import STANDINS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fleetmesh.inventory import Inventory
    from rehearsal.machine import NspawnMachine

AUTHORIZED = {
    "railiance01": (keys.SUITE, keys.OPERATOR),
    "coulombcore": (keys.SUITE, keys.OPERATOR, keys.FLEET),
    "workstation": (keys.SUITE,),
}
USER = "tegwick"
WARDEN = ("railiance01", "workstation")  # where cert_command runs, before and after the migration


def furnish(machine: NspawnMachine, image: Path, inventory: Inventory, shell: str) -> None:
    """Write a machine's files: its identity, its keys, and what its part in the fleet needs."""
    files = Files(machine.files, image)
    files.directory("")
    addresses = {name: host.addresses[0] for name, host in inventory.hosts.items()}
    _identity(files, machine, addresses, inventory.hosts[machine.name].hostname)
    _logins(files, machine.name, shell)
    files.copy_tree(STANDINS, LIBRARY)
    cluster.furnish(files, machine.name, inventory)
    if machine.name == inventory.workstation.host:
        workstation.furnish(files, inventory)
        files.write(f"{HOME}/.ssh/known_hosts", keys.known_hosts(addresses), 0o600)
    if machine.name in WARDEN:
        files.write("usr/local/bin/warden", (STANDINS / "warden.py").read_text(), 0o755)
        files.write(f"{HOME}/.config/warden/fleet_user_ca", keys.USER_CA.read_text(), 0o600)


def _identity(
    files: Files, machine: NspawnMachine, addresses: Mapping[str, str], hostname: str
) -> None:
    files.write("etc/hostname", f"{hostname}\n")
    files.write("etc/machine-id", f"{secrets.token_hex(16)}\n", 0o444)
    names = "".join(f"{address} {name}\n" for name, address in addresses.items())
    files.write("etc/hosts", f"127.0.0.1 localhost\n::1 localhost\n{names}")
    files.write("etc/fleet-address", f"ADDRESS={machine.address}/24\n")
    host_key = keys.host_key(machine.name)
    files.write("etc/ssh/ssh_host_ed25519_key", host_key.read_text(), 0o600)
    files.write("etc/ssh/ssh_host_ed25519_key.pub", f"{keys.public(host_key)}\n")
    files.write("etc/ssh/fleet_user_ca.pub", f"{keys.public(keys.USER_CA)}\n")


def _logins(files: Files, name: str, shell: str) -> None:
    accounts = (files.image / "etc/passwd").read_text()
    files.write("etc/passwd", re.sub(rf"(?m)^({USER}:.*:).*$", rf"\1/bin/{shell}", accounts))
    lines = "".join(f"{keys.public(key)}\n" for key in AUTHORIZED[name])
    files.write(f"{HOME}/.ssh/authorized_keys", lines, 0o600)
