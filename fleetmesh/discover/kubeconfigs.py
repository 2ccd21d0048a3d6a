"""Questions to the API servers that a host's kubeconfigs lead to, whichever these are.

A kubeconfig is read into memory and never becomes part of a transcript; what is told of it are the
names of its contexts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from fleetmesh.by_hand import on
from fleetmesh.gather import batch
from fleetmesh.gather.cluster_api import get, refusals, why_not
from fleetmesh.gather.commands import answers_of, new_nonce, not_believed, why
from fleetmesh.gather.probe import Errand, OfHost, Question
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory, Limits
from fleetmesh.sessions import ApiProblem, Session, Unreachable, api_client
from fleetmesh.text import yaml12
from fleetmesh.text.shell import join, quote

_MOST = 6
"""Contexts of a kubeconfig that are tried."""


@dataclass(frozen=True)
class Look(OfHost):
    """GETs of the API that each context of a kubeconfig leads to; `paths` by what they are for."""

    host: str
    kubeconfig: str
    paths: tuple[tuple[str, str], ...]

    def typed(self, inventory: Inventory) -> str:
        """With kubectl, the first of them."""
        words = ["kubectl", "--kubeconfig", self.kubeconfig, "get", "--raw", self.paths[0][1]]
        return on(inventory, self.host, join(words))


class Looking(Errand):
    """All of one kubeconfig, one after the other."""

    @staticmethod
    def group(question: Question) -> object:
        """Each kubeconfig by itself."""
        return question.host, question.probe.kubeconfig

    def answers(self) -> list[Transcript]:
        """Read it, and ask."""
        return [self._answer(question) for question in self.questions]

    def _answer(self, question: Question) -> Transcript:
        started, clock = datetime.now(UTC), monotonic()
        probe, limits = question.probe, self.fleet.inventory.limits
        given: dict[str, Any] = {}
        try:
            session = self.fleet.live(question.host)
            text = _text(session, probe.kubeconfig, limits.command)
            self.fleet.redactor.learn_kubeconfig(text)
            said = [
                self._ask(session, context, probe.paths, limits.http) for context in _each(text)
            ]
            given = {"exit_status": 0, "stdout": json.dumps(said).encode()}
        except (_NoKubeconfig, Unreachable) as problem:
            given = {"lost": f"{question.host}: {probe.kubeconfig}: {problem}"}
        return question.answer(started=started, seconds=monotonic() - clock, **given)

    def _ask(
        self,
        session: Session,
        context: Mapping[str, Any],
        paths: tuple[tuple[str, str], ...],
        deadline: float,
    ) -> dict[str, Any]:
        shown = {key: context[key] for key in ("name", "namespace", "current")}
        answers: dict[str, Any] = {}
        try:
            with api_client(session, context["text"], deadline=deadline) as api:
                for what, path in paths:
                    status, body = get(api, path, deadline)
                    answers[what] = {"status": status, "body": body.decode("utf-8", "replace")}
        except ApiProblem as problem:
            return {**shown, "answers": answers, "problem": str(problem)}
        except refusals() as error:
            return {**shown, "answers": answers, "problem": why_not(error, deadline, "`list`")}
        return {**shown, "answers": answers, "problem": ""}

    @classmethod
    def takes(cls, questions: list[Question], limits: Limits) -> tuple[float, float]:
        """The file, then each context; one that is silent is left at once."""
        longest = max(len(question.probe.paths) for question in questions)
        return 0.0, limits.command + _MOST * longest * limits.http


Look.errand = Looking


class _NoKubeconfig(Exception):
    """The file cannot be read, or is none; the text says why."""


def _text(session: Session, path: str, deadline: float) -> str:
    nonce = new_nonce()
    done = session.run(
        batch.COMMAND,
        stdin=batch.compose([(f"cat {quote(path)}", deadline)], nonce),
        deadline=deadline,
        limit=yaml12.FOREIGN.longest,
    )
    try:
        answer = answers_of(done, nonce, 1).get(0)
    except batch.Disordered as found:
        raise _NoKubeconfig(not_believed(found)) from None
    if answer is None or answer.exit_status != 0:
        raise _NoKubeconfig(done.lost or why(session.target.name, done))
    return answer.stdout.decode("utf-8", "replace")


def _each(text: str) -> list[dict[str, Any]]:
    """The contexts of a kubeconfig, the current one first, each with a text that is in it."""
    try:
        document = yaml12.load(text)
        current = document.get("current-context") or ""
        contexts = {
            str(entry["name"]): entry.get("context") or {} for entry in document["contexts"] or ()
        }
        namespaces = {name: str(told.get("namespace") or "") for name, told in contexts.items()}
    except (yaml12.Malformed, AttributeError, KeyError, TypeError):
        raise _NoKubeconfig("it is no kubeconfig") from None
    order = sorted(namespaces, key=lambda name: name != current)[:_MOST]
    return [
        {
            "name": name,
            "namespace": namespaces[name],
            "current": name == current,
            "text": json.dumps({**document, "current-context": name}),
        }
        for name in order
    ]


@dataclass(frozen=True, eq=False)
class Way:
    """A context of a kubeconfig, and what the API that it leads to has answered."""

    host: str
    kubeconfig: str
    context: str
    namespace: str
    current: bool
    answers: Mapping[str, tuple[int, str]]
    problem: str


def parse_ways(transcript: Transcript) -> tuple[Way, ...]:
    """Read what `Looking` writes, of a subject CLUSTER:KUBECONFIG: an object for each context."""
    return tuple(
        Way(
            host=transcript.host,
            kubeconfig=transcript.subject.partition(":")[2],
            context=str(each["name"]),
            namespace=str(each["namespace"]),
            current=bool(each["current"]),
            answers={
                what: (int(answer["status"]), str(answer["body"]))
                for what, answer in each["answers"].items()
            },
            problem=str(each["problem"]),
        )
        for each in json.loads(transcript.stdout)
    )
