"""`python -m fleetmesh diff`: says what of a fleet's state differs between two runs."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from fleetmesh.state import expectation
from fleetmesh.state.changes import changes, unasked
from fleetmesh.state.judgement import judge
from fleetmesh.state.moment import moment
from fleetmesh.text.terminal import say


def add(commands: Any) -> None:
    """Add the command to those of `python -m fleetmesh`."""
    command = commands.add_parser(
        "diff", help="say what is otherwise on the fleet at B than at A, and was not expected to be"
    )
    command.add_argument("before", type=Path, metavar="A", help="the folder of a run")
    command.add_argument("after", type=Path, metavar="B", help="that of a later one")
    command.add_argument(
        "--expect",
        default="nothing",
        metavar="NAME|FILE",
        help=f"what changes in between: {', '.join(expectation.known())}, or a file of your own "
        "(default: nothing)",
    )
    command.set_defaults(do=_state)


def _state(given: Namespace) -> int:
    """Like diff(1): 0 if what was expected has changed, and nothing else; 1 otherwise."""
    before, after = moment(given.before.resolve()), moment(given.after.resolve())
    found = judge(changes(before, after), expectation.read(given.expect, after.inventory))
    say(f"- {before.name}")
    say(f"+ {after.name}")
    for change in found.as_expected:
        say(f"as expected: {change}")
    for finding in found.findings:
        say(finding)
    if nobody := unasked(before, after):
        say(f"neither was asked, so nothing is known: {', '.join(nobody)}")
    say(
        f"{given.expect}: {len(found.as_expected)} changes as expected, "
        f"{len(found.besides)} besides, {len(found.did_not)} did not happen"
    )
    return 1 if found.findings else 0
