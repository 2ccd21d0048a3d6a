"""Outages in words: one sentence each, with the bounds of what is known."""

from collections.abc import Iterable

from fleetmesh.outages.incidents import Incident, Lane
from fleetmesh.outages.outages import Outage
from fleetmesh.outages.stretches import Interval
from fleetmesh.outages.watched import INSIDE, Holding, Watched

WHERE = {
    "service": "at its ClusterIP",
    "listener": "at the tunnel's listener",
    "bridge": "at the bridge, from inside",
}


def hop(lane: Lane) -> str:
    """Where a lane asks, in words."""
    return f"{WHERE[lane.hop]}, {'on a kept connection' if lane.kept else 'on new connections'}"


def seconds(bounds: Interval) -> str:
    """A length of time between two bounds; one figure where they agree to a tenth of a second."""
    low, high = (f"{max(0.0, bound):.1f}" for bound in bounds)
    return f"{high} s" if low == high else f"{low} to {high} s"


def lasted(outage: Outage) -> str:
    """How long, as far as it is known."""
    if outage.from_the_start and outage.ended is None:
        return "since before it was watched"
    told = seconds((outage.certain, outage.at_most))
    return f"at least {told}" if outage.from_the_start else told


def cause(incident: Incident) -> str:
    """What failed and how it showed."""
    first = incident.outages[0][1]
    kept = "; new connections were answered" if incident.kept_alone else ""
    return f"{incident.failed} ({first.why}{kept})"


def holders(watched: Watched, incident: Incident) -> str:
    """Who was seen to hold the ports meanwhile, in their order; empty if nobody looked."""
    begin, end = incident.began[0], (incident.ended or (0, watched.until))[1]
    ports = watched.ports.get(incident.service)
    seen = [h for h in watched.holdings if h.listen == ports and h.first <= end + 1]
    return " then ".join(h.who for h in _near(seen, begin))


def _near(seen: list[Holding], begin: float) -> Iterable[Holding]:
    """Those of the outage itself, and the one before it."""
    before = [holding for holding in seen if holding.last < begin]
    return [*before[-1:], *(holding for holding in seen if holding.last >= begin)]


def brief(incident: Incident) -> str:
    """An incident that is over, or of which no more is known."""
    going = "" if incident.ended else ", and had not come back when the watch ended"
    return f"{incident.service}: down {lasted(incident.worst)}{going}: {cause(incident)}"


def told(watched: Watched, incident: Incident) -> str:
    """The same, with who held the port."""
    held = holders(watched, incident)
    return brief(incident) + (f"; its port was held by {held}" if held else "")


def sleeps(watched: Watched) -> list[str]:
    """What was not looked at, and why: all lanes of a place together."""
    gaps: dict[str, list[tuple[Interval, str]]] = {}
    for lane, found in watched.unseen().items():
        place = watched.places.get(str(lane), "")
        gaps.setdefault(place, []).extend((gap, watched.why_unseen(lane, gap)) for gap in found)
    told = []
    for place, listed in gaps.items():
        for (begin, end), why in _joined(sorted(listed)):
            where = "from inside" if place == INSIDE else f"from {place}"
            told.append((begin, f"not looked at {where} for {end - begin:.1f} s: {why}"))
    return [sentence for _, sentence in sorted(told)]


def _joined(listed: list[tuple[Interval, str]]) -> list[tuple[Interval, str]]:
    """Gaps that overlap, as one."""
    found: list[tuple[Interval, str]] = []
    for (begin, end), why in listed:
        if found and begin <= found[-1][0][1]:
            (first, last), before = found[-1]
            found[-1] = ((first, max(last, end)), before)
        else:
            found.append(((begin, end), why))
    return found
