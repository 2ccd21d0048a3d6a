"""The command line: python -m rehearsal up|down|status|shell|reset|image|faults|hints|drill."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from math import inf
from typing import TYPE_CHECKING

from rehearsal import access, fleet, host, outfit
from rehearsal.errors import RehearsalError
from rehearsal.image import DEFAULT, GENERATIONS, ensure
from rehearsal.paths import SSH_CONFIG
from rehearsal.states import STATES
from rehearsal.variant import VARIANTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.outfit import Outfit

_PARTLY_UP = 3
"""Exit status of `status` where a fleet is up and one of its machines is off."""


def main() -> int:
    """Run one command; the exit status is 1, with a message, when it could not be done."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (
        ("up", "boot the fleet, or take a running one forward"),
        ("reset", "start over from untouched machines"),
    ):
        command = commands.add_parser(name, help=what)
        command.add_argument("--state", choices=STATES, default="after")
        command.add_argument(
            "--variant",
            choices=VARIANTS,
            help="whose names the fleet has (default: this project's)",
        )
        outfit.options(command)
    image = commands.add_parser(
        "image", help="build what the machines boot from, unless it is there"
    )
    image.add_argument(
        "names", nargs="*", metavar="GENERATION", help=f"of {', '.join(GENERATIONS)}"
    )
    commands.add_parser("down", help="remove the fleet and everything of it")
    commands.add_parser("status", help="say what is running")
    shell = commands.add_parser("shell", help="log in to a machine, or run a command there")
    shell.add_argument("host")
    shell.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND")
    faults = commands.add_parser("faults", help="make faults happen, and see each check notice")
    faults.add_argument("names", nargs="*", metavar="NAME", help="faults to try (default: all)")
    faults.add_argument(
        "--record", action="store_true", help="keep their recordings, which `make test` judges"
    )
    faults.add_argument(
        "--discover",
        action="store_true",
        help="see that `fleetmesh discover` writes no fault into an inventory, on the fleet that "
        "is up",
    )
    outfit.options(faults)
    faults.add_argument(
        "--fleets",
        type=int,
        default=1,
        metavar="N",
        help="fleets of their own to try them on, side by side (default: the fleet that is up)",
    )
    faults.add_argument(
        "--within",
        type=float,
        default=inf,
        metavar="MINUTES",
        help="begin no fault after so long, and name those that are left (default: try all)",
    )
    hints = commands.add_parser("hints", help="run what the checks advise, and see that it helps")
    hints.add_argument("names", nargs="*", metavar="CHECK", help="whose hints (default: all)")
    outfit.options(hints)
    drill = commands.add_parser("drill", help="walk the whole runbook, there and back")
    drill.add_argument(
        "--keep-fleet", action="store_true", help="leave the fleet up where the drill ends"
    )
    drill.add_argument(
        "--manager",
        choices=("systemd", "ops-bridge"),
        default="systemd",
        help="what runs the tunnels on railiance01 (default: systemd, by its units)",
    )
    outfit.options(drill)
    wanted = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that `up` cleans up after itself
    try:
        if wanted.command == "shell":
            _shell(wanted.host, wanted.words)
        elif wanted.command == "status":
            return _status()
        elif wanted.command == "faults":
            if wanted.discover:
                return _discovered(wanted.names)
            return _faults(
                wanted.names,
                _outfit(wanted),
                record=wanted.record,
                fleets=wanted.fleets,
                within=wanted.within,
            )
        elif wanted.command == "hints":
            return _hints(wanted.names, _outfit(wanted))
        elif wanted.command == "drill":
            return _drill(_outfit(wanted), manager=wanted.manager, keep=wanted.keep_fleet)
        elif wanted.command == "image":
            host.require()
            for name in wanted.names or [DEFAULT]:
                print(ensure(name, _clock()))
        elif wanted.command == "down":
            fleet.down()
            print("The rehearsal fleet is down.")
        else:
            say = _clock()
            begin = fleet.up if wanted.command == "up" else fleet.reset
            begin(wanted.state, say, _outfit(wanted))
            say(f"the fleet is up, in state {wanted.state}")
    except RehearsalError as error:
        print(f"rehearsal: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("rehearsal: interrupted", file=sys.stderr)
        return 130
    return 0


def _clock() -> Callable[[str], None]:
    """Something to say progress with: each line shows the seconds since now."""
    start = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - start:5.1f} s  {what}", flush=True)

    return say


def _shell(name: str, words: list[str]) -> None:
    fleet.machine(name)
    if not os.access(SSH_CONFIG, os.R_OK):
        raise RehearsalError(f"cannot read {SSH_CONFIG}: is the fleet up, and is it yours?")
    command = [*access.command(name), *words]
    os.execvp(command[0], command)  # noqa: S606  # it takes this process's place and terminal


def _outfit(wanted: argparse.Namespace) -> Outfit | None:
    return fleet.outfit(wanted.image, wanted.shell, getattr(wanted, "variant", None))


def _faults(
    names: list[str], made: Outfit | None, *, record: bool, fleets: int, within: float
) -> int:
    from rehearsal.matrix.command import faults  # noqa: PLC0415 - it loads the suite's sessions

    return faults(names, made, _clock(), record=record, fleets=fleets, within=within)


def _discovered(names: list[str]) -> int:
    from rehearsal.matrix.command import discovered  # noqa: PLC0415 - it loads the sessions

    return discovered(names, _clock())


def _hints(names: list[str], made: Outfit | None) -> int:
    from rehearsal.matrix.hints import hints  # noqa: PLC0415 - it loads the suite's sessions

    return hints(names, made, _clock())


def _drill(made: Outfit | None, *, manager: str, keep: bool) -> int:
    from rehearsal.drill.command import drill  # noqa: PLC0415 - it loads the suite's sessions

    return drill(made, _clock(), manager=manager, keep=keep)


def _status() -> int:
    record = fleet.record()
    if record is None:
        print("No rehearsal fleet is up.")
        return 1
    print("state {state}, up since {since} for {user}, log-in shell {shell}".format(**record))
    for one in fleet.machines().values():
        running = f"running, process {one.init}" if one.init else "off"
        print(f"  {one.name:12} {one.address:14} {fleet.image(one.name).name:26} {running}")
    if fleet.is_up():
        return 0
    return _PARTLY_UP if record["state"] else 1


if __name__ == "__main__":
    sys.exit(main())
