"""Every view of a run, written from its record alone. The same record gives the same bytes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from fleetmesh.evidence.files import MIB, content, json_object
from fleetmesh.evidence.folder import read
from fleetmesh.evidence.journal import put
from fleetmesh.evidence.run import Run
from fleetmesh.views import evidence_page
from fleetmesh.views.maker import ROOT
from fleetmesh.views.statement import statement
from fleetmesh.views.workplan import block

VIEWS = (
    *("evidence.html", "report.html", "junit.xml"),
    *("results.json", "statement.json", "workplan.md"),
)
CHANGES = "changes.json"
"""What is otherwise than in the run before, by the history of whoever rendered it."""
_DEADLINE = 120  # seconds for pytest to write its two files
_BY_PYTEST = ("report.html", "junit.xml")
_SURROGATES = "backslashreplace"
_PLUGINS = ("metadata", "html", "html_fixtures")  # by their entry points


class NotRendered(Exception):
    """A view that could not be written; the text says which and why."""


def render(folder: Path, changes: Sequence[str] | None = None) -> Run:
    """Write all VIEWS into `folder`, and return the run that they show.

    `changes`: see workplan.block; they are kept in CHANGES. Raises BrokenRecord, CannotRecord and
    NotRendered.
    """
    if folder.is_symlink():
        raise NotRendered(f"{folder} is a link: name the folder itself")
    run = read(folder)
    if changes is None:
        with suppress(OSError):
            (folder / CHANGES).unlink()
    else:
        put(folder / CHANGES, _json({"changes": list(changes)}), durable=False)
    try:
        views = made(folder, run, VIEWS)
    except OSError as error:  # no room for what is put together elsewhere
        raise NotRendered(f"{error.filename}: {error.strerror}") from None
    for name, text in views.items():
        put(folder / name, text, durable=False)
    return run


def made(folder: Path, run: Run, names: Collection[str]) -> dict[str, bytes]:
    """The views of these names, of the `run` that `folder` records; nothing is written there.

    Raises NotRendered.
    """
    ours: dict[str, Callable[[], str | bytes]] = {
        "evidence.html": lambda: evidence_page.page(run),
        "statement.json": lambda: statement(run),
        "workplan.md": lambda: block(run, changes=_changes(folder)),
        "results.json": lambda: _json(run.summary()),
    }
    found: dict[str, bytes] = {}
    with TemporaryDirectory(prefix="fleet-mesh-") as place:
        writer = _by_pytest(folder, Path(place)) if set(names) & set(_BY_PYTEST) else None
        try:
            for name, make in ours.items():
                if name in names:
                    text = make()
                    found[name] = (
                        text if isinstance(text, bytes) else text.encode(errors=_SURROGATES)
                    )
            if writer:
                _await(writer)
        finally:
            if writer:
                writer.kill()
                writer.wait()
        for name in _BY_PYTEST:
            if name in names:
                found[name] = Path(place, name).read_bytes()
    return found


def _await(writer: "subprocess.Popen[str]") -> None:
    what = ", ".join(_BY_PYTEST)
    try:
        said, _ = writer.communicate(timeout=_DEADLINE)
    except subprocess.TimeoutExpired:
        raise NotRendered(f"{what}: not written within {_DEADLINE} s") from None
    if writer.returncode != 0:
        told = said.strip().splitlines()[-1:] or [f"pytest ended with {writer.returncode}"]
        raise NotRendered(f"{what}: {told[0]}")


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode(errors=_SURROGATES)


def _changes(folder: Path) -> list[str] | None:
    try:
        changes = json_object(content(folder / CHANGES, MIB))["changes"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError):
        changes = None
    if not isinstance(changes, list) or not all(isinstance(change, str) for change in changes):
        raise NotRendered(f"{CHANGES} is not as rendering writes it")
    return changes


def _by_pytest(folder: Path, place: Path) -> "subprocess.Popen[str]":
    """pytest's own writers, at work on the record in a process of their own."""
    options = [
        *("-c", os.devnull, "--rootdir", str(ROOT), "--noconftest", "-q", "-p", "no:cacheprovider"),
        *(f"-p{plugin}" for plugin in _PLUGINS),
        *("-p", "fixtures.recorded", f"--record={folder.resolve()}"),
        *(f"--html={place}/report.html", "--self-contained-html"),
        f"--junitxml={place}/junit.xml",
    ]
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *options],
        cwd=ROOT,
        env={**_plain_environment(), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def _plain_environment() -> dict[str, str]:
    """The environment without what steers the pytest by which a run may be under way."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
