"""Recordings of the running fleet: one snapshot, with the inventory that it belongs to."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import yaml

from fleetmesh.evidence.folder import read_events, snapshot_of
from fleetmesh.evidence.redacted import RecordRedactor
from fleetmesh.facts import FACTS
from fleetmesh.gather import Fleet, patience
from fleetmesh.inventory import load
from rehearsal.errors import RehearsalError
from rehearsal.faults.bases import Own
from rehearsal.paths import INVENTORY, PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

_TRANSCRIPTS = "transcripts.json.xz"


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
    file = _inventory(folder, changes, deadlines)
    wanted = [fact for name, fact in FACTS.items() if writes or name != "writes"]
    inventory = load(file)
    start = time.monotonic()
    redactor = RecordRedactor()
    with Fleet(inventory, redactor, may_write=writes) as fleet:
        snapshot = fleet.gather(wanted)
    seconds = time.monotonic() - start
    snapshot.write(folder / _TRANSCRIPTS, redactor.transcript)
    return seconds, patience(wanted, inventory)


def take_own(
    folder: Path,
    *changes: Callable[[dict[str, Any]], None],
    deadlines: Mapping[str, float] | None = None,
) -> tuple[float, float]:
    """Record what the operators' own checks ask; only by running them is it known what that is."""
    file = _inventory(folder, changes, deadlines)
    start = time.monotonic()
    asked = [sys.executable, "-m", "pytest", *Own.tests, f"--fleet={file}", f"--reports={folder}"]
    done = subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - start
    runs = list(folder.glob("*/events.jsonl"))
    if len(runs) != 1:
        raise RehearsalError(
            f"the checks in {' '.join(Own.tests)} did not run: {done.stdout[-2000:]}"
        )
    snapshot_of(read_events(runs[0].parent)).write(
        folder / _TRANSCRIPTS, RecordRedactor().transcript
    )
    shutil.rmtree(runs[0].parent)
    return seconds, seconds


def _inventory(
    folder: Path,
    changes: Iterable[Callable[[dict[str, Any]], None]],
    deadlines: Mapping[str, float] | None,
) -> Path:
    """Write the rehearsal fleet's inventory into `folder`, with these changes."""
    folder.mkdir(parents=True, exist_ok=True)
    document = yaml.load(INVENTORY.read_text(), yaml.CSafeLoader)
    for change in changes:
        change(document)
    document["limits"] |= deadlines or {}
    file = folder / "inventory.yaml"
    file.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False))
    return file
