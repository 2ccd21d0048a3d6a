"""What a check can end in, and what a run amounts to.

A run with a check that failed, or that could not be concluded, is not READY; every other outcome
lets it be.
"""

from collections import Counter
from collections.abc import Iterable
from enum import Enum
from typing import Any, Literal


class Outcome(Enum):
    """How one check ended, gravest first; its value is the word for it.

    Each carries how it is shown: `sign` in pages and `letter` in the terminal, so that colour is
    never alone, and its `colour` there. And what it is to others: pytest's own `report`, `row`, the
    category by which pytest-html filters and sorts, and `test`, its list in an in-toto test result.
    """

    FAIL = "fail", "✕", "F", "red", "failed", "error", "failed"
    INCONCLUSIVE = "inconclusive", "?", "?", "yellow", "failed", "failed", "failed"
    ACCEPTED = "accepted", "¿", "u", None, "skipped", "rerun", "warned"
    WAIVED = "waived", "~", "v", None, "skipped", "xfailed", "warned"
    WARN = "warn", "!", "w", None, "passed", "xpassed", "warned"
    DEFERRED = "deferred", "…", "d", None, "skipped", "skipped", None
    PASS = "pass", "✓", ".", "green", "passed", "passed", "passed"

    sign: str
    letter: str
    colour: str | None
    report: Literal["passed", "failed", "skipped"]
    row: str
    test: str | None

    def __new__(cls, *given: Any) -> "Outcome":
        """Take the word as the value, and keep the rest by name."""
        outcome = object.__new__(cls)
        outcome._value_, outcome.sign, outcome.letter, outcome.colour, *rest = given
        outcome.report, outcome.row, outcome.test = rest
        return outcome

    @property
    def meaning(self) -> str:
        """What it says of the runbook's sentence."""
        return _MEANINGS[self.value]


_MEANINGS = {
    "fail": "observed, and not as the runbook wants it",
    "inconclusive": "not observed, or not understood",
    "accepted": "not observed, and accepted until a day",
    "waived": "failing, and accepted until a day",
    "warn": "not as wanted, but only advisory",
    "deferred": "postponed by the runbook itself",
    "pass": "observed, and as the runbook wants it",
}


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
