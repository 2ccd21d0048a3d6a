"""A probe, together with the fact and subject that it is asked for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from shlex import join, quote
from typing import Any

from fleetmesh.facts import Fact
from fleetmesh.facts.probe import (
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
from fleetmesh.inventory import Inventory
from fleetmesh.transcript import HERE, Transcript


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
                return f"ssh {probe.host} {quote(probe.command)}"
            case Clock():
                return f"ssh {probe.host} 'date +%s.%N'"
            case Get():
                url = f"http://{probe.ip}:{probe.port}{probe.path}"
                return f"ssh {probe.host} {quote(f'curl -sS -i {url}')}"
            case WriteAndReadBack():
                url = f"http://{probe.ip}:{probe.port}{probe.path}"
                return f"ssh {probe.host} {quote(f'curl -sS -d @body.json {url}')}"
            case Kubernetes():
                return f"ssh {self.host} {quote(f'kubectl {probe.kubectl}')}"
            case ExecInPod():
                words = join(probe.command)
                inside = f"kubectl -n {probe.namespace} exec deploy/{probe.deployment} -- {words}"
                return f"ssh {self.host} {quote(inside)}"
            case Session():
                return f"ssh -v {probe.host} true"
            case ReadFile():
                return f"cat {quote(str(probe.path))}"


def questions(facts: Iterable[Fact[Any]], inventory: Inventory) -> list[Question]:
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
