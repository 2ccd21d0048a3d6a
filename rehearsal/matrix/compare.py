"""Holds what the checks made of a fault against what they must make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fleetmesh.evidence.outcomes import Outcome
from rehearsal.faults.fault import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.faults.fault import Expectation
    from rehearsal.matrix.judge import Judged, Verdicts


@dataclass(frozen=True)
class Cell:
    """One check in one fault: how it ended, how it must, and what is wrong with that."""

    check: str
    judged: Judged
    expected: Turn
    turned: bool
    problem: str | None

    @property
    def proven(self) -> bool:
        """Whether it shows that the check can fail, and not only that it can be blind."""
        return self.turned and not self.problem and self.judged.outcome in ("fail", "warn")


def compare(fault: type[Expectation], ground: Verdicts, found: Verdicts) -> list[Cell]:
    """A cell for every check; one that `turns` names but no check bears is a problem, too."""
    cells = [_cell(fault, check, ground, found) for check in sorted(ground.keys() | found.keys())]
    return cells + list(_unknown(fault, ground))


def unsound(ground: Verdicts) -> list[str]:
    """What is wrong before any fault: a matrix on such a ground would prove nothing."""
    return [
        f"{check} ended in {judged.outcome} ({judged.reason})"
        for check, judged in ground.items()
        if judged.outcome not in ("pass", "deferred", "waived", "accepted")
    ]


def case(check: str) -> str:
    """The case of a check: `PROD-08.enabled[fleet-…]` → `fleet-…`."""
    return check.partition("[")[2].removesuffix("]")


def ill(fault: type[Expectation], ground: Verdicts) -> set[str]:
    """The checks that turn in `fault`, and do not hold then."""
    return {
        check
        for check, judged in ground.items()
        for turn in (expected(fault, check, ground),)
        if turn.outcome != judged.outcome and Outcome(turn.outcome).ill
    }


def unquoted(fault: type[Expectation], ground: Verdicts, found: Verdicts) -> list[str]:
    """What the fault `shows`, and no check that turns says, in its reason or in a line quoted."""
    here = [found[check] for check in ill(fault, ground) & found.keys()]
    told = [line for judged in here for line in (judged.reason, *judged.quotes)]
    return [f"no line is quoted with {w!r}" for w in fault.shows if not any(w in s for s in told)]


def expected(fault: type[Expectation], check: str, ground: Verdicts) -> Turn:
    """How `check` must end in `fault`."""
    name = check.partition("[")[0]
    for key in (check, name):
        if key in fault.turns:
            return fault.turns[key]
    before = ground[check]
    for host, turn in fault.blinds.items():
        if host in before.hosts and before.outcome != "deferred":
            return turn
    return Turn(before.outcome, "")


def _cell(fault: type[Expectation], check: str, ground: Verdicts, found: Verdicts) -> Cell:
    if check not in ground or check not in found:
        judged = found.get(check) or ground[check]
        where = "in the fault" if check in found else "on the ground"
        return Cell(check, judged, Turn("", ""), False, f"reported only {where}")
    judged, turn = found[check], expected(fault, check, ground)
    turned = turn.outcome != ground[check].outcome
    problem = None
    if judged.outcome != turn.outcome:
        told = f" ({judged.reason})" if judged.reason else ""
        problem = f"ended in {judged.outcome}, not {turn.outcome}{told}"
    elif turned and turn.words not in judged.reason:
        problem = f"the reason lacks {turn.words!r}: {judged.reason}"
    return Cell(check, judged, turn, turned, problem)


def _unknown(fault: type[Expectation], ground: Verdicts) -> Iterator[Cell]:
    known = {*ground, *(check.partition("[")[0] for check in ground)}
    nobody = next(iter(ground.values()))
    for key in fault.turns.keys() - known:
        yield Cell(key, nobody, fault.turns[key], True, "no check of that name")
