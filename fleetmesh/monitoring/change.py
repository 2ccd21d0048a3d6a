"""The notification of a verdict that has changed: short, and with what it rests on."""

from datetime import UTC, datetime
from pathlib import Path

from fleetmesh.evidence.changes import changes
from fleetmesh.evidence.entry import Entry
from fleetmesh.evidence.outcomes import Outcome, Verdict
from fleetmesh.evidence.run import Run
from fleetmesh.monitoring.outbox import Known, Notification
from fleetmesh.text.legible import brief

_MOST = 10
"""Lines on what has turned."""
_LONGEST = 200
"""Characters of one."""
_GRAVITY = [outcome.value for outcome in Outcome]


def changed(before: Known | None, run: Run) -> bool:
    """Whether people are to be told of a run. Of a first one only if it is not READY."""
    if before is None:
        return run.verdict is not Verdict.READY
    return before.verdict != run.conclusion


def title(before: Known | None, run: Run) -> str:
    """`production on lab: READY → NOT READY`."""
    was = before.verdict if before else "no run before"
    return f"{' + '.join(run.phases)} on {run.fleet}: {was} → {run.conclusion}"


def text(before: Known | None, earlier: Entry | None, run: Run, evidence: Path) -> str:
    """What happened when, what turned since the run `earlier`, and where the evidence is."""
    ended = run.finished or run.started
    lines = [f"{_minute(ended)}: {run.headline}"]
    if before:
        lines.append(f"It was {before.verdict} in the run {before.run}.")
    turned = _together(_turned(earlier, run) if earlier else _as_they_are(run))
    if turned:
        lines += ["", "Turned:" if earlier else "Not as it should be:"]
        lines += [f"- {brief(what, _LONGEST)}" for what in turned[:_MOST]]
    if len(turned) > _MOST:
        lines.append(f"- and {len(turned) - _MOST} more causes")
    return "\n".join([*lines, "", f"Evidence: {evidence} on {run.origin.host or 'this machine'}"])


def as_sent(kept: Notification, now: datetime, run: str) -> str:
    """The text as it is sent after the run `run`: a late one says so."""
    remarks = []
    if kept.run != run:
        remarks.append(
            f"Late: this happened at {_minute(kept.happened)} and could not be delivered before "
            f"{_minute(now)}. There may be news since."
        )
    if kept.dropped:
        remarks.append(f"Notifications before it that could not be kept: {kept.dropped}.")
    return "\n".join([*remarks, *([""] if remarks else []), kept.text])


Ends = list[tuple[str, str]]
"""Checks, and how each ended, the gravest first."""


def _together(ends: Ends) -> list[str]:
    """A line for all that ended in the same way: one host that is down is not fifty lines."""
    alike: dict[str, list[str]] = {}
    for check, how in ends:
        alike.setdefault(how, []).append(check)
    return [
        f"{first}{f' and {len(more)} more' if more else ''}: {how}"
        for how, (first, *more) in alike.items()
    ]


def _turned(earlier: Entry, run: Run) -> Ends:
    """Checks that end otherwise than in the earlier run."""
    found = [c for c in changes(earlier, Entry.of(run)) if c.kind in ("outcome", "new", "gone")]
    now = {result.check: _GRAVITY.index(result.outcome.value) for result in run.results}
    found.sort(key=lambda change: now.get(change.check, -1))
    return [(change.check, change.what) for change in found]


def _as_they_are(run: Run) -> Ends:
    bad = [r for r in run.results if r.outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE)]
    bad.sort(key=lambda result: _GRAVITY.index(result.outcome.value))
    return [(result.check, f"{result.outcome.value}: {result.reason}") for result in bad]


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
