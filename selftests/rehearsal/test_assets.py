"""The runbook's assets are well made, and say what the inventory says."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from fleetmesh.inventory import Inventory, load
from rehearsal import assets
from rehearsal.errors import RehearsalError
from rehearsal.paths import ASSETS, INVENTORY, PROJECT
from selftests.inventory import RUNBOOK

SHELL_SCRIPTS = [ASSETS / "install-railiance01.sh", PROJECT / "rehearsal/supervise.sh"]


@pytest.fixture(scope="module")
def production() -> Inventory:
    return load(RUNBOOK)


@pytest.fixture(scope="module")
def rehearsal() -> Inventory:
    return load(INVENTORY)


@pytest.mark.parametrize("script", SHELL_SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    done = subprocess.run(["shellcheck", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_systemd_has_nothing_to_say_of_the_units(tmp_path: Path) -> None:
    units = sorted((ASSETS / "systemd").glob("*.service"))
    assert units
    done = subprocess.run(
        ["systemd-analyze", "--user", "--man=no", "verify", *units],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_units_forward_what_the_inventory_says(production: Inventory) -> None:
    for tunnel in production.tunnels.values():
        command = exec_start(ASSETS / "systemd" / tunnel.unit)
        service = production.services[tunnel.to]
        assert f"{tunnel.listen}:{service.cluster_ip}:{service.port}" in command
        via = production.hosts[tunnel.via]
        assert command[-1] == f"{via.user}@{via.addresses[0]}"
        assert {"BatchMode=yes", "ExitOnForwardFailure=yes", "StrictHostKeyChecking=yes"} <= {
            *command
        }


def test_reference_config_says_what_the_inventory_says(production: Inventory) -> None:
    config = yaml.safe_load((ASSETS / "railiance01-tunnels.yaml").read_text())["tunnels"]
    assert config == {
        name: {
            "kind": "forward",
            "user": "tegwick",
            "host": production.hosts[tunnel.via].addresses[0],
            "identity": tunnel.key,
            "listen": str(tunnel.listen),
            "target": "{0.cluster_ip}:{0.port}".format(production.services[tunnel.to]),
            "autostart": True,
        }
        for name, tunnel in production.tunnels.items()
    }


def test_rehearsal_differs_from_production_in_addresses_alone(
    production: Inventory, rehearsal: Inventory
) -> None:
    for asset in (path for path in ASSETS.rglob("*") if path.is_file()):
        text = asset.read_text()
        exchanged = assets.exchange(text, rehearsal)
        assert exchanged != text, f"{asset.name} names no address"
        for inventory, used in ((production, text), (rehearsal, exchanged)):
            other = exchanged if used is text else text
            for address in addresses(inventory):
                assert address not in other
        assert assets.foreign(text) == []
        back = exchanged
        for name, address in assets.CLUSTER_IPS.items():
            back = back.replace(rehearsal.services[name].cluster_ip, address)
        for name, address in assets.HOSTS.items():
            back = back.replace(rehearsal.hosts[name].addresses[0], address)
        assert back == text


def test_the_addresses_exchanged_are_those_of_the_runbook(production: Inventory) -> None:
    ours = [*assets.CLUSTER_IPS.values(), *assets.HOSTS.values()]
    assert ours == addresses(production)
    text = (PROJECT / "docs/runbook/fleet-mesh-dehub-runbook.md").read_text()
    assert all(address in text for address in ours)


def test_assets_that_lead_elsewhere_are_not_rehearsed(
    rehearsal: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator who edits them in place would have the rehearsal log in to his fleet."""
    edited = tmp_path / "infra/fleet-mesh"
    shutil.copytree(ASSETS, edited)
    unit = edited / "systemd/fleet-state-hub-coulombcore.service"
    unit.write_text(unit.read_text().replace("92.205.130.254", "203.0.113.9"))
    monkeypatch.setattr(assets, "ASSETS", edited)
    monkeypatch.setattr(assets, "PROJECT", tmp_path)
    monkeypatch.setattr(assets, "REHEARSAL_ASSETS", tmp_path / "written")
    with pytest.raises(RehearsalError, match=r"hub-coulombcore\.service names 203\.0\.113\.9"):
        assets.write(rehearsal)


def addresses(inventory: Inventory) -> list[str]:
    services = [service.cluster_ip for service in inventory.services.values()]
    return services + [a for host in inventory.hosts.values() for a in host.addresses]


def exec_start(unit: Path) -> list[str]:
    joined = unit.read_text().replace("\\\n", " ")
    line = next(line for line in joined.splitlines() if line.startswith("ExecStart="))
    return shlex.split(line.removeprefix("ExecStart="))
