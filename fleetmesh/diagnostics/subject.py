"""What is diagnosed: a subject, what is asked about it, and which line of the answers tells why."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from time import monotonic

from fleetmesh.gather.commands import Batch, Exec, batch_text, run_batch
from fleetmesh.gather.permit import NONCE, Permit
from fleetmesh.gather.probe import Probe, Question
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory, Limits
from fleetmesh.text.legible import brief

MARK = "diagnostics."
"""What the fact of a diagnostic transcript begins with; no check can ask for such a fact."""
_PATIENCE = 20.0
"""Seconds within which the last question is put to a host."""
_LIBRARY = files(__package__).joinpath("bounded.sh").read_text()

Asked = Mapping[tuple[str, str], Probe]
"""Probes, by the fact and subject of their transcripts."""


@dataclass(frozen=True)
class Quote:
    """A line that tells why: the host that said it, where it stands there, and its words."""

    host: str
    source: str
    text: str

    def __str__(self) -> str:
        return f"{self.host}, {self.source}: {self.text}"


class Subject(ABC):
    """Something of the fleet that can be ill."""

    @abstractmethod
    def asks(self, inventory: Inventory, known: Snapshot) -> Asked:
        """What to ask about it, where so much is `known` already."""

    @abstractmethod
    def quotes(self, inventory: Inventory, known: Snapshot) -> Iterator[Quote]:
        """The lines that tell why it is ill, the nearest to the cause first; none if it is well."""

    def relies(self, inventory: Inventory, known: Snapshot) -> tuple[Transcript, ...]:  # noqa: ARG002
        """What the run's facts have heard already, and `quotes` may quote."""
        return ()

    def heard(self, inventory: Inventory, known: Snapshot) -> tuple[Transcript, ...]:
        """All transcripts that are about it."""
        asked = (known.of(fact).get(subject) for fact, subject in self.asks(inventory, known))
        return (*self.relies(inventory, known), *filter(None, asked))


@dataclass(frozen=True)
class Inquiry(Exec):
    """A command on a host about a subject, whose answer is bounded. `about` says which."""

    about: str = ""


class Inquiries(Batch):
    """All inquiries at a host: an exec for each subject, one after the other, beside other hosts'.

    Which subjects fail is not known beforehand. So the text about each is one of its own, which a
    restricted key can be allowed. And a host may have no room for two at once (MaxSessions).
    """

    batch = False

    def answers(self) -> list[Transcript]:
        """Ask about each, until the time that a host is given is over."""
        session, end = self.fleet.live(self.questions[0].host), monotonic() + _PATIENCE
        found: list[Transcript] = []
        for group in self._by_subject(self.questions):
            if monotonic() < end:
                found += run_batch(session, group, self.fleet.inventory)
            else:
                late = f"{group[0].host}: left out: what went before took {_PATIENCE:g} s"
                found += [question.lost(late) for question in group]
        return found

    @classmethod
    def takes(cls, questions: list[Question], limits: Limits) -> tuple[float, float]:
        """What is begun within the host's time is heard to its end."""
        batches = (Batch.takes(group, limits)[1] for group in cls._by_subject(questions))
        return 0.0, _PATIENCE + max(batches)

    @classmethod
    def permit(cls, questions: list[Question], inventory: Inventory, permit: Permit) -> None:
        """Allow the text about each subject."""
        for group in cls._by_subject(questions):
            about = f"diagnostics of {group[0].probe.about}"
            permit.allow(batch_text(group, inventory, NONCE), about)

    @staticmethod
    def _by_subject(questions: list[Question]) -> list[list[Question]]:
        found: dict[str, list[Question]] = {}
        for question in questions:
            found.setdefault(question.probe.about, []).append(question)
        return list(found.values())


Inquiry.errand = Inquiries


def script(text: str) -> str:
    """A shell script that has the function `bounded` (bounded.sh)."""
    return f"{_LIBRARY}{text}"


def answer(known: Snapshot, fact: str, subject: str) -> str:
    """What was answered, as text; empty if nothing was, or not all of it."""
    transcript = known.of(fact).get(subject)
    return "" if transcript is None or transcript.lost else transcript.out.replace("\r", "")


def quote(known: Snapshot, fact: str, subject: str, source: str, text: str) -> Quote:
    """A line of that transcript."""
    return Quote(known.of(fact)[subject].host, source, brief(text.strip()))
