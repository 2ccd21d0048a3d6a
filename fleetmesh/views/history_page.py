"""index.html: every run of a folder of reports on one static page."""

from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from fleetmesh.evidence.age import Age, told
from fleetmesh.evidence.changes import Change, changes
from fleetmesh.evidence.entry import CheckSeen, Entry
from fleetmesh.evidence.history import History
from fleetmesh.views.page import render_file, style
from fleetmesh.views.text import duration, utc

_MOST = 200
"""Runs that the page knows, newest first; history.jsonl has them all."""
_FIRST = 20
"""Of these so many are listed, and the others folded."""
_STRIP = 60
"""Runs in one strip."""
_BAR = 9  # the width of one run in a strip, and the height of the tallest, in pixels
_TALL = 36
_SHEETS = (
    files("fleetmesh.views").joinpath("common.css"),
    Path(__file__).with_name("index.css"),
)
_TEMPLATE = Path(__file__).with_name("index.html")
_TONES = {"READY": "pass", "NOT READY": "fail", "PASSED IN PART": "warn"}


@dataclass(frozen=True)
class Last:
    """A check on one fleet: how it ended last, and which run last saw it pass."""

    fleet: str
    kind: str
    seen: CheckSeen
    run: Entry
    passed: Entry | None


@dataclass(frozen=True)
class Bar:
    """A run in a strip: where it leads, what it says, its tone, its place and height."""

    link: str | None
    words: str
    tone: str
    x: int
    height: int


@dataclass(frozen=True)
class Strip:
    """The latest runs of a fleet's phases, as bars as long as each took."""

    fleet: str
    kind: str
    phases: str
    bars: list[Bar]
    longest: float
    """Seconds."""

    @property
    def width(self) -> int:
        """In pixels."""
        return len(self.bars) * _BAR


def page(history: History, ages: list[Age], now: datetime, reports: Path) -> str:
    """The page; `reports` tells which runs have a page of their own to link to."""
    listed = history.entries[: -_MOST - 1 : -1]
    return render_file(
        _TEMPLATE,
        **style(*_SHEETS),
        now=now,
        rows=[(entry, _since(history, entry), _link(reports, entry)) for entry in listed],
        first=_FIRST,
        strips=_strips(history, reports),
        tall=_TALL,
        left_out=len(history.entries) - len(listed),
        ages=ages,
        lasts=_lasts(history),
        remarks=history.remarks,
        tone=_tone,
        age=lambda moment: told(max(now - moment, now - now)),
    )


def _tone(verdict: str) -> str:
    return _TONES.get(verdict, "inconclusive")


def _strips(history: History, reports: Path) -> list[Strip]:
    """One strip for the same phases of the same fleet, oldest run first."""
    runs: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in history.entries:
        if not entry.replayed:
            key = (entry.fleet, entry.kind, " + ".join(entry.phases) or "no phase")
            runs.setdefault(key, []).append(entry)
    return [
        _strip(fleet, kind, phases, entries[-_STRIP:], reports)
        for (fleet, kind, phases), entries in sorted(runs.items())
    ]


def _strip(fleet: str, kind: str, phases: str, runs: list[Entry], reports: Path) -> Strip:
    longest = max(map(_seconds, runs))
    bars = [
        Bar(
            link=_link(reports, run),
            words=f"{utc(run.started)}: {run.verdict}, "
            + (f"took {duration(_seconds(run))}" if run.finished else "never finished"),
            tone=_tone(run.verdict),
            x=place * _BAR,
            height=max(6, round(_TALL * _seconds(run) / longest)) if longest else 6,
        )
        for place, run in enumerate(runs)
    ]
    return Strip(fleet, kind, phases, bars, longest)


def _seconds(run: Entry) -> float:
    return (run.finished - run.started).total_seconds() if run.finished else 0.0


def _since(history: History, entry: Entry) -> list[Change] | None:
    """What changed since the run before; None where there is none to compare with."""
    before = history.before(entry)
    return changes(before, entry) if before else None


def _link(reports: Path, entry: Entry) -> str | None:
    return next(
        (
            f"{entry.run}/{name}"
            for name in ("evidence.html", "report.html")
            if (reports / entry.run / name).exists()
        ),
        None,
    )


def _lasts(history: History) -> list[Last]:
    found: dict[tuple[str, str, str], Last] = {}
    for entry in history.entries:
        if entry.replayed:
            continue
        for seen in entry.checks:
            key = (entry.fleet, entry.kind, seen.check)
            passed = entry if seen.outcome == "pass" else None
            if passed is None and key in found:
                passed = found[key].passed
            found[key] = Last(entry.fleet, entry.kind, seen, entry, passed)
    return [found[key] for key in sorted(found)]
