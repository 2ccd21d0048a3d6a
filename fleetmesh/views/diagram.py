"""Observed paths as inline SVG: one path hop by hop, and all paths of a run in one picture.

Drawn top to bottom, so that it fits a phone and a column of a page alike. Colours come from the
page (`currentColor` and the classes of report.css); the same is said in words in `<desc>`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from markupsafe import Markup

from fleetmesh.text.legible import brief
from fleetmesh.tunnels.path import Hop, Path
from fleetmesh.views.page import fill

_WIDTH = 340
_NODE = 190
_GAP = 28
_FALL = 66


def path(observed: Path) -> Markup:
    """One path: a box a hop, with who holds it and the sockets that show it; a break if it ends."""
    drawn: list[Markup] = []
    y = 1.0
    for index, hop in enumerate(observed.hops):
        if index:
            drawn.append(_arrow(_WIDTH // 2, y, y + 26))
            y += 26
        box, height = _hop(hop, y)
        drawn.append(box)
        y += height
    if observed.broken:
        broken, height = _break(observed.broken, y)
        drawn.append(broken)
        y += height
    title = f"Path of {observed.tunnel}, as observed"
    return _svg("path", _WIDTH, y + 1, title, str(observed), drawn)


@dataclass(frozen=True)
class Mark:
    """What a place bears in the picture: an outcome's class and words, and where it leads."""

    kind: str
    words: str
    href: str


def topology(
    paths: Sequence[Path], hosts: Iterable[str], marks: Mapping[str, Mark] | None = None
) -> Markup:
    """All `paths` in one picture, numbered as given; hosts that none of them passes stand aside.

    A place that has a mark bears it, and is a link.
    """
    marks = marks or {}
    depth: dict[str, int] = {}
    for observed in paths:
        for index, place in enumerate(observed.route):
            depth[place] = max(index, depth.get(place, 0))
    idle = [host for host in dict.fromkeys(hosts) if host not in depth]
    layers = [[p for p in depth if depth[p] == level] for level in sorted(set(depth.values()))]
    layers = layers or [[]]
    layers[0] += idle
    services = {p.hops[-1].place: p.hops[-1].holder for p in paths if not p.broken}
    remarks = {**services, **dict.fromkeys(idle, "no observed path passes here")}
    width = max(_WIDTH, max(len(layer) for layer in layers) * (_NODE + _GAP) - _GAP + 4)
    centres: dict[str, tuple[float, float, float]] = {}
    boxes, y = [], 1.0
    for layer in layers:
        left = (width - len(layer) * (_NODE + _GAP) + _GAP) / 2
        tallest = 0.0
        for column, place in enumerate(layer):
            x = left + column * (_NODE + _GAP)
            box, height = _place(
                place, remarks.get(place, ""), x, y, marks.get(place), idle=place in idle
            )
            boxes.append(box)
            centres[place] = (x + _NODE / 2, y, y + height)
            tallest = max(tallest, height)
        y += tallest + _FALL
    breaks = [centres[p.route[-1]][2] + 46 for p in paths if p.broken]
    height = max([y - _FALL + 2, *breaks])
    routes = [_route(number, p, centres, len(paths)) for number, p in enumerate(paths, 1)]
    said = "; ".join(f"{number}: {p.tunnel}: {p}" for number, p in enumerate(paths, 1))
    aside = f"; no observed path passes {', '.join(idle)}" if idle else ""
    role = "group" if marks else "img"  # an image has no links inside
    return _svg(
        "topology", width, height, "Topology, as observed", said + aside, boxes + routes, role
    )


def _svg(
    kind: str,
    width: float,
    height: float,
    title: str,
    said: str,
    drawn: list[Markup],
    role: str = "img",
) -> Markup:
    return fill(
        '<svg class="{}" role="{}" aria-label="{}" width="{}" height="{}" viewBox="0 0 {} {}"'
        ' fill="none" stroke="currentColor" xmlns="http://www.w3.org/2000/svg"><title>{}</title>'
        "<desc>{}</desc>{}</svg>",
        *(
            kind,
            role,
            title,
            width,
            height,
            width,
            height,
            title,
            brief(said, 2000),
            Markup("").join(drawn),
        ),
    )


