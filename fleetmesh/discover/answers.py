"""What a fleet has answered so far, by fact and subject, each with where it was seen."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from fleetmesh.discover.found import Seen
from fleetmesh.facts.fact import Fact, Inconclusive, Observed
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.inventory import Inventory

T = TypeVar("T")


@dataclass(frozen=True)
class Told(Generic[T]):
    """An answer that was understood."""

    subject: str
    value: T
    seen: Seen


@dataclass
class Answers:
    """Reads a snapshot by facts. What was not understood is a cause, by fact and subject."""

    snapshot: Snapshot
    inventory: Inventory
    strangers: set[str] = field(default_factory=set)
    """Hosts that are not believed: nothing that they say counts."""

    def each(self, fact: Fact[T]) -> Iterator[Told[T]]:
        """Whatever was understood."""
        for subject in self.snapshot.of(fact.name):
            if told := self.of(fact, subject):
                yield told

    def of(self, fact: Fact[T], subject: object) -> Told[T] | None:
        """What was understood of one subject; None if nothing was."""
        found = self._read(fact, str(subject))
        return found if isinstance(found, Told) else None

    def cause(self, fact: Fact[Any], subject: object) -> str | None:
        """Why nothing is known of one subject; None if something is."""
        found = self._read(fact, str(subject))
        return None if isinstance(found, Told) else found

    def _read(self, fact: Fact[T], subject: str) -> Told[T] | str:
        transcripts = self.snapshot.of(fact.name)
        transcript = transcripts.get(subject)
        if transcript is None:
            return f"`{fact}` was not asked about {subject}"
        if transcript.host in self.strangers:
            return f"{transcript.host} is not believed"
        try:
            value = Observed(fact, transcripts, lambda _: None)[subject]
        except Inconclusive as cause:
            return str(cause)
        return Told(subject, value, Seen.by(transcript, self.inventory))
