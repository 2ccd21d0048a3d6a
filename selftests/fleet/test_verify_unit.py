"""The units of infra/verify/ as they ship: systemd runs them on a box that verifies the fleet."""

import json
import secrets
import shutil
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from rehearsal import fleet, keys
from rehearsal.files import Files
from rehearsal.machine import NspawnMachine
from rehearsal.paths import INVENTORY, REHEARSAL_ASSETS
from selftests.fleet.conftest import ROOT
from selftests.fleet.locked_down import LIMITS, prepared

pytestmark = [pytest.mark.root, pytest.mark.fleet]

SERVICE, TIMER = "fleet-verify.service", "fleet-verify.timer"
HOME = "var/lib/fleet-verify"
CHECKOUT = "opt/fleet-mesh-verification"
PYTHON = "opt/python"
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
NO_PART_OF_IT = (".*", "__pycache__", "reports", "selftests")
NO_PART_OF_PYTHON = ("config-*", "dist-packages", "idlelib", "site-packages", "test", "tests")


@pytest.fixture(scope="module")
def box(standing: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NspawnMachine]:  # noqa: ARG001
    """A machine of its own, beside the fleet, set up as docs/operating.md says; gone afterwards."""
    box = NspawnMachine("box", "198.18.77.14")
    box.directory.mkdir()
    try:
        own = Files(box.files, fleet.image("workstation"))
        own.directory("")
        own.write("etc/hostname", f"{box.name}\n")
        own.write("etc/machine-id", f"{secrets.token_hex(16)}\n", 0o444)
        own.write("etc/fleet-address", f"ADDRESS={box.address}/24\n")
        _python(own)
        checkout = _checkout(own)
        _packages(checkout / ".venv")
        _ssh(own)
        for unit in (SERVICE, TIMER):
            shutil.copy(ROOT / "infra/verify" / unit, own.directory("etc/systemd/system"))
        box.power_on(fleet.image("workstation"))
        box.wait_until(["systemctl", "is-active", "--quiet", "multi-user.target"], 30, "boot")
        box.run(["useradd", "--system", f"--home-dir=/{HOME}", "fleet-verify"])
        box.run(["chown", "-R", "fleet-verify:", f"/{HOME}"])
        key = f"{HOME}/.ssh/id_ed25519"
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"/{key}"]
        box.run(["runuser", "-u", "fleet-verify", "--", *keygen])
        permits = tmp_path_factory.mktemp("permit")
        with prepared(checkout / "fleets/production.yaml", box.files / f"{key}.pub", permits):
            yield box
    finally:
        box.power_off()
        shutil.rmtree(box.directory)


def _python(own: Files) -> None:
    """The Python that runs this test, with its standard library: the image's is another version."""
    shutil.copytree(
        sysconfig.get_path("stdlib"),
        own.directory(f"{PYTHON}/lib") / VERSION,
        symlinks=True,
        ignore=shutil.ignore_patterns(*NO_PART_OF_PYTHON),
    )
    shutil.copy(Path(sys.executable).resolve(), own.directory(f"{PYTHON}/bin") / VERSION)
    where, name = sysconfig.get_config_vars("LIBDIR", "INSTSONAME")
    if (shared := Path(where) / name).exists():
        shutil.copy(shared, own.directory("usr/lib"))


def _packages(environment: Path) -> None:
    """The environment of `make .venv/run`: what requirements.lock names, and nothing else."""
    (environment / "bin").mkdir(parents=True)
    (environment / "bin/python").symlink_to(f"/{PYTHON}/bin/{VERSION}")
    (environment / "pyvenv.cfg").write_text(f"home = /{PYTHON}/bin\n")
    site = environment / "lib" / VERSION / "site-packages"
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if line.startswith((" ", "#")):
            continue
        requirement = Requirement(line.rstrip(" \\"))
        if requirement.marker and not requirement.marker.evaluate():
            continue
        for file in files(requirement.name) or ():
            if ".." not in file.parts:
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file.locate(), site / file)


