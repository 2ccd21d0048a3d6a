"""What there is to show at a moment, in the runbook's order; the screen and plain lines say it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fleetmesh.outages import words
from fleetmesh.outages.incidents import Incident
from fleetmesh.outages.watched import Watched, ordered
from fleetmesh.text.legible import brief
from fleetmesh.watch.ledger import state

_ORDER = (
    *("Prerequisites", "Install", "Cutover 1", "Cutover 2", "Cutover 3", "Cutover"),
    *("Verify production", "Persist across reboot", "Tunnel policy", "Goal", "After"),
    *("cert_command migration", "WireGuard evaluation", "Rollback"),
)
"""The runbook's sections, in the order in which an evening comes by them."""
STATES = ("done", "not yet", "settling", "DOWN", "broken", "not looked")
_GRAVEST = ("broken", "DOWN", "not looked", "settling", "not yet", "done")
_HOLDS = ("pass", "warn", "deferred", "waived", "accepted")
_SURE = 0.4
"""Seconds that an outage goes on before its hop is named: by then, all hops have been asked."""


@dataclass(frozen=True)
class Step:
    """A section of the runbook, as the checks find it."""

    section: str
    state: str
    holds: int
    checks: int
    what: str = ""
    """Of the gravest check that does not hold: which, and why."""
    command: str = ""
    """What to type next, where a step is not done; else what to look at."""


@dataclass(frozen=True)
class Live:
    """A service and its hops now."""

    service: str
    hops: tuple[tuple[str, str, str], ...]
    """Hop, state on new connections, and on a kept one."""
    spent: float
    """Seconds of outage so far."""
    port: str
    held: str
    down: Incident | None


@dataclass(frozen=True)
class View:
    """All of it."""

    now: float
    at: datetime
    """The same as a time of day, by the clock on the wall when it began."""
    begun: bool
    steps: tuple[Step, ...]
    lost: tuple[str, ...]
    judged: float | None
    """When the snapshot was begun by which the steps are judged."""
    live: tuple[Live, ...]
    over: tuple[str, ...]
    """The incidents that are over, in words."""
    dark: tuple[tuple[str, str], ...]
    """The places that cannot be asked now, and why."""
    told: Mapping[str, str]
    """Each thing that may change, and what is to be said of it."""

    @property
    def next(self) -> str:
        """What to type next."""
        return next((s.command for s in self.steps if s.state == "not yet" and s.command), "")


def view(watched: Watched, judged: Mapping[str, Any] | None, judged_at: float | None) -> View:
    """What there is to show."""
    found = watched.incidents() if watched.begin is not None else []
    steps = tuple(_steps(judged["checks"])) if judged else ()
    lost = tuple(judged["lost"]) if judged else ()
    live = tuple(_live(watched, found))
    dark = tuple(_dark(watched))
    over = [incident for incident in found if incident.ended]
    told = {f"lost {cause}": f"lost: {cause}" for cause in lost}
    told |= {f"step {step.section}": _step(step) for step in steps}
    told |= {f"place {place}": f"not looked at: {place}: {why}" for place, why in dark}
    told |= {f"port {one.port}": f"{one.port} is held by {one.held}" for one in live if one.held}
    told |= _outages(watched, found)
    return View(
        now=watched.until,
        at=(watched.started or datetime.now(UTC)) + timedelta(seconds=watched.until),
        begun=watched.begin is not None,
        steps=steps,
        lost=lost,
        judged=judged_at,
        live=live,
        over=tuple(words.told(watched, incident) for incident in over),
        dark=dark,
        told=told,
    )


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """What is said of what has changed; a thing that is gone is all right again."""
    found = [text for name, text in after.items() if before.get(name) != text]
    gone = [name for name in before if name not in after]
    return found + [f"{_again(name)}" for name in gone if name.startswith(("lost ", "place "))]


def _again(name: str) -> str:
    kind, _, what = name.partition(" ")
    return f"looked at again: {what}" if kind == "place" else f"not lost any more: {what}"


