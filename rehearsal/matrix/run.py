"""The matrix: every fault, made to happen, judged, healed, and the fleet seen to be as before."""

from __future__ import annotations

import time
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING

from rehearsal import fleet, lock
from rehearsal.errors import RehearsalError
from rehearsal.faults import FAULTS
from rehearsal.matrix.compare import compare, unsound
from rehearsal.matrix.judge import Verdicts, judge, pool
from rehearsal.matrix.rows import Matrix, Row, function
from rehearsal.matrix.take import take
from rehearsal.signals import undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from concurrent.futures import Executor
    from pathlib import Path

    from rehearsal.faults import Fault, Ground

HEALED_WITHIN = 30.0
"""Seconds after which a fleet that is still not as it was is given up, and starts over."""


def live(names: Collection[str], folder: Path, say: Callable[[str], None]) -> Matrix:
    """Run the faults of these names on the fleet; their recordings are left in `folder`."""
    start = time.monotonic()
    matrix = Matrix(complete=set(names) >= FAULTS.keys())
    chosen = sorted((FAULTS[name] for name in names), key=lambda fault: fault.ground.name)
    with _standing(say), pool() as judges:
        for ground, faults in groupby(chosen, key=lambda fault: fault.ground):
            stage = ground()
            stage.enter()
            before = _ground(stage, folder, judges)
            _learn(matrix, before)
            for fault in faults:
                row = _row(fault, stage, before, folder, judges)
                matrix.rows.append(row)
                say(_told(row, len(matrix.rows), len(chosen)))
            stage.leave()
    matrix.seconds = time.monotonic() - start
    return matrix


def recorded(folder: Path, names: Collection[str] | None = None) -> Matrix:
    """The same matrix, of all faults or those of these names, from recordings in `folder`."""
    start = time.monotonic()
    matrix = Matrix(complete=names is None)
    chosen = [FAULTS[name] for name in (FAULTS if names is None else names)]
    with pool() as judges:
        before = {
            ground: judges.submit(judge, folder / f"ground-{ground.name}", writes=ground.writes)
            for ground in {fault.ground for fault in chosen}
        }
        found = {
            fault: judges.submit(judge, folder / fault.title(), writes=fault.ground.writes)
            for fault in chosen
        }
        for fault in chosen:
            row = Row(fault)
            try:
                ground = before[fault.ground].result()
                _learn(matrix, ground)
                row.cells = compare(fault, ground, found[fault].result())
                if wrong := unsound(ground):
                    row.trouble = f"already before any fault, {'; '.join(wrong)}"
            except RuntimeError as error:
                row.trouble = str(error)
            matrix.rows.append(row)
    matrix.seconds = time.monotonic() - start
    return matrix


@contextmanager
def _standing(say: Callable[[str], None]) -> Iterator[None]:
    """Hold the fleet, after the cutover; it is left as it was found, up and sound or down."""
    with lock.held("rehearsal faults"):
        found = fleet.is_up()
        fleet.up("after", say)
        try:
            yield
        except BaseException:
            if found:
                say("broken off: the fleet starts over, so that nothing of a fault stays")
                with undisturbed():
                    fleet.reset("after", lambda _: None)
            raise
        finally:
            if not found:
                with undisturbed():
                    fleet.down()


def _learn(matrix: Matrix, ground: Verdicts) -> None:
    for check, judged in ground.items():
        matrix.checks.setdefault(function(check), judged)


def _ground(stage: Ground, folder: Path, judges: Executor) -> Verdicts:
    """What the checks say before any fault. Raises RehearsalError where that is not all well."""
    recording = folder / f"ground-{stage.name}"
    for _ in range(2):
        take(recording, stage.inventory, writes=stage.writes)
        found = judges.submit(judge, recording, writes=stage.writes).result()
        wrong = unsound(found)
        if not wrong:
            return found
        fleet.reset("after", lambda _: None)  # somebody has left something behind
        stage.enter()
    raise RehearsalError(f"already before any fault, {'; '.join(wrong)}")


def _row(
    fault: type[Fault], stage: Ground, before: Verdicts, folder: Path, judges: Executor
) -> Row:
    start = time.monotonic()
    row = Row(fault)
    happening = fault()
    recording = folder / fault.title()
    try:
        happening.inject()
        take(recording, stage.inventory, happening.inventory, writes=stage.writes)
        happening.heal()
        found = judges.submit(judge, recording, writes=stage.writes)
        row.trouble = _unhealed(stage, before, folder, judges)
        row.cells = compare(fault, before, found.result())
    except Exception as error:  # noqa: BLE001 - whatever it is, the other faults still run
        row.trouble = f"{type(error).__name__}: {error}"
    if row.trouble:  # then nobody knows what is left of the fault
        fleet.reset("after", lambda _: None)
        stage.enter()
    row.seconds = time.monotonic() - start
    return row


def _unhealed(stage: Ground, before: Verdicts, folder: Path, judges: Executor) -> str | None:
    """What is still not as it was before, looked at until it is, or given up."""
    end = time.monotonic() + HEALED_WITHIN
    recording = folder / "healed"
    while True:
        take(recording, stage.inventory, writes=stage.writes)
        after = judges.submit(judge, recording, writes=stage.writes).result()
        changed = [
            f"{check} is {after[check].outcome} ({after[check].reason})"
            for check in before
            if check not in after or after[check].outcome != before[check].outcome
        ]
        if not changed:
            return None
        if time.monotonic() > end:
            return f"does not heal: {'; '.join(changed)}"


def _told(row: Row, number: int, count: int) -> str:
    sign = "✕" if row.problems else "✓"
    width = len(str(count))
    line = f"{number:{width}} of {count}  {sign} {row.fault.title()}: "
    lines = [f"{line}{len(row.turned)} turned, {row.seconds:.1f} s"]
    return "\n".join(lines + [f"    {problem}" for problem in row.problems])
