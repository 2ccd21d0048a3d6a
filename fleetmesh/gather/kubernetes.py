"""Questions to a cluster's API, with the official client, over its host's session."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import IncompleteRead
from time import monotonic
from typing import Any

from fleetmesh import strict_json, yaml12
from fleetmesh.facts import batch
from fleetmesh.facts.probe import ExecInPod, Kubernetes
from fleetmesh.gather.api import get
from fleetmesh.gather.commands import answers_of, new_nonce, not_believed, why
from fleetmesh.gather.pod_exec import HeldProgram, NoPod
from fleetmesh.gather.question import Question
from fleetmesh.inventory import Cluster, Inventory
from fleetmesh.legible import brief, last_line, said
from fleetmesh.sessions import ApiProblem, Session, api_client
from fleetmesh.shell import quote
from fleetmesh.transcript import Transcript

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
    needs = f"`{_right(probe.path)}`"
    try:
        status, body = get(api, probe.path, deadline)
        given: dict[str, Any] = {"exit_status": status, "stdout": body}
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            given["lost"] = f"{question.host}: {_refusal(status, body, needs)}"
    except _refusals() as error:
        given = {"lost": f"{question.host}: {_why(error, deadline, needs)}"}
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
            needs = f"`get pods/exec` or `create pods/exec` in {probe.namespace}"
            self._lost = f"{question.host}: {_why(error, deadline, needs)}"
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


def _why(error: Exception, deadline: float, needs: str) -> str:
    """Why a request came to nothing; `needs` says what right a refused account may lack."""
    from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - heavy
    from websocket import WebSocketBadStatusException  # noqa: PLC0415

    if isinstance(error, NoPod):
        return str(error)
    for cause in _causes(error):
        # The client hides how a WebSocket was refused in a sentence, with all headers.
        if isinstance(cause, WebSocketBadStatusException):
            return _refusal(cause.status_code, cause.resp_body or b"", needs)
        if isinstance(cause, ApiException) and cause.status:
            return _refusal(cause.status, cause.body or b"", needs)
    return f"{_SILENT}: {_plainly(error, deadline)}"


def _plainly(error: Exception, deadline: float) -> str:
    from urllib3.exceptions import TimeoutError as TooLate  # noqa: PLC0415 - heavy
    from websocket import WebSocketTimeoutException  # noqa: PLC0415

    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return f"its certificate is not accepted: {said(cause.verify_message)}"
            case ssl.SSLEOFError() | ConnectionError() | IncompleteRead():
                return "the connection was closed before the answer was complete"
            case ssl.SSLError():
                words = (cause.reason or "no reason given").replace("_", " ").lower()
                return f"no TLS connection came about: {brief(words)}"
            case TimeoutError() | TooLate() | WebSocketTimeoutException():
                return f"no complete answer within {deadline:g} s"
    return said(error)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that it came of, wherever the libraries keep them."""
    yield error
    hidden = error.__suppress_context__
    kept = (error.__cause__, None if hidden else error.__context__, *error.args)
    for cause in (*kept, getattr(error, "reason", None)):
        if isinstance(cause, BaseException):
            yield from _causes(cause)


def _refusal(status: int, body: bytes | str, needs: str) -> str:
    content = body.encode() if isinstance(body, str) else body
    lacks = f": the account lacks {needs}" if status == HTTPStatus.FORBIDDEN else ""
    return f"the API answered {status}: {_message(content)}{lacks}"


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
        told = str(strict_json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        told = body[:80].decode("utf-8", "replace")
    return brief(told).strip(" :") or "no reason given"
