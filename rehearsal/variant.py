"""Variants of the fleet: the same machines, set up by somebody with names of his own."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from fleetmesh.inventory import Inventory, InventoryError, load
from rehearsal.errors import RehearsalError
from rehearsal.paths import INVENTORY, PROJECT

if TYPE_CHECKING:
    from rehearsal.files import Files

OWN = "own"
"""The fleet with the names of this repository."""
VARIANTS = (OWN, "foreign")


@cache
def _data(name: str) -> dict[str, Any]:
    if name == OWN:
        return {}
    data: dict[str, Any] = yaml.safe_load((PROJECT / "rehearsal" / f"{name}.yaml").read_text())
    return data


@cache
def inventory(name: str) -> Inventory:
    """What is right for a fleet of this variant. Raises RehearsalError with all that is wrong."""
    try:
        return load(INVENTORY, text=text(name))
    except InventoryError as error:
        raise RehearsalError(str(error)) from error


def text(name: str) -> str:
    """The rehearsal's inventory with the names of a variant."""
    if name == OWN:
        return INVENTORY.read_text()
    document = yaml.safe_load(INVENTORY.read_text())
    for place, value in _data(name)["inventory"].items():
        *steps, last = place.split(".")
        entry = document
        for step in steps:
            entry = entry[step]
        entry[last] = value
    return str(yaml.safe_dump(document, sort_keys=False))


def dress(files: Files, name: str) -> None:
    """Change what a machine was furnished with. Raises RehearsalError for what does not occur."""
    data = _data(name)
    for old, new in data.get("moved", {}).items():
        if (files.upper / old).exists():
            files.move(old, new)
    for path, target in data.get("links", {}).items():
        files.link(path, target)
    for path, changes in data.get("files", {}).items():
        if not files.has(path):
            continue  # it is another machine's
        content = files.read(path)
        for change in changes:
            if change["old"] not in content:
                raise RehearsalError(f"rehearsal/{name}.yaml: {path} has no {change['old']!r}")
            content = content.replace(change["old"], change["new"])
        files.write(path, content, files.mode(path))