def _checkout(own: Files) -> Path:
    """The suite, with the rehearsal fleet as its production."""
    checkout = own.directory("opt") / Path(CHECKOUT).name
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(*NO_PART_OF_IT))
    shutil.copytree(REHEARSAL_ASSETS, checkout / "infra/fleet-mesh", dirs_exist_ok=True)
    document = yaml.safe_load(INVENTORY.read_text())
    document |= {"name": "production", "kind": "production", "reference": "../infra/fleet-mesh"}
    document["limits"] |= LIMITS
    del document["ssh_config"]
    (checkout / "fleets/production.yaml").write_text(yaml.safe_dump(document))
    return checkout


def _ssh(own: Files) -> None:
    """How the box's user reaches the hosts, and by what it knows them."""
    addresses = {one.name: one.address for one in fleet.machines().values()}
    config = (f"Host {n}\n    HostName {a}\n    User tegwick\n" for n, a in addresses.items())
    own.write(f"{HOME}/.ssh/config", "".join(config), 0o600)
    own.write(f"{HOME}/.ssh/known_hosts", keys.known_hosts(addresses), 0o600)


@dataclass(frozen=True)
class Ran:
    """How one run of the service ended, and what its evidence says."""

    started: bool
    result: str
    status: int
    verdict: str
    journal: str


def verify(box: NspawnMachine) -> Ran:
    """Start the service and wait for its end."""
    before = set(_reports(box))
    started = box.run(["systemctl", "start", SERVICE], check=False, deadline=120)
    journal = box.run(["journalctl", f"--unit={SERVICE}", "--output=cat", "--lines=100"]).stdout
    written = set(_reports(box)) - before
    assert len(written) == 1, journal
    return Ran(
        started=started.returncode == 0,
        result=_property(box, SERVICE, "Result"),
        status=int(_property(box, SERVICE, "ExecMainStatus")),
        verdict=json.loads(written.pop().read_text())["verdict"],
        journal=journal,
    )


def _reports(box: NspawnMachine) -> Iterator[Path]:
    return (box.files / HOME).glob("*_production_production_*/results.json")


def _property(box: NspawnMachine, unit: str, name: str) -> str:
    return box.run(["systemctl", "show", f"--property={name}", "--value", unit]).stdout.strip()


def test_ready_fleet_is_a_success(box: NspawnMachine) -> None:
    ran = verify(box)
    found = (ran.started, ran.result, ran.status, ran.verdict)
    assert found == (True, "success", 0, "READY"), ran.journal
    others = box.run(["find", f"/{HOME}", "-perm", "/077", "-not", "-path", f"/{HOME}/.ssh*"])
    assert others.stdout == "", "nobody else on the box reads the evidence"


def test_stopped_tunnel_is_a_failure(box: NspawnMachine) -> None:
    unit = "fleet-state-hub-coulombcore"
    fleet.run("railiance01", f"systemctl --user stop {unit}")
    try:
        ran = verify(box)
    finally:
        fleet.run("railiance01", f"systemctl --user start {unit}")
        fleet.wait_until_served()
    found = (ran.started, ran.result, ran.status, ran.verdict)
    assert found == (False, "exit-code", 1, "NOT READY"), ran.journal


def test_host_that_cannot_be_reached_leaves_it_open(box: NspawnMachine) -> None:
    address = fleet.machine("workstation").address
    box.run(["ip", "route", "add", "unreachable", address])
    try:
        ran = verify(box)
    finally:
        box.run(["ip", "route", "delete", "unreachable", address])
    found = (ran.started, ran.result, ran.status, ran.verdict)
    assert found == (False, "exit-code", 6, "INCONCLUSIVE"), ran.journal


def test_timer_starts_it_every_four_hours(box: NspawnMachine) -> None:
    box.run(["systemctl", "enable", "--now", TIMER])
    try:
        listed = box.run(["systemctl", "list-timers", "--output=json", TIMER]).stdout
        assert _property(box, SERVICE, "ActiveState") != "activating", "not before its time"
    finally:
        box.run(["systemctl", "disable", "--now", TIMER])
    (timer,) = json.loads(listed)
    assert timer["activates"] == SERVICE
    elapses, hours, minutes = timer["next"] / 1_000_000, 3600, 60
    assert 0 < elapses - time.time() < 4 * hours + 10 * minutes
    assert 23 * minutes <= elapses % (4 * hours) <= 33 * minutes


def test_systemd_has_nothing_to_say_of_them(box: NspawnMachine) -> None:
    done = box.run(["systemd-analyze", "verify", "--man=no", SERVICE, TIMER], check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
