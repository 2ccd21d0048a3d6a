"""What a fault is: something that happens to a fleet, and what the checks must make of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rehearsal.image import BARE, DEFAULT, GENERATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Turn:
    """How a check must end, and words that must stand in its reason."""

    outcome: str
    words: str


def fail(words: str) -> Turn:
    """The check fails for a reason with these words."""
    return Turn("fail", words)


def warn(words: str) -> Turn:
    """The check advises, with these words."""
    return Turn("warn", words)


def inconclusive(words: str) -> Turn:
    """The check could not see, for a cause with these words."""
    return Turn("inconclusive", words)


def passes() -> Turn:
    """The check passes, although it does not on the ground that the fault happens on."""
    return Turn("pass", "")


class Ground:
    """The fleet after the cutover; what a fault happens to.

    A subclass prepares another ground. `enter` and `leave` bracket all of its faults.
    """

    name: ClassVar[str] = "after"
    writes: ClassVar[bool] = False
    tests: ClassVar[tuple[str, ...]] = ("tests", "--ignore=tests/own")
    """How pytest is told by which checks this ground, and what happens to it, is judged."""

    def enter(self) -> None:
        """Bring the fleet from the state after the cutover to this ground."""

    def leave(self) -> None:
        """Bring it back."""

    def inventory(self, document: dict[str, Any]) -> None:
        """Change the inventory, as plain data, to what this ground needs."""


class Expectation:
    """What checks must make of something that happens.

    `turns` maps a check (`PROD-08.enabled`, or one case of it, `PROD-08.enabled[fleet-…]`) to its
    end; the more exact key wins. `blinds` does so for every check that looks at a host: what
    needed the host must not stay green. Everything that neither names must end as it did before.
    """

    turns: ClassVar[Mapping[str, Turn]] = {}
    blinds: ClassVar[Mapping[str, Turn]] = {}
    shows: ClassVar[tuple[str, ...]] = ()
    """Words of the lines that the diagnostics must quote of what does not hold."""
    deadlines: ClassVar[Mapping[str, float]] = {}
    """Seconds, for `limits` of the inventory, where nothing will answer and waiting is in vain."""


class Fault(Expectation):
    """What happens, in one line.

    What is `harmless_to` a check turns nothing, and proves that nothing is alarmed by it.
    """

    harmless_to: ClassVar[str] = ""
    """The check that one might fear for, where the fault turns none at all."""
    since: ClassVar[Mapping[str, str]] = {}
    """The oldest generation of a machine on which it can happen, by machine."""
    ground: ClassVar[type[Ground]] = Ground

    def inject(self) -> None:
        """Make it happen, by the means by which it happens in life."""
        raise NotImplementedError

    def heal(self) -> None:
        """Undo it; the runner then looks until every check ends as it did before."""
        raise NotImplementedError

    def inventory(self, document: dict[str, Any]) -> None:
        """Change the inventory, as plain data, where the fault is one of the inventory."""

    @classmethod
    def impossible(cls, generations: Mapping[str, str]) -> str | None:
        """On which machine of a fleet it cannot happen, and since when it can; None if it can."""
        for machine, oldest in cls.since.items():
            here = DEFAULT if generations[machine] == BARE else generations[machine]
            if GENERATIONS.index(here) < GENERATIONS.index(oldest):
                return f"{machine} is {generations[machine]}, and it can happen since {oldest}"
        return None

    @classmethod
    def title(cls) -> str:
        """The fault's name on the command line and on disk: FleetKeyGone → fleet-key-gone."""
        words = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
        return re.sub(words, "-", cls.__name__).lower()
