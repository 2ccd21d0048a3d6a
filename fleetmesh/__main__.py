"""`python -m fleetmesh`: check a fleet, and work with the evidence of runs."""

import os
import sys
from typing import NoReturn

from fleetmesh.attach import command as attach
from fleetmesh.discover import command as discover
from fleetmesh.discover.command import CannotDiscover
from fleetmesh.evidence.folder import BrokenRecord
from fleetmesh.evidence.journal import CannotRecord
from fleetmesh.evidence.sums import Refused
from fleetmesh.history import command as history
from fleetmesh.inventory.suite import front_door
from fleetmesh.sealing import command as sealing
from fleetmesh.state import command as state
from fleetmesh.text.legible import said
from fleetmesh.text.terminal import Parser, complain
from fleetmesh.timer import command as timer
from fleetmesh.timer.places import CannotInstall
from fleetmesh.views import command as views
from fleetmesh.views.render import NotRendered
from fleetmesh.watch import command as watch

_SAID = (
    *(Refused, BrokenRecord, CannotRecord, NotRendered),
    *(CannotDiscover, CannotInstall, watch.CannotWatch),
)
"""What ends a command with one line, and no traceback."""


def _check(arguments: list[str]) -> NoReturn:
    """Become the process that runs the checks."""
    command, environment = front_door(arguments)
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)  # noqa: S606 - there is no shell


def _arguments() -> Parser:
    parser = Parser("python -m fleetmesh", description=__doc__.split(": ", 1)[1])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("check", help="check a fleet: `check --help` says how")
    for package in (discover, watch, sealing, views, state, history, attach, timer):
        package.add(commands)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command and return the exit status, which is 2 for wrong usage.

    It is also 2 if nobody reads the output to its end.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["check"]:
        _check(words[1:])
    given = _arguments().parse_args(words)
    try:
        done: int = given.do(given)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more
        return 2
    except KeyboardInterrupt:
        complain("fleetmesh: interrupted")
        return 130
    except _SAID as error:
        complain(f"fleetmesh: {error}")
        return 2
    except (OSError, RuntimeError) as error:  # such as a folder of another account, or a full disk
        complain(f"fleetmesh: {said(error)}")
        return 2
    return done


if __name__ == "__main__":
    sys.exit(main())
