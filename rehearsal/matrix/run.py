"""The matrix as a whole: live, on the rehearsal fleet, or from recordings."""

from __future__ import annotations

import time
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING

from rehearsal import fleet, lock
from rehearsal.faults import FAULTS
from rehearsal.matrix.compare import compare, unsound
from rehearsal.matrix.judge import Verdicts, judge, pool
from rehearsal.matrix.rows import Matrix, Row, function
from rehearsal.matrix.stage import Stage
from rehearsal.signals import undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path


def live(names: Collection[str], folder: Path, say: Callable[[str], None]) -> Matrix:
    """Run the faults of these names on the fleet; their recordings are left in `folder`."""
    start = time.monotonic()
    matrix = Matrix(complete=set(names) >= FAULTS.keys())
    chosen = sorted((FAULTS[name] for name in names), key=lambda fault: fault.ground.name)
    with _standing(say), pool() as judges:
        for ground, faults in groupby(chosen, key=lambda fault: fault.ground):
            stage = Stage(ground(), folder, judges)
            stage.enter()
            _learn(matrix, stage.before)
            for row in stage.rows(faults):
                matrix.rows.append(row)
                say(_told(row, len(matrix.rows), len(chosen)))
            stage.leave()
    order = list(FAULTS)
    matrix.rows.sort(key=lambda row: order.index(row.fault.title()))
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


def _told(row: Row, number: int, count: int) -> str:
    sign = "✕" if row.problems else "✓"
    width = len(str(count))
    line = f"{number:{width}} of {count}  {sign} {row.fault.title()}: "
    lines = [f"{line}{len(row.turned)} turned, {row.seconds:.1f} s"]
    return "\n".join(lines + [f"    {problem}" for problem in row.problems])
