"""What the matrix has found: a row a fault, and what all of them amount to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rehearsal.faults import Fault
    from rehearsal.matrix.compare import Cell
    from rehearsal.matrix.judge import Judged


def function(check: str) -> str:
    """The check's name without its case: `PROD-08.enabled[fleet-…]` → `PROD-08.enabled`."""
    return check.partition("[")[0]


@dataclass
class Row:
    """One fault and everything that the checks made of it."""

    fault: type[Fault]
    cells: list[Cell] = field(default_factory=list)
    seconds: float = 0.0
    asked: float = 0.0
    """Seconds that it took to ask the fleet everything, while the fault lasted."""
    patience: float = 0.0
    """Seconds within which that must end: the sum of the deadlines that it may touch."""
    trouble: str | None = None
    """What went wrong besides the checks: the fault could not be made, judged or healed."""
    unquoted: list[str] = field(default_factory=list)
    """What the fault shows and the diagnostics do not quote."""
    at_first: list[str] = field(default_factory=list)
    """The problems of the first try, where this is the second."""

    @property
    def turned(self) -> list[Cell]:
        """The cells that had to turn."""
        return [cell for cell in self.cells if cell.turned]

    @property
    def caught(self) -> bool:
        """Whether every check that had to turn did so, for the named reason."""
        return self._looked_at and not any(cell.problem for cell in self.turned)

    @property
    def problems(self) -> list[str]:
        """Everything that fails the matrix here."""
        wrong = [f"{cell.check}: {cell.problem}" for cell in self.cells if cell.problem]
        wrong += self.unquoted
        if self.asked > self.patience:
            late = f"{self.asked:.1f} s, longer than the {self.patience:g} s of all its deadlines"
            wrong.append(f"asking the fleet took {late}")
        if self.trouble:
            return [self.trouble, *wrong]
        return wrong if self._looked_at else ["turns nothing", *wrong]

    @property
    def _looked_at(self) -> bool:
        return bool(self.cells) and (bool(self.fault.harmless_to) != bool(self.turned))


@dataclass
class Matrix:
    """All rows, and which checks there are."""

    rows: list[Row] = field(default_factory=list)
    checks: dict[str, Judged] = field(default_factory=dict)
    """Every check without its cases, with the end of one of them before anything happened."""
    every: bool = True
    """Whether every known fault was chosen."""
    seconds: float = 0.0
    impossible: dict[str, str] = field(default_factory=dict)
    """Faults that cannot happen on this fleet, and why: neither tried nor caught."""
    untried: list[str] = field(default_factory=list)
    """Faults for which the time did not suffice."""

    @property
    def complete(self) -> bool:
        """Whether every known fault was tried, so that each check must have been turned by one."""
        return self.every and not self.untried

    @property
    def caught(self) -> int:
        """Faults of which everything was noticed that had to be."""
        return sum(row.caught for row in self.rows)

    @property
    def missed(self) -> int:
        """Faults of which something was not noticed, or not for the named reason."""
        return len(self.rows) - self.caught

    @property
    def false_alarms(self) -> int:
        """Ends of checks that no fault explains."""
        return sum(bool(c.problem) for row in self.rows for c in row.cells if not c.turned)

    @property
    def troubled(self) -> int:
        """Faults that could not be made, judged or healed."""
        return sum(row.trouble is not None for row in self.rows)

    @property
    def uncovered(self) -> list[str]:
        """Checks that no fault proves able to fail."""
        proven = {function(cell.check) for row in self.rows for cell in row.cells if cell.proven}
        return sorted(self.checks.keys() - proven)

    @property
    def holds(self) -> bool:
        """Whether each fault was noticed, nothing else was, and no check is left unproven."""
        sound = not any(row.problems for row in self.rows)
        return bool(self.rows) and sound and not (self.complete and self.uncovered)

    def summary(self) -> list[str]:
        """What it amounts to, a line each."""
        lines = [
            f"✕ {row.fault.title()}: {problem}" for row in self.rows for problem in row.problems[:3]
        ]
        lines += [
            f"faults tried    {len(self.rows):4}",
            f"caught          {self.caught:4}",
            f"missed          {self.missed:4}",
            f"false alarms    {self.false_alarms:4}",
            f"checks covered  {len(self.checks) - len(self.uncovered):4} of {len(self.checks)}",
        ]
        if self.troubled:
            lines.append(f"not made/healed {self.troubled:4}")
        if self.impossible:
            names = ", ".join(self.impossible)
            lines.append(f"not possible    {len(self.impossible):4} here: {names}")
        if second := [row.fault.title() for row in self.rows if row.at_first]:
            lines.append(f"tried twice     {len(second):4}: {', '.join(second)}")
        if self.untried:
            lines.append(f"not tried       {len(self.untried):4}: {', '.join(self.untried)}")
        if self.complete and self.uncovered:
            lines.append(f"unproven        {', '.join(self.uncovered)}")
        holds = "holds as far as it was tried" if self.untried else "holds"
        lines.append(f"The matrix {holds if self.holds else 'does not hold'}.")
        return lines
