"""`python -m fleetmesh render`: writes the views of a run again."""

import os
from argparse import Namespace
from pathlib import Path
from typing import Any

from fleetmesh.evidence.since import since
from fleetmesh.evidence.sums import SUMS, Refused
from fleetmesh.text.terminal import say
from fleetmesh.views.render import render, views_of


def add(commands: Any) -> None:
    """Add the command to those of `python -m fleetmesh`."""
    command = commands.add_parser("render", help="write the views of a run again, from its record")
    command.add_argument("folder", type=Path, metavar="DIR")
    command.set_defaults(do=_render)


def _render(given: Namespace) -> int:
    if os.path.lexists(given.folder / SUMS):
        raise Refused(f"{given.folder} is sealed: its views stay as they are; render a copy of it")
    run = render(given.folder, since(given.folder.resolve()))
    say(run.headline)
    for name in views_of(run):
        say(f"written: {given.folder / name}")
    return 0
