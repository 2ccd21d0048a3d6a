"""A probe, together with the fact and subject that it is asked for."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from fleetmesh.gather.probe import (
    Clock,
    Exec,
    ExecInPod,
    Get,
    Kubernetes,
    Probe,
    ReadFile,
    Session,
    WriteAndReadBack,
)
from fleetmesh.gather.transcript import HERE, Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.text.shell import join, over_ssh


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
    """One question to one host; `host` is empty for what is read on the suite's own machine."""

    fact: str
    subject: str
    probe: Probe
    host: str

    def answer(self, **given: Any) -> Transcript:
        """A transcript of this question; `started` defaults to now, `seconds` to none."""
        given.setdefault("started", datetime.now(UTC))
        given.setdefault("seconds", 0.0)
        where = self.host or HERE
        return Transcript(
            fact=self.fact, subject=self.subject, host=where, command=self.command, **given
        )

    def lost(self, cause: str, **given: Any) -> Transcript:
        """A transcript of a question that got no full answer."""
        return self.answer(lost=cause, **given)

    @property
    def command(self) -> str:
        """What a person would type to ask the same."""
        probe = self.probe
        match probe:
            case Exec():
                return over_ssh(probe.host, probe.command)
            case Clock():
                return over_ssh(probe.host, "date +%s.%N")
            case Get():
                return over_ssh(probe.host, join(["curl", "-sS", "-i", probe.url]))
            case WriteAndReadBack():
                asked = join(["curl", "-sS", "-d", "@body.json", probe.url])
                return over_ssh(probe.host, asked)
            case Kubernetes():
                return over_ssh(self.host, f"kubectl {probe.kubectl}")
            case ExecInPod():
                inside = ["-n", probe.namespace, "exec", f"deploy/{probe.deployment}", "--"]
                return over_ssh(self.host, join(["kubectl", *inside, *probe.command]))
            case Session():
                return join(["ssh", "-v", probe.host, "true"])
            case ReadFile():
                return join(["cat", str(probe.path)])


def questions(facts: Iterable[Asking], inventory: Inventory) -> list[Question]:
    """Everything that has to be asked to know `facts`, in the order in which they are named."""
    return [
        Question(fact.name, subject, probe, _host(probe, inventory))
        for fact in facts
        for subject, probe in fact.probes(inventory).items()
    ]


def by_host(asked: Iterable[Question]) -> dict[str, list[Question]]:
    """The questions, grouped by the host to which they are put."""
    groups: dict[str, list[Question]] = {}
    for question in asked:
        groups.setdefault(question.host, []).append(question)
    return groups


def _host(probe: Probe, inventory: Inventory) -> str:
    match probe:
        case ReadFile():
            return ""
        case Kubernetes() | ExecInPod():
            return inventory.clusters[probe.cluster].host
        case _:
            return probe.host
