"""Seals what a run or a drill has left, so that any later change shows."""

from dataclasses import replace
from pathlib import Path

from fleetmesh.evidence.closing import RUN_JSON, close
from fleetmesh.evidence.folder import read, read_events, run_of
from fleetmesh.evidence.history import update
from fleetmesh.evidence.journal import EVENTS, PLAN, put
from fleetmesh.evidence.run import Run
from fleetmesh.evidence.since import since
from fleetmesh.evidence.sums import SUMS, Refused, names
from fleetmesh.redaction import remaining
from fleetmesh.sealing.bundle import SUFFIX
from fleetmesh.sealing.derived import altered, unlike
from fleetmesh.sealing.seal import Sealed, seal
from fleetmesh.views.render import render, views_of
from fleetmesh.views.report import REPORT

DRILL = "drill.json"
WORKPLAN = ".workplan.md"
"""Lies beside the bundle: the block with its digest, which no file inside it can name."""


def seal_folder(folder: Path, key: Path | None = None, authority: str | None = None) -> Sealed:
    """Seal the folder of a run or a drill, with its views; `key` signs and `authority` stamps it.

    A run that broke off is first closed as INCOMPLETE. Raises Refused if the folder holds anything
    that sealing cannot vouch for, or a secret; BrokenRecord or CannotRecord if the record is broken
    or still grows; NotRendered if a view could not be made.
    """
    if folder.is_symlink():
        raise Refused(f"{folder} is a link: name the folder itself")
    folder = folder.resolve()
    if not folder.is_dir():
        raise Refused(f"{folder}: there is no such folder")
    names(folder)  # only plain files are read, and not too many
    if not any((folder / name).exists() for name in (PLAN, EVENTS)):
        if not (folder / DRILL).exists():
            raise Refused(f"{folder} holds neither a run nor a drill")
        _without_secrets(folder)
        return seal(folder, key, authority)
    fresh = not (folder / SUMS).exists()
    found = read_events(folder)
    recorded = run_of(found)
    whole = found.ended and all(
        (folder / name).exists() for name in (RUN_JSON, *views_of(recorded))
    )
    if not fresh or whole:
        _as_recorded(folder, recorded)
    if other := unlike(folder, recorded):
        raise Refused(
            f"{folder / REPORT}: not as the record has it: {', '.join(other)}. Altered, or written "
            "by another version of the suite. It cannot be made again; take it away to seal the "
            "rest"
        )
    run = close(folder) if fresh else read(folder)
    if run.id != folder.name:
        raise Refused(f"{folder} holds the run {run.id}: give it its name back")
    if fresh and not whole:
        render(folder, since(folder))
    _without_secrets(folder)
    sealed = seal(folder, key, authority)
    workplan = folder.with_name(f"{folder.name}{WORKPLAN}")
    put(workplan, told(folder, sealed.digest).encode(errors="backslashreplace"))
    update(folder.parent)
    return replace(sealed, workplan=workplan)


def _as_recorded(folder: Path, run: Run) -> None:
    """Refuse to seal a view that differs from the record."""
    if other := altered(folder, run):
        raise Refused(
            f"{folder}: not what the record says: {', '.join(other)}. Altered, or made by another "
            "version of the suite; `python -m fleetmesh render` makes the views of an unsealed "
            "folder anew"
        )


def _without_secrets(folder: Path) -> None:
    try:
        found = [f"{file.relative_to(folder)} ({rule})" for file, rule in remaining(folder)]
    except OSError as error:
        raise Refused(f"{error.filename} cannot be read: {error.strerror}") from None
    except RecursionError:
        raise Refused(f"{folder} holds JSON that is nested too deeply to be searched") from None
    if found:
        raise Refused(f"{folder} holds what looks like a secret: {', '.join(found)}")


def told(folder: Path, digest: str) -> str:
    """The block about a sealed folder, with the bundle's digest, which the folder cannot hold."""
    bundle = f"`{folder.name}{SUFFIX}`"
    named = f"bundle {bundle}, SHA-256 `{digest}`"
    try:
        return (folder / "workplan.md").read_text("utf-8").replace(f"bundle {bundle}", named, 1)
    except FileNotFoundError:  # a drill
        return f"### Fleet mesh: {folder.name}\n\n- {named}\n"
