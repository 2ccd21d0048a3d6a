"""What a question is, and who puts it: each kind of probe is a class beside its errand."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any, ClassVar, Protocol

from fleetmesh.gather.permit import Permit
from fleetmesh.gather.transcript import HERE, Transcript
from fleetmesh.inventory import Inventory, Limits
from fleetmesh.redaction import Redactor
from fleetmesh.sessions import Kubeconfig, Session, Unreachable


class Probe(ABC):
    """One kind of question. As data, it says what to ask."""

    errand: ClassVar[type["Errand"]]
    """What asks it."""

    @abstractmethod
    def asked_of(self, inventory: Inventory) -> str:
        """The host to which it is put; empty for the suite's own machine."""

    @abstractmethod
    def typed(self, inventory: Inventory) -> str:
        """What a person would type to ask the same; see `by_hand`."""

    def of(self, inventory: Inventory) -> "Probe":  # noqa: ARG002
        """By which this fleet is asked the same: itself, unless the inventory says otherwise."""
        return self


class OfHost(Probe):
    """A probe that names the host to which it is put."""

    host: str

    def asked_of(self, _: Inventory) -> str:
        """Its host."""
        return self.host


class OfCluster(Probe):
    """A probe that is put to the API of a cluster, over its host."""

    cluster: str

    def asked_of(self, inventory: Inventory) -> str:
        """The cluster's host."""
        return inventory.clusters[self.cluster].host


class Asking(Protocol):
    """Whatever needs answers: a fact."""

    @property
    def name(self) -> str:
        """By which its answers are known."""

    @property
    def probes(self) -> Callable[[Inventory], Mapping[str, Probe]]:
        """What to ask, by subject."""


@dataclass(frozen=True)
class Question:
    """A probe, together with the fact and subject that it is asked for, and its host."""

    fact: str
    subject: str
    probe: Any
    host: str
    command: str
    """What a person would type to ask the same."""

    def answer(self, **given: Any) -> Transcript:
        """A transcript of this question; `started` defaults to now, `seconds` to none."""
        given.setdefault("started", datetime.now(UTC))
        given.setdefault("seconds", 0.0)
        host = self.host or HERE
        return Transcript(self.fact, self.subject, host, self.command, **given)

    def lost(self, cause: str, **given: Any) -> Transcript:
        """A transcript of a question that got no full answer."""
        return self.answer(lost=cause, **given)


class OpenFleet(Protocol):
    """The fleet as an errand sees it."""

    inventory: Inventory
    redactor: Redactor
    """Is to know what a kubeconfig holds, before anything is written that may repeat it."""
    sessions: dict[str, Session | Unreachable]
    requests: Iterator[int]
    """Numbers the requests of the run."""
    may_write: bool
    """Whether anything may be added to what is asked: a container to a pod."""
    adding: Lock
    """Held by who does, so that two do not add the same."""

    def live(self, host: str) -> Session:
        """The session with a host. Raises Unreachable."""

    def kubeconfig(self, cluster: str) -> Kubeconfig:
        """A cluster's kubeconfig, read once for all who ask."""


class Errand(ABC):
    """Questions that are asked together, and how long that may take.

    `begin` runs before the batches and `answers` after them if the errand is `held`, so that the
    sockets of what it keeps open show in what the hosts say. A `batch` errand runs in between, and
    any other beside the two.
    """

    held: ClassVar[bool] = False
    batch: ClassVar[bool] = False
    loads: ClassVar[str | None] = None
    """A heavy module without which it cannot ask: loaded while the hosts are connected to."""
    to_the_lost: ClassVar[bool] = False
    """Whether it also answers for a host that cannot be reached."""

    def __init__(self, questions: list[Question], fleet: OpenFleet) -> None:
        self.questions = questions
        self.fleet = fleet

    @staticmethod
    def group(question: Question) -> object:
        """What the questions that go together have in common; by default all of a host do."""
        return question.host

    def prepare(self) -> None:  # noqa: B027 - most need nothing
        """Do at once what takes time before a `batch` errand can run."""

    def begin(self) -> None:  # noqa: B027 - most open nothing
        """Open what a `held` errand keeps open."""

    @abstractmethod
    def answers(self) -> list[Transcript]:
        """Ask, and say what came back."""

    def close(self) -> None:  # noqa: B027 - as begin
        """Let go of what `begin` opened."""

    @classmethod
    def takes(cls, questions: list[Question], limits: Limits) -> tuple[float, float]:  # noqa: ARG003
        """Seconds after which `begin`, and after which `answers` gives up; none by default."""
        return 0.0, 0.0

    @classmethod  # noqa: B027 - most need nothing
    def permit(cls, questions: list[Question], inventory: Inventory, permit: Permit) -> None:
        """Put on a host's list what a restricted key must be allowed for `questions`."""


class Alone(Errand):
    """An errand with one question."""

    @staticmethod
    def group(question: Question) -> object:
        """Nothing goes together."""
        return question.fact, question.subject

    @property
    def question(self) -> Question:
        """The one."""
        (question,) = self.questions
        return question


class Held(Alone):
    """One that keeps something open until all hosts were asked."""

    held = True

    def __init__(self, questions: list[Question], fleet: OpenFleet) -> None:
        super().__init__(questions, fleet)
        self.kept = ExitStack()

    def close(self) -> None:
        """Let go of what is kept open."""
        self.kept.close()


def questions(facts: Iterable[Asking], inventory: Inventory) -> list[Question]:
    """Everything that has to be asked to know `facts`, in the order in which they are named."""
    return [
        Question(fact.name, subject, put, put.asked_of(inventory), put.typed(inventory))
        for fact in facts
        for subject, probe in fact.probes(inventory).items()
        for put in (probe.of(inventory),)
    ]


def errands(asked: Iterable[Question]) -> list[tuple[type[Errand], list[Question]]]:
    """The questions, by who asks them and what goes together."""
    found: dict[tuple[type[Errand], object], list[Question]] = {}
    for question in asked:
        errand = question.probe.errand
        found.setdefault((errand, errand.group(question)), []).append(question)
    return [(errand, group) for (errand, _), group in found.items()]
