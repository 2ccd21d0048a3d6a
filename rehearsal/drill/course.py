"""The drill's course: every stage made, looked at, and held against what it must be."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fleetmesh.evidence.folder import BrokenRecord
from fleetmesh.evidence.outcomes import Outcome, verdict
from fleetmesh.evidence.run import ROLLBACK
from fleetmesh.evidence.sums import Refused
from rehearsal import fleet, lock
from rehearsal.drill import footing
from rehearsal.drill.differences import Differences, differences
from rehearsal.drill.stage import Measured, Seen
from rehearsal.errors import RehearsalError
from rehearsal.faults.fault import Ground
from rehearsal.matrix.compare import compare
from rehearsal.matrix.judge import Judged, Verdicts, judge, pool
from rehearsal.matrix.take import take
from rehearsal.signals import undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from rehearsal.drill.stage import Stage
    from rehearsal.outfit import Outfit

_TESTS = (*Ground.tests, f"tests/{ROLLBACK}")
"""All checks of the runbook, and those of the way back from it."""


@dataclass
class Course:
    """All stages that were begun, and how many there are."""

    manager: str
    planned: int
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    begin: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    stages: list[Seen] = field(default_factory=list)
    trouble: str = ""
    """What ended the drill besides a stage: it was interrupted, the fleet does not boot."""

    @property
    def broken(self) -> Seen | None:
        """The first stage that does not hold."""
        return next((seen for seen in self.stages if seen.problems), None)

    @property
    def holds(self) -> bool:
        """Whether every planned stage was made, judged, and is as it must be."""
        complete = len(self.stages) == self.planned
        sound = all(seen.judged and not seen.problems for seen in self.stages)
        return complete and sound and not self.trouble

    @property
    def findings(self) -> list[tuple[str, str]]:
        """What was learned about the runbook, and in which stage."""
        return [(seen.stage.title(), text) for seen in self.stages for text in seen.findings]

    def conclusion(self) -> str:
        """What the drill came to, and what to look at where it does not hold."""
        if self.holds:
            return f"The drill succeeded: {len(self.stages)} stages in {self.seconds:.0f} s."
        broken = self.broken
        if broken is None:
            return f"The drill did not come to its end: {self.trouble}"
        return f"The drill failed: {broken.stage.title()}: {broken.problems[0]}"

    def plain(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "holds": self.holds,
            "conclusion": self.conclusion(),
            "manager": self.manager,
            "started": self.started.isoformat(timespec="milliseconds"),
            "seconds": round(self.seconds, 1),
            "planned": self.planned,
            "trouble": self.trouble,
            "findings": [{"stage": stage, "text": text} for stage, text in self.findings],
            "stages": [seen.plain(self.begin) for seen in self.stages],
        }


def walk(
    stages: Sequence[type[Stage]],
    made: Outfit | None,
    course: Course,
    folder: Path,
    *,
    keep: bool,
    say: Callable[[str], None],
    note: Callable[[], None],
) -> None:
    """Walk through the stages until one does not hold; `note` is called after each.

    The fleet is booted for it, and taken down unless `keep` is set. Raises RehearsalError where
    the fleet cannot be had, and KeyboardInterrupt.
    """
    with lock.held("rehearsal drill"):
        try:
            fleet.reset("before", say, made)
            stages[0].manager.provide()
            with pool() as judges:
                _all(stages, course, folder, judges, keep=keep, say=say, note=note)
        except BaseException as error:
            course.trouble = course.trouble or str(error) or "interrupted"
            raise
        finally:
            course.seconds = time.monotonic() - course.begin
            with undisturbed():
                note()
                if not keep:
                    fleet.down()


def _all(
    stages: Sequence[type[Stage]],
    course: Course,
    folder: Path,
    judges: Executor,
    *,
    keep: bool,
    say: Callable[[str], None],
    note: Callable[[], None],
) -> None:
    at_first = footing.of_fleet()
    pending: deque[tuple[Seen, Future[Verdicts], Future[Differences] | None]] = deque()
    recorded: dict[str, Path] = {}
    for number, kind in enumerate(stages, 1):
        say(f"{number:2} of {len(stages)}  {kind.title()}: {kind.what()}")
        seen = Seen(kind(), f"{number:02}-{kind.title()}", at_first)
        course.stages.append(seen)
        _make(seen, folder)
        asked = judges.submit(judge, folder / seen.folder, writes=kind.writes, tests=_TESTS)
        here, compared = folder / seen.folder, None
        if recorded:
            before = recorded[kind.against or next(reversed(recorded))]
            compared = judges.submit(differences, before, here, kind.expects, kind.manager.name)
        pending.append((seen, asked, compared))
        recorded[kind.title()] = here
        # The checks look at a stage while the next one goes on, unless the fleet is to be kept.
        at_once = keep or bool(seen.trouble) or number == len(stages)
        while len(pending) > (0 if at_once else 1):
            _settle(*pending.popleft(), say)
            note()
        if course.broken:
            return


def _make(seen: Seen, folder: Path) -> None:
    """Make the stage and record the fleet after it, even where it could not be made."""
    stage = seen.stage
    try:
        stage.act(seen)
    except (RehearsalError, OSError) as error:
        seen.trouble = str(error)
    begin = time.monotonic()
    where = folder / seen.folder
    take(where, stage.inventory, writes=stage.writes, deadlines=stage.deadlines)
    asked = Measured("questions of the checks", time.monotonic() - begin, stage.patience)
    if stage.patience:
        seen.measured.append(asked)
    seen.seconds = time.monotonic() - seen.begin


def _settle(
    seen: Seen,
    judging: Future[Verdicts],
    compared: Future[Differences] | None,
    say: Callable[[str], None],
) -> None:
    """Hold what the checks found, and what has changed, against what was expected."""
    try:
        found = judging.result()
        if compared:
            seen.changed, seen.unexpected = compared.result()
    except (RuntimeError, Refused, BrokenRecord) as error:
        seen.trouble = seen.trouble or str(error)
        say(f"    ✕ {seen.stage.title()}: {seen.trouble}")
        return
    seen.cells = compare(type(seen.stage), _ideal(seen.stage, found), found)
    back = {check: judged for check, judged in found.items() if judged.phase == ROLLBACK}
    seen.verdict = _amounts(found[check] for check in found.keys() - back.keys())
    seen.rollback = _amounts(back.values())
    sign = "✕" if seen.problems else "✓"
    what = f"{seen.verdict} (after a rollback: {seen.rollback}) as it must be"
    lines = [f"    {sign} {seen.stage.title()}: {what}, {_told(seen)}"]
    if seen.problems:
        lines = [f"    {sign} {seen.stage.title()} does not hold, {_told(seen)}"]
    say("\n".join(lines + [f"        {problem}" for problem in seen.problems]))


def _amounts(found: Iterable[Judged]) -> str:
    return verdict((Outcome(judged.outcome) for judged in found), missing=0).value


def _ideal(stage: Stage, found: Verdicts) -> Verdicts:
    """All checks pass, but those that are deferred; what is unsettled may end otherwise."""
    ideal: Verdicts = {}
    for check, judged in found.items():
        words = stage.unsettled.get(check.partition("[")[0])
        if words and judged.outcome in ("fail", "warn") and words in judged.reason:
            outcome = judged.outcome
        else:
            outcome = "deferred" if judged.id in stage.deferred() else "pass"
        ideal[check] = replace(judged, outcome=outcome)
    return ideal


def _told(seen: Seen) -> str:
    times = [f"{one.what} {one.seconds:.2f} s" for one in seen.measured]
    return ", ".join([f"{seen.seconds:.1f} s", *times])
