"""Questions to a cluster's API, with the official client, over its host's session."""

import json
import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from shlex import quote
from time import monotonic
from typing import Any

from fleetmesh.facts.probe import ExecInPod, Kubernetes
from fleetmesh.gather.api import get
from fleetmesh.gather.pod_exec import HeldProgram, NoPod
from fleetmesh.gather.question import Question
from fleetmesh.inventory import Cluster, Inventory
from fleetmesh.sessions import ApiProblem, Session, api_client
from fleetmesh.transcript import Transcript

_SILENT = "the API did not answer"


@dataclass(frozen=True, repr=False)
class Kubeconfig:
    """A kubeconfig's text, or why there is none. The text is a secret: it is never recorded."""

    text: str = ""
    missing: str | None = None


def kubeconfig_text(cluster: Cluster, mark: str) -> str:
    """The shell command that prints a kubeconfig after `mark`: a log-in shell may print before."""
    path = cluster.kubeconfig
    shown = f"~/{quote(path[2:])}" if path.startswith("~/") else quote(path)
    return f"echo {mark} && cat {shown}"


def read_kubeconfig(session: Session, cluster: Cluster, deadline: float) -> Kubeconfig:
    """Read the cluster's kubeconfig on its host; `deadline` in seconds."""
    mark = f"fleetmesh-{secrets.token_hex(8)}"
    done = session.run(kubeconfig_text(cluster, mark), deadline=deadline, limit=256 * 1024)
    if done.lost:
        return Kubeconfig(missing=f"{cluster.host}: no kubeconfig: {done.lost}")
    if done.exit_status != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        return Kubeconfig(missing=f"{cluster.host}: no kubeconfig: {said[-1]}")
    return Kubeconfig(text=done.stdout.decode("utf-8", "replace").partition(f"{mark}\n")[2])


def ask(
    session: Session, questions: list[Question], inventory: Inventory, kubeconfig: Kubeconfig
) -> list[Transcript]:
    """Put every question to the one cluster that they are about."""
    if kubeconfig.missing:
        return [question.lost(kubeconfig.missing) for question in questions]
    deadline = inventory.limits.http
    transcripts: list[Transcript] = []
    try:
        with api_client(session, kubeconfig.text, deadline=deadline) as api:
            for question in questions:
                transcripts.append(_ask(api, question, deadline))
                if (cause := transcripts[-1].lost) and _SILENT in cause:
                    # One deadline is enough for one server that hangs.
                    return transcripts + [q.lost(cause) for q in questions[len(transcripts) :]]
    except ApiProblem as problem:
        return [question.lost(str(problem)) for question in questions]
    return transcripts


def _ask(api: Any, question: Question, deadline: float) -> Transcript:
    started, clock = datetime.now(UTC), monotonic()
    probe = question.probe
    assert isinstance(probe, Kubernetes)
    try:
        status, body = get(api, probe.path, deadline)
        given: dict[str, Any] = {"exit_status": status, "stdout": body}
        if status in (401, 403):
            given["lost"] = f"{question.host}: the API answered {status}: {_message(body)}"
    except _refusals() as error:
        given = {"lost": f"{question.host}: {_why(error)}"}
    return question.answer(started=started, seconds=monotonic() - clock, **given)


class Held:
    """A program that runs in a pod and waits there, and the connection to its API."""

    def __init__(
        self, session: Session, question: Question, inventory: Inventory, kubeconfig: Kubeconfig
    ) -> None:
        """Start it, and wait until it has said its line or it is known why not."""
        probe = question.probe
        assert isinstance(probe, ExecInPod)
        self._question = question
        self._open = ExitStack()
        self._started, self._clock = datetime.now(UTC), monotonic()
        self._program: HeldProgram | None = None
        self._lost = kubeconfig.missing
        deadline = inventory.limits.http
        try:
            if not self._lost:
                patience = probe.seconds + probe.hold + deadline
                client = api_client(session, kubeconfig.text, deadline=deadline, patience=patience)
                self._program = HeldProgram(self._open.enter_context(client), probe, deadline)
                self._open.callback(self._program.close)
        except ApiProblem as problem:
            self._lost = str(problem)
        except _refusals() as error:
            self._lost = f"{question.host}: {_why(error)}"
        self._seconds = monotonic() - self._clock

    def finish(self) -> list[Transcript]:
        """Let the program end, and tell what it said; the time is that until its line."""
        given: dict[str, Any] = {"lost": self._lost}
        if self._program:
            given = self._program.finish()
            if given.get("lost"):
                given["lost"] = f"{self._question.host}: {given['lost']}"
        self.close()
        return [self._question.answer(started=self._started, seconds=self._seconds, **given)]

    def close(self) -> None:
        """Leave the program and close the connection."""
        self._open.close()


def _refusals() -> tuple[type[Exception], ...]:
    from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - heavy
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    return (ApiException, NoPod, HTTPError, OSError)


def _why(error: Exception) -> str:
    from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - heavy

    if isinstance(error, ApiException):
        return f"the API refused: {error.status} {error.reason}"
    return str(error) if isinstance(error, NoPod) else f"{_SILENT}: {error}"


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body[:80].decode("utf-8", "replace")
