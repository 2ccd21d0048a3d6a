"""index.html and index-N.html: every run of a folder of reports, on static pages."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from importlib.resources import files
from itertools import islice
from pathlib import Path

from markupsafe import Markup

from fleetmesh.evidence.age import Age, told
from fleetmesh.evidence.changes import Change, changes
from fleetmesh.evidence.entry import CheckSeen, Entry
from fleetmesh.evidence.files import MIB, plain_file
from fleetmesh.evidence.history import History
from fleetmesh.evidence.journal import put
from fleetmesh.views.maker import maker
from fleetmesh.views.page import render_file, style
from fleetmesh.views.text import duration, utc

INDEX = "index.html"
_PART = re.compile(r"index-(\d{1,9})\.html")
_MOST = 200
"""Runs on one page."""
_FIRST = 20
"""Of these the first page lists so many, and folds the others."""
_STRIP = 60
"""Runs in one strip."""
_LARGEST = 64 * MIB
"""Bytes of a page that is left as it is."""
_BAR = 9  # the width of one run in a strip, and the height of the tallest, in pixels
_TALL = 36
_SHEETS = (
    files("fleetmesh.views").joinpath("common.css"),
    Path(__file__).with_name("index.css"),
)
_TEMPLATE = Path(__file__).with_name(INDEX)
_OLDER = Path(__file__).with_name("older.html")
_TONES = {"READY": "pass", "NOT READY": "fail", "PASSED IN PART": "warn"}


Row = tuple[Entry, list[Change] | None, str | None, bool]
"""A run, what changed since the one before if there is one, its page, and whether it has gone."""


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


@dataclass(frozen=True)
class Part:
    """A page of older runs, and the name of its file."""

    name: str
    entries: tuple[Entry, ...]

    @property
    def first(self) -> Entry:
        """The oldest."""
        return self.entries[0]

    @property
    def last(self) -> Entry:
        """The newest."""
        return self.entries[-1]


def write(history: History, ages: list[Age], now: datetime, reports: Path) -> Path:
    """Write the pages into `reports`, and return the first. Raises CannotRecord."""
    for name, text in pages(history, ages, now, reports):
        put(reports / name, text.encode(errors="backslashreplace"), durable=False)
    parts = -(-len(history.entries[:-_MOST]) // _MOST)
    for file in reports.glob("index-*.html"):
        number = _PART.fullmatch(file.name)
        if number and int(number[1]) > parts:
            file.unlink(missing_ok=True)  # of a history that was longer
    return reports / INDEX


def pages(
    history: History, ages: list[Age], now: datetime, reports: Path
) -> Iterator[tuple[str, Markup]]:
    """Each page by its name, the oldest runs first; `reports` tells which runs can be linked to.

    A page of older runs that is full goes on to have the same ones; one that is there, made of the
    same, is left out.
    """
    pairs = iter(history.pairs())
    older = len(history.entries[:-_MOST])
    parts = [
        Part(f"index-{start // _MOST + 1}.html", history.entries[start : min(start + _MOST, older)])
        for start in range(0, older, _MOST)
    ]
    names = ["", *(part.name for part in parts), INDEX]
    frame = {**style(*_SHEETS), "tone": _tone}
    for place, part in enumerate(parts):
        some = list(islice(pairs, len(part.entries)))
        beside = {"earlier": names[place], "later": names[place + 2]}
        made_of = _digest(some, beside, reports)
        if not _is_made_of(reports / part.name, made_of):
            rows = [_row(entry, before, reports) for entry, before in reversed(some)]
            given = {**frame, **beside, "part": part, "rows": rows, "made_of": made_of}
            yield part.name, render_file(_OLDER, **given)
    first = render_file(
        _TEMPLATE,
        **frame,
        now=now,
        rows=[_row(entry, before, reports) for entry, before in reversed(list(pairs))],
        first=_FIRST,
        parts=parts[::-1],
        strips=_strips(history, reports),
        tall=_TALL,
        ages=ages,
        lasts=_lasts(history),
        remarks=history.remarks,
        age=lambda moment: told(max(now - moment, now - now)),
    )
    yield INDEX, first


def _digest(pairs: list[tuple[Entry, Entry | None]], beside: dict[str, str], reports: Path) -> str:
    """Of all that a page of older runs is made of; a record is known by the end of its chain."""
    told = [
        (
            *(entry.run, entry.chain, entry.verdict, entry.headline, entry.sealed, entry.open),
            before and (before.run, before.chain),
            _link(reports, entry),
            (reports / entry.run).exists(),
        )
        for entry, before in pairs
    ]
    return sha256(repr((told, beside, maker())).encode(errors="backslashreplace")).hexdigest()


def _is_made_of(file: Path, digest: str) -> bool:
    """Whether a page is there that says so in its head."""
    try:
        with plain_file(file, _LARGEST) as opened:
            return f'content="{digest}"'.encode() in opened.read(4096)
    except OSError:
        return False


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


def _row(entry: Entry, before: Entry | None, reports: Path) -> Row:
    since = changes(before, entry) if before else None
    return entry, since, _link(reports, entry), not (reports / entry.run).exists()


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
    last: dict[tuple[str, str], dict[str, tuple[CheckSeen, Entry]]] = {}
    passed: dict[tuple[str, str], dict[str, Entry]] = {}
    for entry in history.entries:
        if entry.replayed:
            continue
        own = last.setdefault((entry.fleet, entry.kind), {})
        good = passed.setdefault((entry.fleet, entry.kind), {})
        for seen in entry.checks:
            own[seen.check] = seen, entry
            if seen.outcome == "pass":
                good[seen.check] = entry
    return [
        Last(*group, *last[group][check], passed[group].get(check))
        for group in sorted(last)
        for check in sorted(last[group])
    ]
