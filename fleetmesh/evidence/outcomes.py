"""How a check can end, and what the outcomes of a run amount to.

A run is not READY if a check failed or could not be concluded. No other outcome prevents READY.
"""

from collections import Counter
from collections.abc import Iterable
from enum import Enum
from typing import Any, Literal


class Outcome(Enum):
    """How one check ended, gravest first; the value is the word for it.

    Each member knows how to show itself: by `sign` in pages, by `letter` and `colour` in the
    terminal, so that colour never stands alone. It also knows what it is to others: `report` to
    pytest; `row`, the category by which pytest-html filters and sorts; and `test`, its list in an
    in-toto test result.
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
        """What it says about the check's sentence of the runbook."""
        return _MEANINGS[self.value]

    @property
    def ill(self) -> bool:
        """Whether it is worth asking why: it does not hold, or is not seen, and is not accepted."""
        return self in (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.WARN)


_MEANINGS = {
    "fail": "observed, and not as the runbook wants it",
    "inconclusive": "not observed, or not understood",
    "accepted": "not observed, and accepted until a date",
    "waived": "failing, and accepted until a date",
    "warn": "not as wanted, but only advisory",
    "deferred": "postponed by the runbook itself",
    "pass": "observed, and as the runbook wants it",
}


class Verdict(Enum):
    """How a whole run ended; `exit_status` is that of the process."""

    READY = "READY"
    NOT_READY = "NOT READY"
    INCONCLUSIVE = "INCONCLUSIVE"
    INCOMPLETE = "INCOMPLETE"

    @property
    def exit_status(self) -> int:
        """0 ready, 1 not ready, 6 inconclusive or incomplete; 2 to 5 remain pytest's own."""
        return {Verdict.READY: 0, Verdict.NOT_READY: 1}.get(self, 6)


class Deferred(Exception):
    """A check is postponed by the runbook. Its text is what was found meanwhile."""


def verdict(outcomes: Iterable[Outcome], *, missing: int) -> Verdict:
    """What the outcomes amount to, given that `missing` planned checks did not report.

    A run without any outcome is INCOMPLETE: it looked at nothing.
    """
    counted = Counter(outcomes)
    if missing or not counted:
        return Verdict.INCOMPLETE
    if counted[Outcome.FAIL]:
        return Verdict.NOT_READY
    if counted[Outcome.INCONCLUSIVE]:
        return Verdict.INCONCLUSIVE
    return Verdict.READY
