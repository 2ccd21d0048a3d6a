"""Holds what changed against what was expected to change."""

from collections.abc import Iterable
from dataclasses import dataclass

from fleetmesh.state.changes import Change
from fleetmesh.state.expectation import Expected


@dataclass(frozen=True)
class Judgement:
    """What happened as expected, what besides, and what did not happen."""

    as_expected: tuple[Change, ...]
    besides: tuple[Change, ...]
    did_not: tuple[Expected, ...]

    @property
    def findings(self) -> list[str]:
        """A line for everything that is otherwise than expected."""
        return [
            *(f"not expected: {change}" for change in self.besides),
            *(f"did not happen: {expected}" for expected in self.did_not),
        ]


def judge(changes: Iterable[Change], expected: Iterable[Expected]) -> Judgement:
    """Hold changes against expectations; a change that is expected twice counts for both."""
    changes, expected = tuple(changes), tuple(expected)
    return Judgement(
        tuple(change for change in changes if any(one.is_this(change) for one in expected)),
        tuple(change for change in changes if not any(one.is_this(change) for one in expected)),
        tuple(one for one in expected if not one.may and not any(map(one.is_this, changes))),
    )
