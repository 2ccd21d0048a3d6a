"""How old the last good evidence of each phase is, and whether that is too old."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from fleetmesh.evidence.entry import Entry
from fleetmesh.evidence.folder import BrokenRecord, read
from fleetmesh.evidence.history import History
from fleetmesh.evidence.run import RUNBOOK, Run
from fleetmesh.evidence.sums import Refused

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Age:
    """The last good evidence of one phase on one fleet; `fresh` is False where it is too old or
    absent, None where no limit was given."""

    fleet: str
    kind: str
    phase: str
    fresh: bool | None
    why: str
    since: datetime | None = None
    """When the run began that is the evidence; None where there is none."""


Believed = Callable[[Entry], str | None]
"""Why an entry is no evidence; None where it is."""


def span(text: str) -> timedelta:
    """`90m`, `36h` or `7d`. Raises ValueError."""
    match = re.fullmatch(r"(\d+)([mhd])", text)
    if not match:
        raise ValueError(f"{text!r} is no span of time such as 36h, 90m or 7d")
    try:
        return timedelta(**{_UNITS[match[2]]: int(match[1])})
    except OverflowError:
        raise ValueError(f"{text!r} is longer than any span of time here") from None


def told(age: timedelta) -> str:
    """An age as a person says it."""
    minutes = int(age.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 72 * 60 else f"{minutes // 1440} days"


def on_disk(reports: Path) -> Believed:
    """An entry counts unless its folder is there and says otherwise."""

    @cache  # a run is the last good one of several phases
    def doubt(entry: Entry) -> str | None:
        folder = reports / entry.run
        if not folder.exists():
            return None
        try:
            return otherwise(entry, read(folder))
        except BrokenRecord as error:
            return str(error)

    return doubt


def otherwise(entry: Entry, run: Run) -> str | None:
    """What history.jsonl is one line of, the record itself decides."""
    own = Entry.of(run)
    for name in ("run", "fleet", "kind", "phases", "verdict", "started", "replayed", "chain"):
        if getattr(own, name) != getattr(entry, name):
            return (
                f"its record says {name} {getattr(own, name)}, the history {getattr(entry, name)}"
            )
    return None


def ages(
    history: History,
    now: datetime,
    limit: timedelta | None,
    doubt: Believed,
    *,
    fleet: str | None = None,
    kind: str | None = None,
    phases: Iterable[str] = RUNBOOK,
) -> list[Age]:
    """For each fleet that is asked for, or else known, and each phase.

    Only a READY run counts, that asked the fleet anew and left nothing out. Age counts from its
    start.
    Raises Refused where there is no such run at all.
    """
    groups = {
        (entry.fleet, entry.kind)
        for entry in history.entries
        if fleet in (None, entry.fleet) and kind in (None, entry.kind)
    }
    if not groups:
        asked = " ".join(filter(None, (kind, fleet))) or "fleet"
        raise Refused(f"there is no run of any {asked}: there is no evidence at all")
    return [
        _age(history, now, limit, doubt, group, phase)
        for group in sorted(groups)
        for phase in phases
    ]


@dataclass(frozen=True)
class Evidence:
    """The last good run of a phase; `passed_over` are later ones, and why each is none."""

    entry: Entry | None
    passed_over: tuple[tuple[Entry, str], ...]


def evidence(
    history: History, now: datetime, doubt: Believed, group: tuple[str, str], phase: str
) -> Evidence:
    """What the age of a phase counts from."""
    doubts: list[tuple[Entry, str]] = []
    for entry in reversed(history.entries):
        if (entry.fleet, entry.kind) != group or phase not in entry.phases or not entry.ready:
            continue
        reason = doubt(entry)
        if reason is None and now - entry.started < timedelta(minutes=-5):
            reason = "it lies in the future"
        if reason is None:
            return Evidence(entry, tuple(doubts))
        doubts.append((entry, reason))
    return Evidence(None, tuple(doubts))


def _age(
    history: History,
    now: datetime,
    limit: timedelta | None,
    doubt: Believed,
    group: tuple[str, str],
    phase: str,
) -> Age:
    found = evidence(history, now, doubt, group, phase)
    doubts = [f"{entry.run} does not count: {reason}" for entry, reason in found.passed_over]
    if found.entry is None:
        return Age(*group, phase, False, "; ".join(("never READY", *doubts)))
    age = now - found.entry.started
    fresh = None if limit is None else age <= limit
    sealed = found.entry.sealed or "unsealed"
    why = f"{told(max(age, timedelta()))} old, {sealed}: {found.entry.run}"
    return Age(*group, phase, fresh, "; ".join((why, *doubts)), found.entry.started)
