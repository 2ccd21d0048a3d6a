"""The matrix: every fault, made to happen, judged, healed, and the fleet seen to be as before."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from rehearsal import fleet
from rehearsal.faults import FAULTS
from rehearsal.matrix.compare import Cell, compare
from rehearsal.matrix.judge import Verdicts, judge, pool
from rehearsal.matrix.take import take

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Executor
    from pathlib import Path

    from rehearsal.faults import Fault, Ground


@dataclass
class Row:
    """One fault and everything that the checks made of it."""

    fault: type[Fault]
    cells: list[Cell] = field(default_factory=list)
    seconds: float = 0.0
    trouble: str | None = None
    """What went wrong besides the checks: the fault could not be made or healed."""

    @property
    def problems(self) -> list[str]:
        """Everything that fails the matrix here."""
        wrong = [f"{cell.check}: {cell.problem}" for cell in self.cells if cell.problem]
        if not any(cell.turned for cell in self.cells) and not self.trouble:
            wrong.append("turns nothing")
        return [self.trouble, *wrong] if self.trouble else wrong


@dataclass
class Matrix:
    """All rows, and which checks there are."""

    rows: list[Row] = field(default_factory=list)
    checks: set[str] = field(default_factory=set)
    """Names of the checks, without their cases."""

    @property
    def uncovered(self) -> list[str]:
        """Checks that no fault turned as it should."""
        turned = {
            cell.check.partition("[")[0]
            for row in self.rows
            for cell in row.cells
            if cell.turned and not cell.problem and cell.judged.outcome != "pass"
        }
        return sorted(self.checks - turned)

    @property
    def missed(self) -> int:
        """Cells that had to turn and did not, or not for the named reason."""
        return sum(1 for row in self.rows for c in row.cells if c.turned and c.problem)

    @property
    def false_alarms(self) -> int:
        """Cells that had to stay as they were and did not."""
        return sum(1 for row in self.rows for c in row.cells if not c.turned and c.problem)


def live(names: Iterable[str], folder: Path, say: Callable[[str], None]) -> Matrix:
    """Run the faults of these names on the fleet; their recordings are left in `folder`."""
    fleet.up("after", lambda _: None)
    matrix = Matrix()
    chosen = sorted((FAULTS[name] for name in names), key=lambda fault: fault.ground.name)
    with pool() as judges:
        for ground, faults in groupby(chosen, key=lambda fault: fault.ground):
            stage = ground()
            stage.enter()
            try:
                before = _ground(stage, folder, judges)
                matrix.checks |= {check.partition("[")[0] for check in before}
                for fault in faults:
                    row = _row(fault, stage, before, folder, judges)
                    matrix.rows.append(row)
                    say(_told(row))
            finally:
                stage.leave()
    return matrix


def recorded(folder: Path) -> Matrix:
    """The same matrix from recordings in `folder`, without any fleet."""
    matrix = Matrix()
    with pool() as judges:
        grounds = {fault.ground for fault in FAULTS.values()}
        before = {
            ground: judges.submit(judge, folder / f"ground-{ground.name}", writes=ground.writes)
            for ground in grounds
        }
        found = {
            name: judges.submit(judge, folder / name, writes=fault.ground.writes)
            for name, fault in FAULTS.items()
        }
        for name, fault in FAULTS.items():
            ground = before[fault.ground].result()
            matrix.checks |= {check.partition("[")[0] for check in ground}
            matrix.rows.append(Row(fault, compare(fault, ground, found[name].result())))
    return matrix


def _ground(stage: Ground, folder: Path, judges: Executor) -> Verdicts:
    recording = folder / f"ground-{stage.name}"
    take(recording, stage.inventory, writes=stage.writes)
    return judges.submit(judge, recording, writes=stage.writes).result()


def _row(
    fault: type[Fault], stage: Ground, before: Verdicts, folder: Path, judges: Executor
) -> Row:
    start = time.monotonic()
    row = Row(fault)
    happening = fault()
    recording = folder / fault.title()
    try:
        try:
            happening.inject()
            take(recording, stage.inventory, happening.inventory, writes=stage.writes)
        finally:
            happening.heal()
        found = judges.submit(judge, recording, writes=stage.writes)
        row.trouble = _unhealed(stage, before, folder, judges)
        row.cells = compare(fault, before, found.result())
    except Exception as error:  # noqa: BLE001 - whatever it is, the other faults still run
        row.trouble = f"{type(error).__name__}: {error}"
    if row.trouble:
        fleet.reset("after", lambda _: None)
        stage.enter()
    row.seconds = time.monotonic() - start
    return row


def _unhealed(stage: Ground, before: Verdicts, folder: Path, judges: Executor) -> str | None:
    fleet.wait_until_served()
    recording = folder / "healed"
    take(recording, stage.inventory, writes=stage.writes)
    after = judges.submit(judge, recording, writes=stage.writes).result()
    changed = [
        f"{check} is {after[check].outcome} ({after[check].reason})"
        for check in before
        if check not in after or after[check].outcome != before[check].outcome
    ]
    return f"does not heal: {'; '.join(changed)}" if changed else None


def _told(row: Row) -> str:
    sign = "✕" if row.problems else "✓"
    turned = sum(1 for cell in row.cells if cell.turned)
    lines = [f"{sign} {row.fault.title()}: {turned} turned, {row.seconds:.1f} s"]
    return "\n".join(lines + [f"    {problem}" for problem in row.problems])