def _hop(hop: Hop, top: float) -> tuple[Markup, float]:
    lines = [
        *(("place", line) for line in _wrapped(hop.place, 36)),
        *(("holder", line) for line in _wrapped(hop.holder, 46)),
        *(("socket", line) for socket in hop.sockets for line in _wrapped(socket, 44)),
    ]
    box, height = _box(lines, 1, top, _WIDTH - 2)
    return fill('<g class="hop">{}</g>', box), height


def _place(
    place: str, remark: str, left: float, top: float, mark: Mark | None, *, idle: bool
) -> tuple[Markup, float]:
    lines = [
        *(("place", line) for line in _wrapped(place, 18)),
        *(("mark", line) for line in _wrapped(mark.words if mark else "", 24)),
        *(("holder", line) for line in _wrapped(remark, 26)),
    ]
    box, height = _box(lines, left, top, _NODE)
    kind = f"hop{' idle' if idle else ''}{f' is-{mark.kind}' if mark else ''}"
    drawn = fill('<g class="{}">{}</g>', kind, box)
    return fill('<a href="{}">{}</a>', mark.href, drawn) if mark else drawn, height


def _box(
    lines: list[tuple[str, str]], left: float, top: float, width: float
) -> tuple[Markup, float]:
    written, y = [], top + 6
    for kind, line in lines:
        y += 18 if kind == "place" else 16
        written.append(_text(kind, left + 12, y, line))
    height = y + 10 - top
    rect = fill('<rect x="{}" y="{}" width="{}" height="{}" rx="6"/>', left, top, width, height)
    return rect + Markup("").join(written), height


def _break(reason: str, top: float) -> tuple[Markup, float]:
    middle = _WIDTH // 2
    lines = _wrapped(f"The trail ends here: {reason}", 46)
    mark = fill(
        '<path d="M{} {}v18" stroke-dasharray="4 4"/>'
        '<path d="M{} {}l12 12m0 -12l-12 12" stroke-width="3"/>',
        *(middle, top, middle - 6, top + 21),
    )
    words = [_text("holder", 4, top + 52 + 16 * index, line) for index, line in enumerate(lines)]
    return fill('<g class="broken">{}{}</g>', mark, Markup("").join(words)), 44 + 16 * len(lines)


def _arrow(x: float, top: float, bottom: float) -> Markup:
    return fill(
        '<path d="M{} {}V{}"/><path class="head" d="M{} {}l-5 -8h10z"/>',
        *(x, top, bottom - 6, x, bottom),
    )


def _route(
    number: int, observed: Path, centres: dict[str, tuple[float, float, float]], count: int
) -> Markup:
    aside = (number - (count + 1) / 2) * min(26, 120 / max(count, 1))
    drawn = []
    for here, there in zip(observed.route, observed.route[1:], strict=False):
        (x1, _, y1), (x2, y2, _) = centres[here], centres[there]
        x1, x2 = x1 + aside, x2 + aside
        bend = (y1 + y2) / 2
        drawn.append(
            fill(
                '<path d="M{} {}C{} {} {} {} {} {}"/><path class="head" d="M{} {}l-4 -7h8z"/>',
                *(x1, y1, x1, bend, x2, bend, x2, y2 - 5, x2, y2),
            )
        )
        drawn.append(_badge(number, (x1 + x2) / 2, bend))
    if observed.broken and observed.route:
        x, _, y = centres[observed.route[-1]]
        drawn.append(
            fill(
                '<g class="broken"><path d="M{} {}v14" stroke-dasharray="4 4"/>'
                '<path d="M{} {}l10 10m0 -10l-10 10" stroke-width="3"/></g>',
                *(x + aside, y, x + aside - 5, y + 16),
            )
        )
        drawn.append(_text("holder middle", x + aside, y + 42, str(number)))
    return fill('<g class="route">{}</g>', Markup("").join(drawn))


def _badge(number: int, x: float, y: float) -> Markup:
    circle = fill('<circle cx="{}" cy="{}" r="9"/>', x, y)
    return circle + _text("badge middle", x, y + 4, str(number))


def _text(kind: str, x: float, y: float, text: str) -> Markup:
    return fill('<text class="{}" x="{}" y="{}">{}</text>', kind, x, y, text)


def _wrapped(text: str, columns: int) -> list[str]:
    return wrap(brief(text), columns, break_on_hyphens=False)
