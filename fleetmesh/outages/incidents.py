"""What the outages of a service's hops have in common: one incident, and the hop that failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fleetmesh.outages.outages import Outage, outages
from fleetmesh.outages.stretches import Interval, Stretch, unseen

HOPS = ("service", "listener", "bridge")
"""Where a service is asked, from itself on: its ClusterIP, the tunnel's listener, the bridge."""
FAILED = {"service": "the service", "listener": "the tunnel", "bridge": "the bridge"}
"""What is broken where a hop fails and the one before it does not."""
_TOGETHER = 1.0
"""Seconds between two hops' outages up to which they are the same incident."""


@dataclass(frozen=True, order=True)
class Lane:
    """One row of samples: of a service, at a hop, on new connections or on one that is kept."""

    service: str
    hop: str
    kept: bool

    def __str__(self) -> str:
        return f"{self.service}/{self.hop}/{'kept' if self.kept else 'new'}"

    @classmethod
    def read(cls, text: str) -> "Lane":
        """What `str` wrote. Raises ValueError."""
        service, hop, kind = text.rsplit("/", 2)
        if hop not in HOPS or kind not in ("new", "kept") or not service:
            raise ValueError(f"{text!r} is no lane")
        return cls(service, hop, kind == "kept")


@dataclass(frozen=True)
class Incident:
    """Outages of one service that belong together, by lane, from the service on."""

    service: str
    outages: tuple[tuple[Lane, Outage], ...]
    blind: tuple[str, ...] = ()
    """Hops before the one that failed at which nobody looked meanwhile."""

    @property
    def hop(self) -> str:
        """The hop that failed: the first one, seen from the service."""
        return min((lane.hop for lane, _ in self.outages), key=HOPS.index)

    @property
    def failed(self) -> str:
        """What is broken, in a few words."""
        if not self.blind:
            return FAILED[self.hop]
        before = [FAILED[hop] for hop in HOPS if hop in self.blind]
        return f"{FAILED[self.hop]}, or {' or '.join(before)}, which nobody looked at"

    @property
    def worst(self) -> Outage:
        """The longest, of those nearest to the application that asks.

        Both lanes of that hop together know its bounds better than either.
        """
        hop = max((lane.hop for lane, _ in self.outages), key=HOPS.index)
        near = [(lane, o) for lane, o in self.outages if lane.hop == hop]
        longest = max((outage for _, outage in near), key=lambda o: o.at_most)
        others = [o for _, o in near if o is not longest and o.during(*longest.began)]
        return _sharpened(longest, others) if len({lane for lane, _ in near}) > 1 else longest

    @property
    def began(self) -> Interval:
        """Bounds of when it began."""
        first = min((outage for _, outage in self.outages), key=lambda o: o.began[1])
        return first.began

    @property
    def ended(self) -> Interval | None:
        """Bounds of when all of it was over; None while it lasts."""
        ends = [outage.ended for _, outage in self.outages]
        return None if None in ends else max((e for e in ends if e), key=lambda e: e[1])

    @property
    def kept_alone(self) -> bool:
        """Whether new connections were answered all the while."""
        return all(lane.kept for lane, _ in self.outages)


def _sharpened(outage: Outage, others: Sequence[Outage]) -> Outage:
    """An outage with the bounds that others of the same leave open."""
    for other in others:
        began = (max(outage.began[0], other.began[0]), min(outage.began[1], other.began[1]))
        if began[0] <= began[1]:
            outage = replace(outage, began=began)
        if outage.ended and other.ended:
            ended = (max(outage.ended[0], other.ended[0]), min(outage.ended[1], other.ended[1]))
            if ended[0] <= ended[1]:
                outage = replace(outage, ended=ended)
    return outage


def incidents(lanes: Mapping[Lane, Sequence[Stretch]], until: float) -> list[Incident]:
    """All incidents, in the order in which they began; `until` is when the looking ended."""
    found: list[Incident] = []
    for service in dict.fromkeys(lane.service for lane in lanes):
        own = {lane: row for lane, row in lanes.items() if lane.service == service}
        listed = [(lane, outage) for lane, row in own.items() for outage in outages(row)]
        group: list[tuple[Lane, Outage]] = []
        for entry in sorted(listed, key=lambda e: e[1].began):
            if group and not any(o.during(entry[1].began[0] - _TOGETHER, until) for _, o in group):
                found.append(_incident(service, group, own, until))
                group = []
            group.append(entry)
        if group:
            found.append(_incident(service, group, own, until))
    return sorted(found, key=lambda incident: incident.began)


def _incident(
    service: str,
    group: Sequence[tuple[Lane, Outage]],
    lanes: Mapping[Lane, Sequence[Stretch]],
    until: float,
) -> Incident:
    ordered = tuple(sorted(group, key=lambda e: (HOPS.index(e[0].hop), e[0].kept, e[1].began)))
    incident = Incident(service, ordered)
    begin = min(outage.began[0] for _, outage in group)
    end = max(outage.ended[1] if outage.ended else until for _, outage in group)
    before = HOPS[: HOPS.index(incident.hop)]
    blind = tuple(hop for hop in before if _unwatched(service, hop, lanes, begin, end))
    return Incident(service, ordered, blind)


def _unwatched(
    service: str,
    hop: str,
    lanes: Mapping[Lane, Sequence[Stretch]],
    begin: float,
    end: float,
) -> bool:
    """Whether no lane of the hop was looked at all the while."""
    rows = [row for lane, row in lanes.items() if (lane.service, lane.hop) == (service, hop)]
    near = [[s for s in row if s.end >= begin - 5 and s.begin <= end + 5] for row in rows]
    return all(unseen(row, begin, end) for row in near)
