"""All that a watch has seen, as it is written down bit by bit and read again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fleetmesh.outages.incidents import HOPS, Incident, Lane, incidents
from fleetmesh.outages.outages import Outage, outages, spent
from fleetmesh.outages.stretches import Interval, Stretch, unseen

UNSEEN = 3.0
"""Seconds that a lane may go unwatched, all in all, before that must be said."""
INSIDE = "inside"
"""The place of what is sampled from a pod, and not from a host."""
_LONGEST = 1e7


@dataclass(frozen=True)
class Holding:
    """Who was seen to hold a port, from one look to another; what lies between two, nobody saw."""

    listen: str
    who: str
    first: float
    last: float


@dataclass(frozen=True)
class Note:
    """From when on a place could not be asked, and why; or, without a reason, could be again."""

    at: float
    place: str
    """A host's name, or `inside`."""
    why: str | None


@dataclass
class Watched:
    """What was seen, in seconds since the watch was started."""

    started: datetime | None = None
    """When that was, as the clock on the wall had it."""
    begin: float | None = None
    """When all lanes were being sampled, or had to be; what comes before is no part of it."""
    until: float = 0.0
    """When it was last told of."""
    budget: float | None = None
    """Seconds of outage that each service may have."""
    lanes: dict[Lane, list[Stretch]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    """From where a lane is sampled: `host` or `inside`, by the lane's name."""
    ports: dict[str, str] = field(default_factory=dict)
    """Which listener a service is reached by, as holdings name it."""
    holdings: list[Holding] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    ended: str | None = None
    """Why the watch ended; None if it broke off."""

    def take(self, told: Mapping[str, Any]) -> None:
        """Add what one event tells. Raises ValueError, LookupError or TypeError."""
        self.until = max(self.until, _seconds(told["at"]))
        if "started" in told:
            self.started = _moment(told["started"])
        if "budget" in told:
            self.budget = None if told["budget"] is None else _seconds(told["budget"])
        if "begin" in told:
            self.begin = _seconds(told["begin"])
        for name, place in told.get("places", {}).items():
            self.lanes.setdefault(Lane.read(str(name)), [])
            self.places[str(name)] = str(place)
        self.ports |= {str(name): str(port) for name, port in told.get("ports", {}).items()}
        for name, rows in told.get("lanes", {}).items():
            row = self.lanes[Lane.read(str(name))]
            for plain in rows:
                _put(row, _stretch(plain))
        for listen, who, first, last in told.get("holdings", ()):
            holding = Holding(str(listen), str(who), _seconds(first), _seconds(last))
            known = [h for h in self.holdings if h.listen == holding.listen]
            if known and known[-1].first == holding.first:
                self.holdings.remove(known[-1])
            self.holdings.append(holding)
        for at, place, why in told.get("notes", ()):
            self.notes.append(Note(_seconds(at), str(place), None if why is None else str(why)))
        if "ended" in told:
            self.ended, self.until = str(told["ended"]), _seconds(told["at"])

    @property
    def seconds(self) -> float:
        """For how long all was watched."""
        return 0.0 if self.begin is None else self.until - self.begin

    def incidents(self) -> list[Incident]:
        """All incidents since it began."""
        return incidents(self._counted(), self.until)

    def unseen(self) -> dict[Lane, list[Interval]]:
        """When each lane was not looked at, since it began."""
        begin = self.until if self.begin is None else self.begin
        return {lane: unseen(row, begin, self.until) for lane, row in self.lanes.items()}

    def spent(self) -> dict[str, float]:
        """Seconds of outage of each service, in whatever lanes they were."""
        found: dict[str, list[Outage]] = {}
        for lane, row in self._counted().items():
            found.setdefault(lane.service, []).extend(outages(row))
        return {service: spent(each) for service, each in found.items()}

    def dark(self) -> dict[str, float]:
        """Seconds in which a service was not looked at: those of the lane that had most."""
        found: dict[str, float] = {}
        for lane, gaps in self.unseen().items():
            seconds = sum(end - begin for begin, end in gaps)
            found[lane.service] = max(found.get(lane.service, 0.0), seconds)
        return found

    def why_unseen(self, lane: Lane, gap: Interval) -> str:
        """Why a lane was not looked at, as far as it was noted."""
        place = self.places.get(str(lane), "")
        known = [n for n in self.notes if n.place == place and n.at <= gap[1]]
        standing = [n.why for n in known if n.at >= gap[0] - 5 or n is known[-1]]
        return next((why for why in reversed(standing) if why), "the sampler was not running")

    def status(self) -> tuple[int, str]:
        """The exit status, and why: 0, 1 for more outage than the budget, 6 for not seen enough."""
        spent, dark = self.spent(), self.dark()
        if self.begin is None:
            return 6, "it ended before all hops were watched"
        if self.budget is not None:
            over = [f"{name} {s:.2f} s" for name, s in spent.items() if s > self.budget]
            if over:
                return 1, f"more outage than {self.budget:g} s: {', '.join(over)}"
        if self.ended is None:
            return 6, f"it broke off after {self.seconds:.0f} s: what came then, nobody looked at"
        bound = UNSEEN if self.budget is None else min(UNSEEN, self.budget)
        gone = [f"{name} for {s:.1f} s" for name, s in dark.items() if s > bound]
        if gone:
            return 6, f"not looked at: {', '.join(gone)}"
        if self.budget is None:
            return 0, f"no hop went unwatched for more than {bound:g} s"
        return 0, f"no more outage than {self.budget:g} s, and no hop went unwatched for longer"

    def _counted(self) -> dict[Lane, list[Stretch]]:
        begin = 0.0 if self.begin is None else self.begin
        return {
            lane: [s for s in row if s.end >= begin and s.begin <= self.until]
            for lane, row in self.lanes.items()
        }


def watched(events: Iterable[Mapping[str, Any]]) -> Watched | None:
    """What the `watch` events tell; None without any. Raises ValueError, LookupError, TypeError."""
    found: Watched | None = None
    for told in events:
        found = found or Watched()
        found.take(told)
    return found


def plain(stretch: Stretch) -> list[Any]:
    """A stretch as an event holds it."""
    times = (stretch.begin, stretch.first, stretch.last, stretch.end)
    return [*(round(time, 4) for time in times), stretch.count, stretch.why]


def _stretch(told: Any) -> Stretch:
    begin, first, last, end, count, why = told
    if type(count) is not int or count < 1:
        raise ValueError(f"{count!r} is no number of samples")
    times = tuple(map(_seconds, (begin, first, last, end)))
    if not (times[0] <= times[1] <= times[3] and times[0] <= times[2] <= times[3]):
        raise ValueError(f"the times {times} of a stretch are not in order")
    return Stretch(times[0], times[1], times[2], times[3], count, None if why is None else str(why))


def _put(row: list[Stretch], stretch: Stretch) -> None:
    """Append a stretch, or put it in the place of what it was when it was told before."""
    if row and row[-1].begin == stretch.begin and row[-1].why == stretch.why:
        row[-1] = stretch
    elif row and stretch.last < row[-1].last:
        raise ValueError("a stretch begins before the one that it follows")
    else:
        row.append(stretch)


def _moment(value: Any) -> datetime:
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError(f"the time {value!r} has no zone")
    return found


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is no number of seconds")
    if not 0 <= value < _LONGEST:
        raise ValueError(f"{value!r} is no time of a watch")
    return float(value)


def ordered(lanes: Iterable[Lane]) -> list[Lane]:
    """By service, and from the service on."""
    return sorted(lanes, key=lambda lane: (lane.service, HOPS.index(lane.hop), lane.kept))
