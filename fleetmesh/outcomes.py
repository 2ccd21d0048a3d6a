"""What a check can end in, and what a run amounts to.

    Outcome
     ├─ PASS           observed, and as the runbook wants it
     ├─ WARN           observed, not as wanted, but only advisory (`gate: warn`)
     ├─ DEFERRED       postponed by the runbook itself; the inventory says until what
     ├─ WAIVED         failing, and accepted by somebody until a day
     ├─ ACCEPTED       inconclusive, and accepted by somebody until a day
     ├─ FAIL           observed, and not as the runbook wants it
     └─ INCONCLUSIVE   not observed, or observed and not understood

Only the first five let a run be READY.
"""

from collections import Counter
from collections.abc import Iterable
from enum import Enum


class Outcome(Enum):
    """How one check ended."""

    PASS = "pass"  # noqa: S105 — a word for an outcome
    WARN = "warn"
    DEFERRED = "deferred"
    WAIVED = "waived"
    ACCEPTED = "accepted"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class Verdict(Enum):
    """How a whole run ended; `exit_status` is the process's."""

    READY = "READY"
    NOT_READY = "NOT READY"
    INCONCLUSIVE = "INCONCLUSIVE"
    INCOMPLETE = "INCOMPLETE"

    @property
    def exit_status(self) -> int:
        """0 ready, 1 not ready, 6 inconclusive or incomplete; 2 to 5 stay pytest's own."""
        return {Verdict.READY: 0, Verdict.NOT_READY: 1}.get(self, 6)


class Inconclusive(Exception):
    """A check could not observe what it needs. Its text is the cause, in one sentence."""


class Deferred(Exception):
    """A check is postponed by the runbook. Its text is what was found meanwhile."""


def verdict(outcomes: Iterable[Outcome], *, missing: int) -> Verdict:
    """What the outcomes amount to; `missing` planned checks did not report at all.

    A run without any outcome is INCOMPLETE: nothing was looked at.
    """
    counted = Counter(outcomes)
    if missing or not counted:
        return Verdict.INCOMPLETE
    if counted[Outcome.FAIL]:
        return Verdict.NOT_READY
    if counted[Outcome.INCONCLUSIVE]:
        return Verdict.INCONCLUSIVE
    return Verdict.READY
