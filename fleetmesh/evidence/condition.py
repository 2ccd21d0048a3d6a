"""In what condition something is that does not hold: not there yet, settling, down or broken.

A condition explains an outcome, and never changes one.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from fleetmesh.gather import plain


class State(Enum):
    """The word for a condition. What nobody can tell for sure is BROKEN."""

    NOT_YET = "not yet"
    SETTLING = "settling"
    DOWN = "down"
    BROKEN = "broken"

    @property
    def meaning(self) -> str:
        """What it says, in a few words."""
        return _MEANINGS[self.value]


_MEANINGS = {
    "not yet": "the step of the runbook has not been done",
    "settling": "it passes by itself, at a time that is known",
    "down": "a service does not answer now",
    "broken": "anything else",
}


@dataclass(frozen=True)
class Condition:
    """A state, and what it waits for."""

    state: State
    step: str = ""
    """Of what is not yet: the step of the runbook that makes it true, such as `Cutover 2`."""
    first: str = ""
    """The step that has to be done before that one; empty if it is the next itself."""
    command: str = ""
    """What to type for the step that is next; empty where the inventory does not tell."""
    until: datetime | None = None
    """Of what is settling: the moment from which it passes by itself."""

    def __str__(self) -> str:
        if self.state is State.NOT_YET:
            return (
                f"{self.state.value}: {self.step}{f' (first {self.first})' if self.first else ''}"
            )
        if self.until:
            return f"{self.state.value} until {self.until.astimezone(UTC):%H:%M:%SZ}"
        return str(self.state.value)

    @property
    def next_step(self) -> "Condition":
        """Of what is not yet: the same of the step that is next."""
        return replace(self, step=self.first or self.step, first="")

    def plain(self) -> dict[str, Any]:
        """As plain data, without what is empty."""
        given = {
            "step": self.step,
            "first": self.first,
            "command": self.command,
            "until": plain.rfc3339(self.until) if self.until else "",
        }
        return {"state": self.state.value, **{name: text for name, text in given.items() if text}}
