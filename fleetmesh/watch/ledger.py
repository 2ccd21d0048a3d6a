"""What has been sampled so far, by whatever thread, and what of it has not been told yet."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fleetmesh.gather.plain import rfc3339
from fleetmesh.outages.incidents import Lane
from fleetmesh.outages.stretches import GAP, Sample, Stretch, extended
from fleetmesh.outages.watched import Holding, Note, Watched, plain
from fleetmesh.watch.lanes import Spot
from fleetmesh.watch.sampler import clock

LATE = 4 * GAP
"""Seconds without a sample after which a lane counts as not looked at now; some arrive late."""


class Ledger:
    """Times in it are seconds since it was made, by a clock that never jumps."""

    def __init__(self, spots: list[Spot], budget: float | None) -> None:
        self.since = clock()
        self.watched = Watched(budget=budget, started=datetime.now(UTC))
        self.watched.lanes = {spot.lane: [] for spot in spots}
        self.watched.places = {str(spot.lane): spot.place for spot in spots}
        self.watched.ports = {spot.lane.service: spot.listen for spot in spots}
        self.changed = threading.Event()
        """Set when something ends otherwise than before."""
        self._lock = threading.Lock()
        self._told: dict[Lane, int] = dict.fromkeys(self.watched.lanes, 0)
        self._untold: dict[str, list[Any]] = {"holdings": [], "notes": []}

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return clock() - self.since

    def heard(self, lane: Lane, sample: Sample) -> None:
        """Add a sample, whose times are the clock's own."""
        own = replace(sample, begin=sample.begin - self.since, end=sample.end - self.since)
        with self._lock:
            row = self.watched.lanes[lane]
            if extended(row, own) and len(row) > 1:
                self.changed.set()

    def noted(self, place: str, why: str | None) -> None:
        """Note that a place cannot be asked, or can be again; what is known is not said twice."""
        with self._lock:
            before = [note for note in self.watched.notes if note.place == place]
            if (before[-1].why if before else None) != why:
                note = Note(round(self.now, 3), place, why)
                self.watched.notes.append(note)
                self._untold["notes"].append([note.at, place, why])
                self.changed.set()

    def held(self, listen: str, who: str, asked: float, known: float) -> None:
        """Add what a look has shown of who holds a port; the times are the clock's own."""
        first, last = round(known - self.since, 3), round(asked - self.since, 3)
        with self._lock:
            before = [h for h in self.watched.holdings if h.listen == listen]
            if before and before[-1].who == who:
                self.watched.holdings.remove(before[-1])
                holding = replace(before[-1], last=max(last, before[-1].last))
            else:
                holding = Holding(listen, who, first, max(first, last))
                self.changed.set()
            self.watched.holdings.append(holding)
            self._untold["holdings"] = [
                row for row in self._untold["holdings"] if row[:2] != [listen, who]
            ] + [[listen, who, holding.first, holding.last]]

    def begin(self) -> bool:
        """Say that it begins now; whether every lane has been sampled by now."""
        with self._lock:
            self.watched.begin = round(self.now, 3)
            return all(self.watched.lanes.values())

    def end(self, why: str, late: float) -> None:
        """Say that it ends now; then wait for samples of before, at most `late` seconds."""
        at, until = self.now, clock() + late
        while clock() < until:
            with self._lock:
                if all(row and row[-1].end >= at - GAP / 2 for row in self.watched.lanes.values()):
                    break
            time.sleep(0.1)
        with self._lock:
            self.watched.until, self.watched.ended = round(at, 3), why

    @property
    def complete(self) -> bool:
        """Whether every lane has been sampled at least once."""
        with self._lock:
            return all(self.watched.lanes.values())

    def snapshot(self) -> Watched:
        """A copy of all that is known at this moment."""
        with self._lock:
            if self.watched.ended is None:
                self.watched.until = self.now
            return replace(
                self.watched,
                lanes={lane: list(row) for lane, row in self.watched.lanes.items()},
                holdings=list(self.watched.holdings),
                notes=list(self.watched.notes),
            )

    def news(self, *, whole: bool = False) -> dict[str, Any] | None:
        """What was not told yet, for the record; `whole` also says how far each lane is.

        None if there is nothing to tell.
        """
        with self._lock:
            lanes = {}
            for lane, row in self.watched.lanes.items():
                told = self._told[lane]
                if row and (whole or len(row) > told):
                    lanes[str(lane)] = [plain(stretch) for stretch in row[max(0, told - 1) :]]
                    self._told[lane] = len(row)
            at = self.now if self.watched.ended is None else self.watched.until
            given: dict[str, Any] = {"at": round(at, 3)}
            given |= {} if self.watched.ended is None else {"ended": self.watched.ended}
            given |= {"lanes": lanes} if lanes else {}
            given |= {name: rows for name, rows in self._untold.items() if rows}
            self._untold = {"holdings": [], "notes": []}
            return given if len(given) > 1 or whole else None

    def head(self) -> dict[str, Any]:
        """What is watched, for the record."""
        known = self.watched
        started = rfc3339(known.started) if known.started else None
        given = {"budget": known.budget, "places": known.places, "ports": known.ports}
        return {"at": 0.0, "started": started, **given}


def state(row: list[Stretch], now: float) -> str:
    """In one word, how a lane is at this moment: up, DOWN, or not looked."""
    if not row or now - row[-1].end > LATE:
        return "not looked"
    return "up" if row[-1].ok else "DOWN"
