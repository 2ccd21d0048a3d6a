"""Every view of a run, written from its record alone. The same record gives the same bytes."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import fleetmesh
from fleetmesh.evidence.folder import read
from fleetmesh.evidence.journal import put
from fleetmesh.record import Run
from fleetmesh.views import document
from fleetmesh.views.statement import statement
from fleetmesh.views.workplan import block

VIEWS = (
    *("evidence.html", "report.html", "junit.xml"),
    *("results.json", "statement.json", "workplan.md"),
)
_ROOT = Path(fleetmesh.__file__).parents[1]
_DEADLINE = 120  # seconds for pytest to write its two files
_PLUGINS = ("metadata", "html", "html_fixtures")  # by their entry points


class NotRendered(Exception):
    """A view that could not be written; the text says which and why."""


def render(folder: Path, changes: Sequence[str] | None = None) -> Run:
    """Write all VIEWS into `folder`, and return the run that they show.

    `changes`: see workplan.block. Raises BrokenRecord, CannotRecord and NotRendered.
    """
    run = read(folder)
    writer = _by_pytest(folder)
    try:
        summary = json.dumps(run.summary(), indent=1, ensure_ascii=False)
        for name, text in (
            ("evidence.html", document.page(run)),
            ("statement.json", statement(run)),
            ("workplan.md", block(run, changes=changes)),
            ("results.json", summary),
        ):
            put(folder / name, text.encode(errors="backslashreplace"), durable=False)
        said, _ = writer.communicate(timeout=_DEADLINE)
    except subprocess.TimeoutExpired:
        raise NotRendered(f"report.html, junit.xml: not written within {_DEADLINE} s") from None
    finally:
        writer.kill()
        writer.wait()
    if writer.returncode != 0:
        told = said.strip().splitlines()[-1:] or [f"pytest ended with {writer.returncode}"]
        raise NotRendered(f"report.html, junit.xml: {told[0]}")
    return run


def _by_pytest(folder: Path) -> "subprocess.Popen[str]":
    """pytest's own writers, at work on the record in a process of their own."""
    options = [
        *(
            "-c",
            os.devnull,
            "--rootdir",
            str(_ROOT),
            "--noconftest",
            "-q",
            "-p",
            "no:cacheprovider",
        ),
        *(f"-p{plugin}" for plugin in _PLUGINS),
        *("-p", "fixtures.recorded", f"--record={folder.resolve()}"),
        *(f"--html={folder.resolve()}/report.html", "--self-contained-html"),
        f"--junitxml={folder.resolve()}/junit.xml",
    ]
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *options],
        cwd=_ROOT,
        env={**_plain_environment(), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _plain_environment() -> dict[str, str]:
    """The environment without what steers the pytest by which a run may be under way."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
