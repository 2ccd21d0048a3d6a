"""Sealing what a run or a drill has left: from here on, every change shows."""

from dataclasses import replace
from pathlib import Path

from fleetmesh.evidence.closing import close
from fleetmesh.evidence.folder import read
from fleetmesh.evidence.journal import EVENTS, PLAN, put
from fleetmesh.evidence.seal import Sealed, seal
from fleetmesh.evidence.sums import SUMS, Refused
from fleetmesh.history.changes import changes
from fleetmesh.history.entries import Entry, update
from fleetmesh.views.render import render
from fleetmesh.views.workplan import block

DRILL = "drill.json"
WORKPLAN = ".workplan.md"
"""Beside the bundle: the block that names its digest, which no file inside of it can."""


def seal_folder(folder: Path, key: Path | None = None) -> Sealed:
    """Seal the folder of a run or a drill, with its views, and sign it with `key`.

    A run that broke off is closed as INCOMPLETE first. Raises Refused where the folder is not what
    sealing can vouch for, BrokenRecord and CannotRecord where the record is not, or still grows,
    NotRendered where a view could not be made.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise Refused(f"{folder}: there is no such folder")
    if not any((folder / name).exists() for name in (PLAN, EVENTS)):
        if not (folder / DRILL).exists():
            raise Refused(f"{folder} holds neither a run nor a drill")
        return seal(folder, key)
    fresh = not (folder / SUMS).exists()
    run = close(folder) if fresh else read(folder)
    if run.id != folder.name:
        raise Refused(f"{folder} holds the run {run.id}: give it its name back")
    before = update(folder.parent).before(Entry.of(run))
    changed = [str(change) for change in changes(before, Entry.of(run))] if before else None
    if fresh:
        render(folder, changed)
    sealed = seal(folder, key)
    workplan = folder.with_name(f"{folder.name}{WORKPLAN}")
    put(workplan, block(run, changes=changed, digest=sealed.digest).encode(errors="replace"))
    update(folder.parent)
    return replace(sealed, workplan=workplan)
