"""A fourth machine, beside the fleet: what an operator has before `fleetmesh install-timer`.

He has a checkout with its environment in his home, reaches the fleet's hosts by ssh, and may sudo.
The fleet's inventory there says that it is a real one. There is no way to the internet.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import sysconfig
from contextlib import contextmanager
from importlib.metadata import files
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from packaging.requirements import Requirement

from rehearsal import fleet, keys
from rehearsal.files import HOME, TEGWICK, Files
from rehearsal.machine import NspawnMachine
from rehearsal.paths import INVENTORY, PROJECT, REHEARSAL_ASSETS

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME, ADDRESS = "verifier", "198.18.77.14"
CHECKOUT = f"/{HOME}/fleet-mesh-verification"
FLEET = "lab"
FILE = f"/{HOME}/fleets/{FLEET}.yaml"
COMMAND = f"cd {CHECKOUT} && sudo .venv/bin/python -m fleetmesh install-timer"
"""What the operator types; options follow."""
_PYTHON = "opt/python"
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_NO_PART_OF_IT = (".*", "reports", "selftests")
_NO_PART_OF_PYTHON = ("config-*", "dist-packages", "idlelib", "site-packages", "test", "tests")
_LIMITS = {"connect": 20, "command": 20, "http": 15}  # seconds; this is no test of speed
_CONFIG = "Host {name}\n    HostName {address}\n    User tegwick\n    IdentityFile ~/.ssh/id_own\n"


@contextmanager
def verifier() -> Iterator[NspawnMachine]:
    """Boot it, beside the fleet that is up; afterwards nothing is left of it."""
    one = NspawnMachine(NAME, ADDRESS)
    one.directory.mkdir()
    try:
        own = Files(one.files, fleet.image("workstation"))
        own.directory("")
        own.write("etc/hostname", f"{one.name}\n")
        own.write("etc/machine-id", f"{secrets.token_hex(16)}\n", 0o444)
        own.write("etc/fleet-address", f"ADDRESS={one.address}/24\n")
        own.write("etc/hosts", f"127.0.0.1 localhost {NAME}\n")
        _python(own)
        _checkout(own)
        _fleet(own)
        power_on(one)
        yield one
    finally:
        one.power_off()
        shutil.rmtree(one.directory)


def power_on(one: NspawnMachine) -> None:
    """Start it, or start it again, and wait until it has booted."""
    one.power_on(fleet.image("workstation"))
    one.wait_until(["systemctl", "is-active", "--quiet", "multi-user.target"], 60, "boot")


def _python(own: Files) -> None:
    """The Python that runs this, with its standard library: the image's is another version."""
    shutil.copytree(
        sysconfig.get_path("stdlib"),
        own.directory(f"{_PYTHON}/lib") / _VERSION,
        symlinks=True,
        ignore=shutil.ignore_patterns(*_NO_PART_OF_PYTHON),
    )
    shutil.copy(Path(sys.executable).resolve(), own.directory(f"{_PYTHON}/bin") / _VERSION)
    where, name = sysconfig.get_config_vars("LIBDIR", "INSTSONAME")
    if (shared := Path(where) / name).exists():
        shutil.copy(shared, own.directory("usr/lib"))


def _checkout(own: Files) -> None:
    """The suite with the environment of `make .venv/run`: what requirements.lock names."""
    home = own.directory(HOME)
    checkout = home / Path(CHECKOUT).name
    shutil.copytree(PROJECT, checkout, ignore=shutil.ignore_patterns(*_NO_PART_OF_IT))
    environment = checkout / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin/python").symlink_to(f"/{_PYTHON}/bin/{_VERSION}")
    (environment / "pyvenv.cfg").write_text(f"home = /{_PYTHON}/bin\n")
    site = environment / "lib" / _VERSION / "site-packages"
    for line in (PROJECT / "requirements.lock").read_text().splitlines():
        if line.startswith((" ", "#")):
            continue
        requirement = Requirement(line.rstrip(" \\"))
        if requirement.marker and not requirement.marker.evaluate():
            continue
        for file in files(requirement.name) or ():
            if ".." not in file.parts:
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(str(file.locate()), site / file)
    for made in (checkout, *checkout.rglob("*")):
        os.chown(made, TEGWICK, TEGWICK, follow_symlinks=False)


def _fleet(own: Files) -> None:
    """The inventory with its reference, and how the operator's ssh reaches the hosts."""
    document = yaml.safe_load(INVENTORY.read_text())
    document |= {"name": FLEET, "kind": "production", "reference": "reference"}
    document["limits"] |= _LIMITS
    del document["ssh_config"]
    own.write(FILE[1:], yaml.safe_dump(document, sort_keys=False))
    own.copy_tree(REHEARSAL_ASSETS, f"{Path(FILE).parent}/reference"[1:])
    addresses = {machine.name: machine.address for machine in fleet.machines().values()}
    config = (_CONFIG.format(name=name, address=address) for name, address in addresses.items())
    own.write(f"{HOME}/.ssh/config", "".join(config), 0o600)
    own.write(f"{HOME}/.ssh/known_hosts", keys.known_hosts(addresses), 0o600)
    own.write(f"{HOME}/.ssh/id_own", keys.SUITE.read_text(), 0o600)
