"""watch.json and watch.html: what `watch` saw, as data, and on one axis of time.

The page is HTML with a bar of SVG in each row, so that its text is as large on a phone as anywhere.
"""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.run import Run
from fleetmesh.gather.plain import rfc3339
from fleetmesh.outages import words
from fleetmesh.outages.incidents import Incident, Lane
from fleetmesh.outages.outages import Outage, outages
from fleetmesh.outages.stretches import Interval
from fleetmesh.outages.watched import Watched, ordered
from fleetmesh.views.page import fill, render, style

FORMAT = 1
_SHEETS = ("common.css", "watch.css")
_WIDE = 1000
"""Units of a bar, which is stretched to whatever width there is."""
_SEEN = 3
"""Units that the shortest outage takes up."""
_TONES = {0: Outcome.PASS, 1: Outcome.FAIL}
_TICKS = 4


def data(run: Run) -> dict[str, Any]:
    """What watch.json holds. All times are seconds since `started`, by a clock that never jumps."""
    watched = run.watched
    assert watched
    status, why = watched.status()
    return {
        "format": FORMAT,
        "run": run.id,
        "fleet": run.fleet,
        "started": rfc3339(watched.started) if watched.started else None,
        "begin": watched.begin,
        "until": watched.until,
        "ended": watched.ended,
        "budget": watched.budget,
        "exit_status": status,
        "because": why,
        "services": {
            name: {"outage": round(total, 3), "not_looked_at": round(watched.dark()[name], 3)}
            for name, total in watched.spent().items()
        },
        "incidents": [_incident(watched, one) for one in watched.incidents()],
        "lanes": [_lane(watched, lane) for lane in ordered(watched.lanes)],
        "ports": [asdict(holding) for holding in watched.holdings],
        "places": [asdict(note) for note in watched.notes],
    }


def _incident(watched: Watched, incident: Incident) -> dict[str, Any]:
    worst = incident.worst
    return {
        "service": incident.service,
        "hop": incident.hop,
        "failed": incident.failed,
        "began": _rounded(incident.began),
        "ended": _rounded(incident.ended),
        "at_most": round(worst.at_most, 3),
        "certain": round(worst.certain, 3),
        "told": words.told(watched, incident),
        "held_by": words.holders(watched, incident),
        "lanes": [str(lane) for lane, _ in incident.outages],
    }


def _lane(watched: Watched, lane: Lane) -> dict[str, Any]:
    row = watched.lanes[lane]
    return {
        "lane": str(lane),
        "from": watched.places.get(str(lane), ""),
        "samples": sum(stretch.count for stretch in row),
        "outages": [_outage(outage) for outage in outages(row)],
        "not_looked_at": [
            {"from": round(gap[0], 3), "to": round(gap[1], 3), "why": watched.why_unseen(lane, gap)}
            for gap in watched.unseen()[lane]
        ],
    }


def _outage(outage: Outage) -> dict[str, Any]:
    return {
        "began": _rounded(outage.began),
        "ended": _rounded(outage.ended),
        "at_most": round(outage.at_most, 3),
        "certain": round(outage.certain, 3),
        "failed": outage.failed,
        "why": outage.why,
        "from_the_start": outage.from_the_start,
    }


def _rounded(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [round(moment, 3) for moment in interval]


def page(run: Run) -> str:
    """The page: complete in itself, without scripts."""
    watched = run.watched
    assert watched
    status, why = watched.status()
    return render(
        "watch.html",
        run=run,
        watched=watched,
        why=why,
        outcome=_TONES.get(status, Outcome.INCONCLUSIVE),
        rows=[(name, list(_rows(watched, name))) for name in watched.spent()],
        ticks=[_tick(watched, number / _TICKS) for number in range(_TICKS + 1)],
        incidents=[(one, words.told(watched, one)) for one in watched.incidents()],
        dark=words.sleeps(watched),
        clock=lambda seconds: _clock(watched, seconds),
        **style(*map(files("fleetmesh.views").joinpath, _SHEETS)),
    )


def _rows(watched: Watched, service: str) -> Iterator[tuple[str, str, Markup]]:
    for lane in ordered(watched.lanes):
        if lane.service == service:
            down = [outage.at_most for outage in outages(watched.lanes[lane])]
            many = "outage" if len(down) == 1 else "outages"
            told = f"{len(down)} {many}, {sum(down):.1f} s" if down else "no outage"
            yield words.hop(lane), told, _bar(watched, lane, told)


def _bar(watched: Watched, lane: Lane, told: str) -> Markup:
    parts = [
        fill(
            '<rect class="up" x="{}" y="0" width="{}" height="14"/>',
            *_span(watched, s.begin, s.end),
        )
        for s in watched.lanes[lane]
        if s.ok
    ]
    for begin, end in watched.unseen()[lane]:
        at, wide = _span(watched, begin, end)
        parts.append(fill('<rect class="dark" x="{}" y="4" width="{}" height="6"/>', at, wide))
    for outage in outages(watched.lanes[lane]):
        end = outage.ended[1] if outage.ended else outage.seen
        at, wide = _span(watched, outage.began[0], end, _SEEN)
        parts.append(fill('<rect class="outage" x="{}" y="0" width="{}" height="14"/>', at, wide))
    return fill(
        '<svg viewBox="0 0 {} 14" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>',
        *(_WIDE, f"{words.hop(lane)}: {told}", Markup("").join(parts)),
    )


def _span(watched: Watched, begin: float, end: float, least: float = 0.5) -> Interval:
    since, long = watched.begin or 0.0, max(watched.seconds, 0.001)
    left, right = (min(max((t - since) / long, 0.0), 1.0) * _WIDE for t in (begin, end))
    return round(left, 1), round(max(right - left, least), 1)


def _tick(watched: Watched, share: float) -> str:
    return _clock(watched, (watched.begin or 0.0) + share * watched.seconds)


def _clock(watched: Watched, seconds: float) -> str:
    """A time of day, by the clock on the wall when the watch was started."""
    if watched.started is None:
        return f"{seconds:.0f} s"
    return f"{watched.started + timedelta(seconds=seconds):%H:%M:%S}"
