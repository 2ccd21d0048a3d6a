"""The fleet's keys: made anew at each `up`, gone at `down`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from rehearsal import host
from rehearsal.paths import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

USER_CA = KEYS / "fleet_user_ca"  # signs the certificates of atm-fleet-mesh
FLEET = KEYS / "id_ops"  # what the tunnels log in with
OPERATOR = KEYS / "operator"  # the workstation's user, to the other machines
SUITE = KEYS / "suite"  # whoever runs the checks on this machine


def host_key(machine: str) -> Path:
    """The host key of a machine."""
    return KEYS / f"host-{machine}"


def generate(machines: Iterable[str]) -> None:
    """Make every key of the fleet, readable by root alone. Raises RehearsalError."""
    KEYS.mkdir(mode=0o700)
    keys = [USER_CA, FLEET, OPERATOR, SUITE, *map(host_key, machines)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(_generate, keys))


def public(key: Path) -> str:
    """The public half, as one line without its end."""
    return key.with_name(f"{key.name}.pub").read_text().strip()


def known_hosts(addresses: Mapping[str, str]) -> str:
    """Every machine's host key, under its name and its address, as sshd(8) has the format."""
    return "".join(
        f"{name},{address} {public(host_key(name))}\n" for name, address in addresses.items()
    )


def _generate(key: Path) -> None:
    comment = f"{key.name}@rehearsal"
    host.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(key)])
