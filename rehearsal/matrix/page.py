"""The matrix as a page and as data."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.run import PHASES
from fleetmesh.views import words
from fleetmesh.views.page import render_file, style
from rehearsal.matrix.rows import function

if TYPE_CHECKING:
    from datetime import datetime

    from rehearsal.faults import Fault
    from rehearsal.matrix.compare import Cell
    from rehearsal.matrix.judge import Judged
    from rehearsal.matrix.rows import Matrix, Row

_HERE = Path(__file__).parent
_STYLES = (Path(words.__file__).with_name("common.css"), _HERE / "faults.css")
_GRAVITY = {outcome.value: place for place, outcome in enumerate(Outcome)}


@dataclass(frozen=True)
class Square:
    """All cases of one check in one fault: the gravest of those that turned, else of all."""

    cells: tuple[Cell, ...]

    @property
    def turned(self) -> tuple[Cell, ...]:
        """The cases that had to turn, or did so without being asked."""
        return tuple(cell for cell in self.cells if cell.turned or cell.problem)

    @property
    def wrong(self) -> bool:
        """Whether a case fails the matrix."""
        return any(cell.problem for cell in self.cells)

    @property
    def outcome(self) -> Outcome:
        """What is shown of it all."""
        shown = self.turned or self.cells
        return Outcome(min((c.judged.outcome for c in shown), key=_GRAVITY.__getitem__))

    @property
    def told(self) -> str:
        """Each turned case's reason, a line each."""
        return "\n".join(
            f"{cell.check}: {cell.problem or cell.judged.reason}" for cell in self.turned
        )


def html(matrix: Matrix, started: datetime) -> str:
    """The page `faults.html`: complete in itself, and without scripts."""
    checks = _in_order(matrix)
    phases = [(phase, len([*some])) for phase, some in groupby(c.phase for c in checks.values())]
    turns = {
        name: sum(any(function(c.check) == name for c in row.turned) for row in matrix.rows)
        for name in checks
    }
    return render_file(
        _HERE / "faults.html",
        matrix=matrix,
        checks=checks,
        started=started,
        words=words,
        signs={outcome.value: outcome.sign for outcome in Outcome},
        outcomes=Outcome,
        phases=phases,
        turns=turns,
        areas=_areas(matrix),
        squares=squares,
        ends=ends,
        what=what,
        **style(*_STYLES),
    )


def data(matrix: Matrix, started: datetime) -> str:
    """`faults.json`: what the page says, for programs; cells that stayed as they were left out."""
    counts = ("holds", "complete", "caught", "missed", "false_alarms", "troubled", "uncovered")
    listed = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(matrix.seconds, 1),
        "tried": len(matrix.rows),
        **{name: getattr(matrix, name) for name in counts},
        "impossible": matrix.impossible,
        "untried": matrix.untried,
        "checks": {name: {"id": c.id, "phase": c.phase} for name, c in _in_order(matrix).items()},
        "faults": [_plain(row) for row in matrix.rows],
    }
    return json.dumps(listed, indent=1, ensure_ascii=False) + "\n"


def squares(matrix: Matrix, row: Row) -> dict[str, Square | None]:
    """One for each check, in the order of the columns; None where it did not report at all."""
    found: dict[str, list[Cell]] = {name: [] for name in _in_order(matrix)}
    for cell in row.cells:
        if (name := function(cell.check)) in found:  # else a fault misnames it: see its problems
            found[name].append(cell)
    return {name: Square(tuple(cells)) if cells else None for name, cells in found.items()}


def ends(matrix: Matrix, row: Row) -> dict[tuple[str, str, str | None], list[Cell]]:
    """What turned, by outcome, reason and problem: one silent host is one reason for many."""
    found: dict[tuple[str, str, str | None], list[Cell]] = {}
    for square in squares(matrix, row).values():
        for cell in square.turned if square else ():
            told = (cell.judged.outcome, cell.judged.reason, cell.problem)
            found.setdefault(told, []).append(cell)
    return found


def what(fault: type[Fault]) -> str:
    """What happens, in one line."""
    return " ".join((fault.__doc__ or "").split())


def area(fault: type[Fault]) -> str:
    """What the fault is about: the first sentence of its module."""
    text = sys.modules[fault.__module__].__doc__ or fault.__module__
    return " ".join(text.split()).partition(". ")[0].rstrip(".")


def _in_order(matrix: Matrix) -> dict[str, Judged]:
    """The checks in the runbook's order."""
    place = {name: (PHASES.index(c.phase), c.id) for name, c in matrix.checks.items()}
    return {name: matrix.checks[name] for name in sorted(matrix.checks, key=place.__getitem__)}


def _areas(matrix: Matrix) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in matrix.rows:
        found.setdefault(area(row.fault), []).append(row)
    return found


def _plain(row: Row) -> dict[str, Any]:
    return {
        "name": row.fault.title(),
        "what": what(row.fault),
        "area": area(row.fault),
        "ground": row.fault.ground.name,
        "seconds": round(row.seconds, 1),
        "asked": round(row.asked, 1),
        "patience": row.patience,
        "problems": row.problems,
        "problems_at_first": row.at_first,
        "turned": [
            {
                "check": cell.check,
                "id": cell.judged.id,
                "expected": cell.expected.outcome,
                "words": cell.expected.words,
                "outcome": cell.judged.outcome,
                "reason": cell.judged.reason,
                "problem": cell.problem,
            }
            for cell in row.cells
            if cell.turned or cell.problem
        ],
    }
