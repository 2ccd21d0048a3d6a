"""`fleetmesh watch`: one screen for the evening of the cutover, and a record of it."""

import signal
import sys
import threading
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fleetmesh.evidence.run import PHASES, RUNBOOK
from fleetmesh.evidence.waiting import seconds
from fleetmesh.inventory import Inventory, InventoryError, load
from fleetmesh.inventory.suite import NoFleet, fleet_file
from fleetmesh.outages.watched import Watched
from fleetmesh.text.terminal import complain, say
from fleetmesh.watch.judge import Judge
from fleetmesh.watch.plain import Plain
from fleetmesh.watch.screen import Screen
from fleetmesh.watch.view import summary, view
from fleetmesh.watch.watcher import Watcher

_DRAWN = 0.25
"""Seconds between two looks at what has come."""
_TOLD = 1.0
"""Seconds after which the record gets what is new."""
_WHOLE = 10.0
"""Seconds after which it is told how far everything is, new or not."""
_LATEST = 2.0
"""Seconds after its end in which samples from before it may still come from a pod."""
_ENDS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "its terminal closed"}
_NOT_RECORDED = 6


class CannotWatch(Exception):
    """The watch does not begin; the text says why."""


def add(commands: Any) -> None:
    """Add the command to those of `python -m fleetmesh`."""
    command = commands.add_parser(
        "watch",
        help="show how far the runbook is, and time every outage",
        description="Exits 0; 1 for more outage than --budget; 6 if something was not looked at.",
    )
    command.add_argument(
        "phases", nargs="*", metavar="PHASE", help=f"what to judge (default: {' '.join(RUNBOOK)})"
    )
    command.add_argument("--fleet", metavar="NAME|FILE", help="the inventory; default: $FLEET")
    command.add_argument("--reports", metavar="DIR", help="where the record goes (./reports)")
    command.add_argument(
        "--budget", type=_span, metavar="SPAN", help="the outage that a service may have (3s)"
    )
    command.add_argument(
        "--for", dest="long", type=_span, metavar="SPAN", help="end by itself after it (10m)"
    )
    command.add_argument(
        "--plain", action="store_true", help="print a line for each change, as to any pipe"
    )
    command.set_defaults(do=watch)


def _span(text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def watch(given: Namespace) -> int:
    """Watch until it is ended, and return the exit status. Raises CannotWatch."""
    for phase in given.phases:
        if phase not in PHASES:
            raise CannotWatch(f"no phase is called {phase!r}; write one of: {', '.join(PHASES)}")
    try:
        inventory = load(fleet_file(given.fleet))
    except (NoFleet, InventoryError) as error:
        raise CannotWatch(str(error)) from None
    plain = given.plain or not sys.stdout.isatty()
    judge = Judge(inventory.file, given.phases or RUNBOOK, given.reports)
    with _signals() as ended, Watcher(inventory, given.budget) as watcher:
        show = Plain() if plain else Screen(inventory.name)
        course = _Course(watcher, judge, patience(inventory), given.long)
        with show:
            course.run(show, ended)
    return _end(watcher, judge)


def patience(inventory: Inventory) -> float:
    """Seconds after which all hops are watched, or those that are not count as not looked at."""
    limits = inventory.limits
    return limits.connect + 2 * limits.command + 4 * limits.http


class _Course:
    """The watch itself, from the first sample to its end."""

    def __init__(self, watcher: Watcher, judge: Judge, patience: float, long: float | None) -> None:
        self._watcher = watcher
        self._ledger = watcher.ledger
        self._judge = judge
        self._patience = patience
        self._long = long
        self._told = self._whole = -_WHOLE
        self._judged_at: float | None = None

    def run(self, show: Plain | Screen, ended: "_Ended") -> None:
        """Go on until there is a reason to end."""
        self._judge.tell(watch=self._ledger.head())
        while True:
            self._begin()
            self._notice()
            self._record()
            if self._judge.news.is_set():
                self._judge.news.clear()
                self._judged_at = self._ledger.now if self._judge.judged else None
            watched = self._ledger.snapshot()
            show.show(view(watched, self._judge.judged, self._judged_at))
            if why := self._over(watched, ended):
                self._ledger.end(why, _LATEST)
                return

    def _over(self, watched: Watched, ended: "_Ended") -> str | None:
        if self._judge.trouble:
            return self._judge.trouble
        if ended.wait(_DRAWN):
            return ended.why
        if self._long is not None and watched.begin is not None and watched.seconds >= self._long:
            return f"after {self._long:g} s"
        return None

    def _begin(self) -> None:
        ledger = self._ledger
        if ledger.watched.begin is None and (ledger.complete or ledger.now > self._patience):
            ledger.begin()
            self._judge.tell(watch={"at": ledger.watched.begin, "begin": ledger.watched.begin})

    def _notice(self) -> None:
        if self._ledger.changed.is_set():
            self._ledger.changed.clear()
            self._watcher.look.set()
            if self._ledger.watched.begin is not None:
                self._judge.tell(look=True)

    def _record(self) -> None:
        now = self._ledger.now
        if now - self._told >= _TOLD:
            whole = now - self._whole >= _WHOLE
            self._told, self._whole = now, now if whole else self._whole
            if news := self._ledger.news(whole=whole):
                self._judge.tell(watch=news)


def _end(watcher: Watcher, judge: Judge) -> int:
    watched = watcher.ledger.snapshot()
    judge.tell(watch=watcher.ledger.news(whole=True))
    judge.tell(end=watched.ended)
    status, _ = watched.status()
    if judge.folder is None and judge.trouble:
        judge.wait(5)
        raise CannotWatch(f"the checks cannot be judged: {judge.last_words()}")
    for line in summary(watched):
        say(line)
    if not judge.trouble:
        say("the last snapshot is judged and written down; Ctrl-C leaves it to itself")
    with _signals() as ended:
        while not judge.gone and not ended.wait(_DRAWN):
            pass
    if judge.done:
        say(judge.done["headline"])
    if judge.folder:
        say(f"record: {judge.folder}")
    if judge.trouble:
        complain(f"fleetmesh watch: {judge.trouble}; what was seen later is not in the record")
        status = status or _NOT_RECORDED
    judge.close()
    return status


class _Ended(threading.Event):
    """Set by a signal."""

    why = ""


@contextmanager
def _signals() -> Iterator[_Ended]:
    """Have the signals that end a program end the block's work, and not the program."""
    ended = _Ended()

    def end(number: int, _: object) -> None:
        ended.why = ended.why or _ENDS[signal.Signals(number)]
        ended.set()

    before = {number: signal.signal(number, end) for number in _ENDS}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
