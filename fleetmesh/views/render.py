"""Every view that follows from the record of a run alone. The same record gives the same bytes.

The run itself writes one page more; see fleetmesh/views/report.py.
"""

import json
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path

from fleetmesh.evidence.files import MIB, content, json_object
from fleetmesh.evidence.folder import read
from fleetmesh.evidence.journal import put
from fleetmesh.evidence.run import Run
from fleetmesh.views import evidence_page, watch_page
from fleetmesh.views.junit import junit
from fleetmesh.views.statement import statement
from fleetmesh.views.workplan import block

VIEWS = ("evidence.html", "junit.xml", "results.json", "statement.json", "workplan.md")
WATCH_VIEWS = ("watch.json", "watch.html")
"""Those of a run that `watch` has made."""
CHANGES = "changes.json"
"""What is otherwise than in the run before, by the history of whoever rendered it."""
_SURROGATES = "backslashreplace"
_CHANGES_MOST = 64 * MIB
"""Bytes; of as many checks as a plan may have, each can turn."""


class NotRendered(Exception):
    """A view that could not be written; the text says which and why."""


def render(folder: Path, changes: Sequence[str] | None = None, run: Run | None = None) -> Run:
    """Write all its views into `folder`, and return the run that they show.

    `changes`: see workplan.block; they are kept in CHANGES. `run` is what the record says, if it
    was just read. Raises BrokenRecord, CannotRecord and NotRendered.
    """
    if folder.is_symlink():
        raise NotRendered(f"{folder} is a link: name the folder itself")
    run = run or read(folder)
    if changes is None:
        with suppress(OSError):
            (folder / CHANGES).unlink()
    else:
        put(folder / CHANGES, _json({"changes": list(changes)}), durable=False)
    for name, text in made(folder, run, views_of(run)).items():
        put(folder / name, text, durable=False)
    return run


def views_of(run: Run) -> tuple[str, ...]:
    """The views that `run` has."""
    return VIEWS if run.watched is None else VIEWS + WATCH_VIEWS


def made(folder: Path, run: Run, names: Collection[str]) -> dict[str, bytes]:
    """The views of these names, of the `run` that `folder` records; nothing is written there.

    Raises NotRendered.
    """
    makers: dict[str, Callable[[], str | bytes]] = {
        "evidence.html": lambda: evidence_page.page(run, _changes(folder)),
        "junit.xml": lambda: junit(run),
        "results.json": lambda: _json(run.summary()),
        "statement.json": lambda: statement(run),
        "workplan.md": lambda: block(run, changes=_changes(folder)),
        "watch.json": lambda: _json(watch_page.data(run)),
        "watch.html": lambda: watch_page.page(run),
    }
    texts = {name: makers[name]() for name in views_of(run) if name in names}
    return {
        name: text if isinstance(text, bytes) else text.encode(errors=_SURROGATES)
        for name, text in texts.items()
    }


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode(errors=_SURROGATES)


def _changes(folder: Path) -> list[str] | None:
    try:
        changes = json_object(content(folder / CHANGES, _CHANGES_MOST))["changes"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError):
        changes = None
    if not isinstance(changes, list) or not all(isinstance(change, str) for change in changes):
        raise NotRendered(f"{CHANGES} is not as rendering writes it")
    return changes
