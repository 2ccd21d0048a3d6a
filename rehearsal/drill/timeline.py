"""The drill's stages on one axis of time, as inline SVG: each with its outages and times.

Colours come from the page's classes; all of it is said in words in the stages below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from fleetmesh.views.page import fill

if TYPE_CHECKING:
    from collections.abc import Iterator

_LABEL, _AXIS, _TIMES = 190, 500, 480
_ROW, _HEAD = 26, 24
_WIDTH = _LABEL + _AXIS + _TIMES


def timeline(drill: dict[str, Any]) -> Markup:
    """The whole drill, which must have begun at least one stage."""
    stages = drill["stages"]
    end = max(stage["begin"] + stage["seconds"] for stage in stages) or 1.0
    height = _HEAD + _ROW * len(stages) + 6
    drawn = [*_ticks(end, height)]
    for row, stage in enumerate(stages):
        drawn += _stage(stage, _HEAD + row * _ROW, end)
    told = f"{len(stages)} stages in {end:.0f} seconds; each is told in words below."
    return fill(
        '<svg class="timeline" viewBox="0 0 {} {}" width="{}" height="{}" role="img" '
        'aria-labelledby="timeline-title timeline-desc"><title id="timeline-title">'
        'Timeline of the drill</title><desc id="timeline-desc">{}</desc>{}</svg>',
        *(_WIDTH, height, _WIDTH, height),
        *(told, Markup("").join(drawn)),
    )


def _ticks(end: float, height: int) -> Iterator[Markup]:
    step = next(step for step in (5, 10, 20, 30, 60, 120, 300, 600, 3600) if end / step <= 12)
    for second in range(0, int(end) + 1, step):
        x = _x(second, end)
        yield fill('<path class="tick" d="M{} 18V{}"/>', x, height)
        yield fill('<text class="middle socket" x="{}" y="12">{} s</text>', x, second)


def _stage(stage: dict[str, Any], y: int, end: float) -> Iterator[Markup]:
    tone, sign = _likened(stage)
    begin = _x(stage["begin"], end)
    width = max(2.0, _x(stage["begin"] + stage["seconds"], end) - begin)
    yield fill('<g class="is-{}"><a href="#{}"><text class="mark" x="0" y="{}">{} {}</text></a>',
               tone, stage["folder"], y + 16, sign, stage["stage"])  # fmt: skip
    yield fill('<rect class="bar" x="{}" y="{}" width="{}" height="14" rx="2"/>',
               begin, y + 5, round(width, 1))  # fmt: skip
    lane = 14 / max(1, len(stage["outages"]))
    for place, outage in enumerate(stage["outages"]):
        if outage["seconds"]:
            at = _x(stage["begin"] + outage["begin"], end)
            long = max(1.5, _x(outage["seconds"], end) - _LABEL)
            yield fill('<rect class="outage" x="{}" y="{}" width="{}" height="{}"/>',
                       at, round(y + 5 + place * lane, 1), round(long, 1), lane)  # fmt: skip
    yield fill('<text class="socket" x="{}" y="{}">{}</text></g>',
               _LABEL + _AXIS + 14, y + 16, _told(stage))  # fmt: skip


def _likened(stage: dict[str, Any]) -> tuple[str, str]:
    if stage["holds"]:
        return "pass", "✓"
    return ("fail", "✕") if stage["problems"] else ("inconclusive", "?")


def _told(stage: dict[str, Any]) -> str:
    """The stage's seconds, its longest outage, and the longest of its other times."""
    words = [f"{stage['seconds']:.1f} s"]
    out = [outage["seconds"] for outage in stage["outages"]]
    if out:
        words.append(f"outage {max(out):.2f} s" if max(out) else "no outage")
    others = [one for one in stage["measured"] if not one["what"].startswith("outage")]
    if others:
        longest = max(others, key=lambda one: float(one["seconds"]))
        words.append(f"{longest['what'].removeprefix('fleet-')} {longest['seconds']:.1f} s")
    return " · ".join(words)


def _x(seconds: float, end: float) -> float:
    return round(_LABEL + _AXIS * seconds / end, 1)
