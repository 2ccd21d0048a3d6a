"""A unit of systemd: its status, and its journal."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from fleetmesh.diagnostics import journal
from fleetmesh.diagnostics.journal import JOURNALCTL, NOW, Entry, Journal
from fleetmesh.diagnostics.subject import (
    MARK,
    Asked,
    Inquiry,
    Quote,
    Subject,
    answer,
    quote,
    script,
)
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.inventory import Inventory
from fleetmesh.text import shell

STATUS, JOURNAL = f"{MARK}unit_status", f"{MARK}unit_journal"
USER_MANAGER = "user@$(id -u).service"
"""The unit that runs the manager of the user who logs in, as its shell writes it."""
_LINES = 30
_STATUS = files(__package__).joinpath("status.sh").read_text()
_AT_ONCE = 5.0
"""Seconds within which a program's last words belong to its end."""
_LATELY = 60.0
"""Seconds: what a unit that runs has complained of since matters to this run."""
_FLAPPING = 600.0
"""Seconds within which a unit that runs again is not yet trusted."""
_ILL = re.compile(
    r"Main process exited|Failed with result|Failed to |Dependency failed|bad unit file setting"
    r"|Start request repeated too quickly|\bis masked|start operation timed out"
)
"""How systemd tells that a unit did not start, or ended otherwise than it should."""
_UNREADABLE = re.compile(
    r"^(?:Failed to connect to .*|Unit \S+ could not be found\.| *Loaded: (?!loaded).+)$",
    re.MULTILINE,
)
_ACTIVE = re.compile(r"^ *Active: (\S+).*$", re.MULTILINE)
_HARMLESS = re.compile(r"debug\d: |Authenticated to |Warning: Permanently added ")
_CONCLUDES = re.compile(r"Could not request local forwarding\.|.*cannot listen to port: \d+")
"""What ssh says of its end after it has said why."""


@dataclass(frozen=True)
class Unit(Subject):
    """A unit on a host, of the system's manager or of that of the user who logs in."""

    host: str
    unit: str
    by_system: bool

    @property
    def id(self) -> str:
        """By which the record knows it."""
        return f"{self.host}/{self._shown}"

    @property
    def _shown(self) -> str:
        return "user manager" if self.unit == USER_MANAGER else self.unit

    def asks(self, inventory: Inventory, known: Snapshot) -> Asked:  # noqa: ARG002
        """Its status without the journal, and the last lines of that."""
        unit = self.unit if self.unit == USER_MANAGER else shell.quote(self.unit)
        systemctl, of = ("systemctl", "--unit")
        if not self.by_system:
            systemctl, of = ("systemctl --user", "--user-unit")
        status = f"{_STATUS}bounded head status_of {unit} {systemctl}"
        lines = f"{NOW}bounded tail {JOURNALCTL} -n {_LINES} {of}={unit}"
        if self.unit == USER_MANAGER:  # what its units say is its own, too
            lines = f"{NOW}bounded tail {JOURNALCTL} -n {_LINES} _PID=1 UNIT={unit}"
        seconds, about = inventory.limits.command, f"unit {self.id}"
        return {
            (fact, self.id): Inquiry(self.host, script(text), seconds, about=about)
            for fact, text in ((STATUS, status), (JOURNAL, lines))
        }

    def quotes(self, inventory: Inventory, known: Snapshot) -> Iterator[Quote]:  # noqa: ARG002
        """Why it cannot be run; what it said when it ended; else since when it does not run."""
        status = answer(known, STATUS, self.id)
        active = _ACTIVE.search(status)
        runs = bool(active and active[1] in ("active", "reloading"))
        if unread := _UNREADABLE.search(status):
            yield quote(known, STATUS, self.id, f"status of {self._shown}", unread[0])
        elif found := last_words(journal.read(answer(known, JOURNAL, self.id)), runs=runs):
            yield quote(known, JOURNAL, self.id, f"journal of {self._shown}", found.line)
        elif active and not runs:
            yield quote(known, STATUS, self.id, f"status of {self._shown}", active[0])


def last_words(lines: Journal, *, runs: bool) -> Entry | None:
    """What ended a unit; of one that runs, what has ended it, or what it has said, just lately."""
    entries = _since_its_start(lines.entries)
    said = [e for e in entries if not e.by_systemd and not _HARMLESS.match(e.message)]
    said = [e for e in said if not _CONCLUDES.match(e.message)] or said
    ends = [e for e in entries if e.by_systemd and _ILL.search(e.message)]
    if runs and not ends:  # then only ssh complains: others say how they are
        said = [e for e in said if e.program.endswith("ssh")]
    # Of an end, systemd tells the way first and its own conclusion last.
    ways = [e for e in ends if "Failed with result" not in e.message]
    words, end, way = (some[-1] if some else None for some in (said, ends, ways))
    if way and end and not _apart(way, end):
        end = way
    if words and end and _apart(words, end):
        words = None  # that was long before its end, and not why
    found = words or end
    if found and runs and found not in lines.since(_FLAPPING if end else _LATELY):
        return None
    return found


def _apart(before: Entry, end: Entry) -> bool:
    return (end.time - before.time).total_seconds() > _AT_ONCE


def _since_its_start(entries: Sequence[Entry]) -> Sequence[Entry]:
    """The lines since it was last started by anybody but systemd itself, which tries once more."""
    begin, again = 0, False
    for place, entry in enumerate(entries):
        if not entry.by_systemd:
            continue
        if "Scheduled restart job" in entry.message:
            again = True
        elif entry.message.startswith("Stopping ") or (
            entry.message.startswith("Stopped ") and not again  # while it waited for a next try
        ):
            begin, again = place, False
        elif entry.message.startswith(("Starting ", "Started ")):
            begin = begin if again else place
            again = again and entry.message.startswith("Starting ")
    return entries[begin:]
