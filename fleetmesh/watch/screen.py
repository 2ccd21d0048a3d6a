"""All of it on one screen, drawn again as it changes."""

from datetime import timedelta
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live as Drawn
from rich.table import Table
from rich.text import Text

from fleetmesh.outages import words
from fleetmesh.text.legible import one_line
from fleetmesh.watch.view import Live, View

_COLOURS = {
    **{"done": "green", "up": "green", "not yet": "cyan", "settling": "yellow"},
    **{"DOWN": "bold white on red", "broken": "bold red", "not looked": "magenta"},
}
_OVER = 4
"""Outages that are over and still shown."""
_SECONDS = 4
"""Times a second that it is drawn."""


class Screen:
    """Draws what it is shown, for as long as the `with` block lasts."""

    def __init__(self, fleet: str) -> None:
        self._fleet = fleet
        self._drawn = Drawn(
            console=Console(highlight=False),
            refresh_per_second=_SECONDS,
            screen=False,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        self._drawn.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._drawn.stop()

    def show(self, view: View) -> None:
        """Draw it."""
        self._drawn.update(Group(*self._parts(view)))

    def _parts(self, view: View) -> list[RenderableType]:
        state = f"watching for {timedelta(seconds=int(view.now))}" if view.begun else "connecting"
        age = "" if view.judged is None else f"; judged {view.now - view.judged:.0f} s ago"
        parts: list[RenderableType] = [
            Text(one_line(f"{self._fleet}: {state}, {view.at:%H:%M:%S}Z{age}"), style="bold")
        ]
        parts += [_line(f"LOST: {cause}", "bold white on red") for cause in view.lost]
        parts += [_line(f"not looked at: {p}: {why}", "magenta") for p, why in view.dark]
        parts.append(_steps(view))
        if view.next:
            parts.append(_line(f"next: {view.next}", "bold cyan"))
        parts.append(_services(view))
        parts += [_line(_down(one, view), "bold red") for one in view.live if one.down]
        parts += [_line(told, "") for told in view.over[-_OVER:]]
        return [*parts, Text("Ctrl-C ends it, with a summary", style="dim")]


def _line(text: str, style: str) -> Text:
    return Text(one_line(text), style=style)


def _state(state: str) -> Text:
    return Text(state, style=_COLOURS[state])


def _steps(view: View) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    for name in ("runbook", "state", "holds"):
        table.add_column(name, no_wrap=True)
    table.add_column("what stands in the way", ratio=1, overflow="ellipsis", no_wrap=True)
    for step in view.steps:
        holds = f"{step.holds}/{step.checks}"
        table.add_row(step.section, _state(step.state), holds, _line(step.what, ""))
    if not view.steps:
        table.add_row("…", "", "", "the first snapshot is being judged")
    return table


def _services(view: View) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    for name in ("service", "hop", "new", "kept", "outage"):
        table.add_column(name, no_wrap=True)
    table.add_column("port held by", ratio=1, overflow="ellipsis", no_wrap=True)
    for one in view.live:
        for number, (hop, new, kept) in enumerate(one.hops):
            first = (one.service, f"{one.spent:.1f} s") if number == 0 else ("", "")
            held = _line(one.held, "") if hop == "listener" else ""
            table.add_row(first[0], hop, _state(new), _state(kept), first[1], held)
    return table


def _down(one: Live, view: View) -> str:
    assert one.down
    return f"DOWN for {view.now - one.down.began[0]:.0f} s: {one.service}: {words.cause(one.down)}"
