"""What in a folder follows from its record, made again and compared.

Byte for byte, except for the page that the run itself wrote: of that, what the record tells.
"""

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from fleetmesh.evidence.closing import RUN_JSON, run_json
from fleetmesh.evidence.files import MIB, content
from fleetmesh.evidence.folder import Events
from fleetmesh.evidence.journal import COPY, EVENTS, PLAN
from fleetmesh.evidence.run import Run
from fleetmesh.evidence.sums import SIGNATURE, STAMP, SUMS, names
from fleetmesh.sealing.bundle import SEAL
from fleetmesh.views.render import VIEWS, WATCH_VIEWS, made
from fleetmesh.views.report import REPORT, differences

_OF_THE_SEAL = (SEAL, SUMS, SIGNATURE, STAMP)
_MOST = 64 * MIB
"""Bytes of a view that are compared."""


def kept(folder: Path) -> list[str]:
    """The derived files that are there. A view that was taken away misleads nobody."""
    return [name for name in (RUN_JSON, *VIEWS, *WATCH_VIEWS) if (folder / name).exists()]


def altered(folder: Path, run: Run) -> list[str]:
    """The derived files that are not what the record of `run` gives. Raises NotRendered."""
    there = kept(folder)
    expected = {RUN_JSON: run_json(run), **made(folder, run, there)}
    return [name for name in there if _read(folder / name) != expected.get(name)]


def unlike(folder: Path, run: Run) -> list[str] | None:
    """What in report.html is not as the record of `run` has it; None if there is no such page."""
    if not os.path.lexists(folder / REPORT):
        return None
    page = _read(folder / REPORT)
    return ["all of it"] if page is None else differences(page.decode(errors="replace"), run)


def beside(folder: Path, found: Events) -> list[str]:
    """What lies in the folder and neither is the record, nor follows from it, nor seals it."""
    known = {PLAN, EVENTS, RUN_JSON, REPORT, *VIEWS, *WATCH_VIEWS, *_OF_THE_SEAL, *_raw(found)}
    if copied(folder, found):
        known.add(COPY)
    return [name for name in names(folder) if name not in known]


def copied(folder: Path, found: Events) -> bool | None:
    """Whether the copy of the inventory is the one that the events name; None where none do."""
    said = found.events[0].get("inventory_copy")
    text = _read(folder / COPY)
    return None if said is None else text is not None and sha256(text).hexdigest() == said


def _raw(found: Events) -> Iterator[str]:
    """The files in raw/ that the events name with their digests."""
    for event in found.events:
        for member in ("stdout", "stderr", "torn"):
            value = event.get(member)
            if isinstance(value, dict) and "file" in value:
                yield str(value["file"])


def _read(file: Path) -> bytes | None:
    try:
        return content(file, _MOST)
    except OSError:
        return None
