"""index.html: every run of a folder of reports on one static page."""

from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from fleetmesh.evidence.age import Age, told
from fleetmesh.evidence.changes import Change, changes
from fleetmesh.evidence.history import CheckSeen, Entry, History
from fleetmesh.views.page import render_file, style

_MOST = 200
"""Runs that the page lists, newest first; history.jsonl has them all."""
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


def page(history: History, ages: list[Age], now: datetime, reports: Path) -> str:
    """The page; `reports` tells which runs have a page of their own to link to."""
    listed = history.entries[: -_MOST - 1 : -1]
    return render_file(
        _TEMPLATE,
        **style(*_SHEETS),
        now=now,
        rows=[(entry, _since(history, entry), _link(reports, entry)) for entry in listed],
        left_out=len(history.entries) - len(listed),
        ages=ages,
        lasts=_lasts(history),
        remarks=history.remarks,
        tone=lambda verdict: _TONES.get(verdict, "inconclusive"),
        age=lambda moment: told(max(now - moment, now - now)),
    )


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
