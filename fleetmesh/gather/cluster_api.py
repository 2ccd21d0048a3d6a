"""Questions to a cluster's API, with the official client, over its host's session."""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from fleetmesh.gather import batch
from fleetmesh.gather.api import get
from fleetmesh.gather.commands import answers_of, new_nonce, not_believed, why
from fleetmesh.gather.pod_exec import HeldProgram, NoPod
from fleetmesh.gather.probe import ExecInPod, Kubernetes
from fleetmesh.gather.question import Question
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Cluster, Inventory
from fleetmesh.sessions import ApiProblem, Session, api_client
from fleetmesh.text import strict_json, yaml12
from fleetmesh.text.legible import brief, last_line, said
from fleetmesh.text.shell import quote

_SILENT = "the API did not answer"


@dataclass(frozen=True, repr=False)
class Kubeconfig:
    """A kubeconfig's text, or why there is none. The text is a secret: it is never recorded."""

    text: str = ""
    missing: str | None = None


def kubeconfig_text(cluster: Cluster, nonce: str, deadline: float) -> bytes:
    """What batch.COMMAND is given to read, so that it prints a kubeconfig."""
    return batch.compose([(f"cat {quote(cluster.kubeconfig)}", deadline)], nonce)


def read_kubeconfig(session: Session, cluster: Cluster, deadline: float) -> Kubeconfig:
    """Read the cluster's kubeconfig on its host; `deadline` in seconds."""
    nonce = new_nonce()
    done = session.run(
        batch.COMMAND,
        stdin=kubeconfig_text(cluster, nonce, deadline),
        deadline=deadline,
        limit=yaml12.LONGEST,
    )
    try:
        answer = answers_of(done, nonce, 1).get(0)
    except batch.Disordered as found:
        return Kubeconfig(missing=f"{cluster.host}: no kubeconfig: {not_believed(found)}")
    if done.lost:
        return Kubeconfig(missing=f"{cluster.host}: no kubeconfig: {done.lost}")
    if answer is None:
        return Kubeconfig(missing=f"{cluster.host}: no kubeconfig: {why(cluster.host, done)}")
    if answer.timed_out:
        late = f"it was not read within {deadline:g} s"
        return Kubeconfig(missing=f"{cluster.host}: no kubeconfig: {late}")
    if answer.exit_status != 0:
        told = last_line(answer.stderr, "no reason given")
        return Kubeconfig(missing=f"{cluster.host}: no kubeconfig: {told}")
    return Kubeconfig(text=answer.stdout.decode("utf-8", "replace"))


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
            lacks = f": the account lacks `{_right(probe.path)}`" if status == 403 else ""
            answered = f"the API answered {status}: {_message(body)}"
            given["lost"] = f"{question.host}: {answered}{lacks}"
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

    return (ApiException, NoPod, HTTPError, OSError, ValueError)


def _why(error: Exception) -> str:
    from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - heavy

    if isinstance(error, ApiException):
        return f"the API refused: {error.status} {said(error.reason)}"
    return str(error) if isinstance(error, NoPod) else f"{_SILENT}: {said(error)}"


def _right(path: str) -> str:
    """The right that a GET of this path of the API needs, as RBAC names it."""
    parts = path.partition("?")[0].strip("/").split("/")
    group = parts.pop(1) if parts[0] == "apis" else ""
    rest = parts[2:]
    where = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        where, rest = f" in {rest[1]}", rest[2:]
    if not rest:
        return f"get {path}"
    resource = f"{rest[0]}.{group}" if group else rest[0]
    return f"{'get' if rest[1:] else 'list'} {resource}{where}"


def _message(body: bytes) -> str:
    try:
        return brief(str(strict_json.loads(body)["message"]))
    except (ValueError, KeyError, TypeError):
        return brief(body[:80].decode("utf-8", "replace"))