def _outages(watched: Watched, found: Sequence[Incident]) -> dict[str, str]:
    told: dict[str, str] = {}
    for incident in found:
        number = sum(name.startswith(f"outage {incident.service} ") for name in told)
        name = f"outage {incident.service} {number}"
        if incident.ended:
            told[name] = f"up again: {words.brief(incident)}"
        elif watched.until - incident.began[1] >= _SURE:
            hops = dict.fromkeys(words.WHERE[lane.hop] for lane, _ in incident.outages)
            told[name] = f"DOWN: {incident.service}: {words.cause(incident)}; {', '.join(hops)}"
    return told


def _steps(checks: Iterable[Mapping[str, Any]]) -> list[Step]:
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for check in checks:
        grouped.setdefault(_section(check["runbook"]), []).append(check)
    names = sorted(grouped, key=lambda n: _ORDER.index(n) if n in _ORDER else len(_ORDER))
    return [_step_of(name, grouped[name]) for name in names]


def _section(runbook: str) -> str:
    first = runbook.partition(",")[0].strip()
    return "Cutover" if first == "Cutover evidence" else first if first != "–" else "Beyond it"


def _step_of(section: str, checks: Sequence[Mapping[str, Any]]) -> Step:
    worst = min(checks, key=lambda check: _GRAVEST.index(_state(check)))
    kind = _state(worst)
    holds = sum(_state(check) == "done" for check in checks)
    if kind == "done":
        return Step(section, kind, holds, len(checks))
    condition = worst["condition"] or {}
    what = f"{worst['check']}: {brief(worst['reason'], 160)}"
    if kind == "settling" and condition.get("until"):
        what = f"until {condition['until'][11:19]}Z: {what}"
    command = condition.get("command", "") if kind == "not yet" else ""
    if kind in ("broken", "DOWN"):
        command = next(iter(worst["hint"].splitlines()), "")
    return Step(section, kind, holds, len(checks), what, command)


def _state(check: Mapping[str, Any]) -> str:
    if check["outcome"] in _HOLDS:
        return "done"
    if check["cause"]:  # what is lost stands above all
        return "not looked"
    named = (check["condition"] or {}).get("state", "broken")
    if check["outcome"] == "inconclusive" and named == "broken":
        return "not looked"
    return "DOWN" if named == "down" else str(named)


def _step(step: Step) -> str:
    if step.state == "done":
        return f"{step.section}: done ({step.holds} checks)"
    then = f"; next: {step.command}" if step.state == "not yet" and step.command else ""
    look = f"; look: {step.command}" if step.state != "not yet" and step.command else ""
    return f"{step.section}: {step.state} ({step.holds} of {step.checks}): {step.what}{then}{look}"


def _live(watched: Watched, found: Sequence[Incident]) -> Iterable[Live]:
    lanes = ordered(watched.lanes)
    spent = watched.spent() if watched.begin is not None else {}
    for service in dict.fromkeys(lane.service for lane in lanes):
        own = [lane for lane in lanes if lane.service == service]
        states = {lane: state(watched.lanes[lane], watched.until) for lane in own}
        hops = dict.fromkeys(lane.hop for lane in own)
        rows = tuple((hop, *(states[lane] for lane in own if lane.hop == hop)) for hop in hops)
        port = watched.ports.get(service, "")
        held = [holding.who for holding in watched.holdings if holding.listen == port]
        down = [i for i in found if i.service == service and not i.ended]
        yield Live(
            service,
            rows,  # type: ignore[arg-type]
            spent.get(service, 0.0),
            port,
            held[-1] if held else "",
            down[-1] if down else None,
        )


def _dark(watched: Watched) -> Iterable[tuple[str, str]]:
    last = {note.place: note.why for note in watched.notes}
    return [(place, why) for place, why in last.items() if why]


def summary(watched: Watched) -> list[str]:
    """All that was seen, at the end."""
    lines = [f"watched for {watched.seconds:.0f} s; ended: {watched.ended or 'broke off'}"]
    lines += [f"outage: {words.told(watched, incident)}" for incident in watched.incidents()]
    lines += [f"outage of {name}: {total:.2f} s in all" for name, total in watched.spent().items()]
    return [*lines, *words.sleeps(watched), watched.status()[1]]
