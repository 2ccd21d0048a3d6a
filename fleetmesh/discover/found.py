"""What discovery comes to: a value for the inventory, or a finding that stays out of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from fleetmesh.by_hand import on
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.text import yaml_edit
from fleetmesh.text.legible import brief

Place = yaml_edit.Place
"""Where a value stands in an inventory: `("hosts", "workstation", "hostname")`."""


@dataclass(frozen=True)
class Seen:
    """Where something was seen: what a person would type to see it, on which host, and when."""

    command: str
    host: str
    at: datetime
    inventory: Inventory = field(repr=False, compare=False)

    @classmethod
    def by(cls, transcript: Transcript, inventory: Inventory) -> "Seen":
        """Where the answer of a transcript was seen."""
        return cls(brief(transcript.command, 200), transcript.host, transcript.started, inventory)

    def like(self, command: str) -> "Seen":
        """The same, seen by a shorter command on that host, which shows as much."""
        return replace(self, command=on(self.inventory, self.host, command))

    @property
    def time(self) -> str:
        """When, in UTC, to the second."""
        return self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def __str__(self) -> str:
        return f"{self.command}   ({self.host}, {self.time})"


@dataclass(frozen=True)
class Value:
    """A value that a claim of the runbook has found."""

    place: Place
    value: Any
    seen: Seen


@dataclass(frozen=True)
class Finding:
    """What stays out of the inventory, beside what the inventory has; `advice` is what to do."""

    place: Place
    what: str
    seen: Seen | None = None
    advice: str = ""
    matters: bool = True
    """Whether a run without writes needs to know."""


@dataclass(frozen=True)
class Settled:
    """An entry in which nothing is open: the fleet has it as the runbook says."""

    place: Place
    seen: Seen


Found = Iterator[Value | Settled | Finding]


def dotted(place: Place) -> str:
    """A place as the inventory's errors name it."""
    return ".".join(place)
