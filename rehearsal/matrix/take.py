"""Recordings of the running fleet: one snapshot, with the inventory that it belongs to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import yaml

from fleetmesh.evidence.redacted import RecordRedactor
from fleetmesh.facts import FACTS
from fleetmesh.gather import Fleet, patience
from fleetmesh.inventory import load
from rehearsal.paths import INVENTORY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


def take(
    folder: Path,
    *changes: Callable[[dict[str, Any]], None],
    writes: bool,
    deadlines: Mapping[str, float] | None = None,
) -> tuple[float, float]:
    """Record everything that can be known of the fleet into `folder`.

    `deadlines` are seconds that replace some of the inventory's `limits`. Returns the seconds that
    asking took, and those that it may take by all deadlines.
    """
    folder.mkdir(parents=True, exist_ok=True)
    document = yaml.load(INVENTORY.read_text(), yaml.CSafeLoader)
    for change in changes:
        change(document)
    document["limits"] |= deadlines or {}
    file = folder / "inventory.yaml"
    file.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False))
    wanted = [fact for name, fact in FACTS.items() if writes or name != "writes"]
    inventory = load(file)
    start = time.monotonic()
    redactor = RecordRedactor()
    with Fleet(inventory, redactor) as fleet:
        snapshot = fleet.gather(wanted)
    seconds = time.monotonic() - start
    snapshot.write(folder / "transcripts.json.xz", redactor.transcript)
    return seconds, patience(wanted, inventory)
