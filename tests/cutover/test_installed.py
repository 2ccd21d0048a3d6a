"""What lies on the tunnels' host is the reference, and systemd has read it."""

import difflib
from collections.abc import Mapping

from fixtures import check
from fleetmesh.facts.installed import InstalledFile
from fleetmesh.facts.managers import Manager
from fleetmesh.inventory import Inventory, Tunnel


@check(
    "CUT-01.installed",
    runbook="Install",
    step="install",
    hint="on {carrier}: mkdir -p ~/.config/systemd/user ~/.config/bridge\n"
    "here: tar -cC {inventory.reference}/systemd . | on {carrier}: tar -xC "
    "~/.config/systemd/user --no-overwrite-dir\n"
    "here: cat {inventory.reference}/{carrier}-tunnels.yaml | on {carrier}: cat "
    ">~/.config/bridge/tunnels.yaml\n"
    "on {carrier}: systemctl --user daemon-reload",
    mends=True,
)
def test_installed_files_equal_the_reference(
    carrier: str,
    inventory: Inventory,
    manager: Manager,
    installed: Mapping[str, dict[str, InstalledFile | None]],
    reference_files: Mapping[str, bytes],
) -> None:
    """Installed unit files and tunnels.yaml equal the reference, byte for byte."""
    for path, reference in manager.files(inventory, carrier).items():
        found, expected = installed[carrier][path], reference_files[reference]
        place = manager.place(path)
        assert found is not None, f"{place} is not installed on {carrier}"
        assert found.content == expected, (
            f"{place} differs from {reference}: {_difference(expected, found.content)}"
        )


def _difference(expected: bytes, found: bytes) -> str:
    lines = difflib.unified_diff(
        expected.decode("utf-8", "replace").splitlines(),
        found.decode("utf-8", "replace").splitlines(),
        "reference", "installed", lineterm="", n=0,
    )  # fmt: skip
    changed = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
    return "; ".join(changed[:6]) or "only in bytes that no line shows"


@check(
    "CUT-02.loaded",
    runbook="Install",
    step="install",
    hint="on {tunnel.host}: {tunnel:manage} daemon-reload; {tunnel:systemctl} cat {tunnel.unit}\n"
    "A drop-in that nobody declared has to be removed first.",
    mends=True,
)
def test_systemd_has_loaded_it(tunnel: Tunnel, manager: Manager) -> None:
    """systemd has loaded what is installed: no pending daemon-reload, no undeclared drop-in."""
    unit = manager.unit(tunnel)
    assert unit.load == "loaded", f"{unit.name} is {unit.load}"
    place, _ = manager.made_from(tunnel)
    if place.endswith(".service"):  # else the unit is not the runbook's
        found = unit.file if place.startswith("/") else unit.file[-len(place) :]
        assert found == place, f"systemd has loaded {unit.file}, not {manager.place(place)}"
    assert not unit.need_reload, f"{unit.file} has changed since systemd read it"
    assert not unit.changed_by, f"{unit.name} is changed by {', '.join(unit.changed_by)}"
