"""Whether a run that waits has waited enough: attempt after attempt, until all holds and lasts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from fleetmesh.evidence.outcomes import Outcome, Verdict, verdict

_UNITS = {"s": 1, "m": 60, "h": 3600}
STANDSTILL = 3.0
"""Seconds in which a process may stand still: what happens in more of them, nobody has seen."""
_WELL = frozenset(Outcome) - {Outcome.FAIL, Outcome.INCONCLUSIVE}


def seconds(text: str) -> float:
    """`90s`, `5m` or `1h`. Raises ValueError."""
    match = re.fullmatch(r"(\d{1,6})([smh])", text)
    if not match:
        raise ValueError(f"{text!r} is no span of time such as 90s, 5m or 1h")
    return float(match[1]) * _UNITS[match[2]]


@dataclass(frozen=True)
class Attempt:
    """How every check ended on one snapshot."""

    at: float
    """Seconds since the waiting began at which the snapshot was begun."""
    outcomes: Mapping[str, Outcome]
    """By check and case."""
    starts: Mapping[str, object] = field(default_factory=dict)
    """What tells one start of a unit or pod from the next; see `Waiting.steady_since`."""
    stood_still: float = 0.0
    """Seconds since the attempt before for which the process itself was suspended."""
    hopeless: str | None = None
    """What keeps a host from being looked at and cannot go away by itself."""

    @property
    def ready(self) -> bool:
        """Whether nothing fails and all was seen."""
        return verdict(self.outcomes.values(), missing=0) is Verdict.READY

    @property
    def unwell(self) -> tuple[str, ...]:
        """The checks that keep it from being ready."""
        return tuple(check for check, end in self.outcomes.items() if end not in _WELL)


@dataclass
class Waiting:
    """The attempts of a run that waits for `limit` seconds, for all to hold for `steady` ones."""

    limit: float
    steady: float
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def steady_since(self) -> float | None:
        """When the last attempts began that are all ready, with nothing started in between."""
        since = None
        for before, attempt in zip([None, *self.attempts], self.attempts, strict=False):
            if not attempt.ready:
                since = None
            elif (
                since is None
                or attempt.stood_still > STANDSTILL
                or (before and before.starts != attempt.starts)
            ):
                since = attempt.at
        return since

    @property
    def settled(self) -> bool:
        """Whether it is ready, and has been for as long as it must."""
        since = self.steady_since
        return since is not None and self.attempts[-1].at - since >= self.steady

    def ends(self, now: float) -> str | None:
        """Why there is no further attempt, `now` seconds after the beginning; None if there is."""
        last = self.attempts[-1]
        if last.hopeless:
            return f"waiting is in vain: {last.hopeless}"
        if self.settled:
            return f"ready for {last.at - (self.steady_since or 0):.0f} s"
        return f"{self.limit:g} s are over" if now >= self.limit else None

    def unsteady(self) -> str | None:
        """What a run that ends here must not pass over; None if its own verdict says it all."""
        since = self.steady_since
        if since is None or self.settled:
            return None
        held = self.attempts[-1].at - since
        return (
            f"{self.steady:g} s without a change: everything held for {held:.0f} s when the "
            f"{self.limit:g} s were over"
        )

    def held_after(self) -> dict[str, float | None]:
        """Seconds after which each check held to the end; None for one that did not."""
        held: dict[str, float | None] = {}
        for attempt in self.attempts:
            for check, end in attempt.outcomes.items():
                if end not in _WELL:
                    held[check] = None
                elif held.get(check) is None:
                    held[check] = round(attempt.at, 1)
        return held
