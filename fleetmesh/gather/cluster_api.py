"""Questions to a cluster's API, with the official client, over its host's session."""

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import IncompleteRead
from math import ceil
from time import monotonic
from typing import Any

from fleetmesh.by_hand import in_cluster
from fleetmesh.gather import batch
from fleetmesh.gather.commands import answers_of, new_nonce, not_believed, why
from fleetmesh.gather.permit import NONCE, Permit
from fleetmesh.gather.probe import Errand, OfCluster, Probe, Question
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Cluster, Inventory, Limits
from fleetmesh.sessions import ApiProblem, Kubeconfig, Session, api_client
from fleetmesh.text import strict_json, yaml12
from fleetmesh.text.legible import brief, last_line, said
from fleetmesh.text.shell import join, quote

_SILENT = "the API did not answer"
_SIDE_BY_SIDE = 6
"""So many requests to one API are under way at once, each on a connection that is kept."""


def kubeconfig_text(cluster: Cluster, nonce: str, deadline: float) -> bytes:
    """What batch.COMMAND is given to read, so that it prints a kubeconfig."""
    return batch.compose([(f"cat {quote(str(cluster.kubeconfig))}", deadline)], nonce)


def read_kubeconfig(session: Session, cluster: Cluster, deadline: float) -> Kubeconfig:
    """Read the cluster's kubeconfig on its host; `deadline` in seconds."""
    nonce = new_nonce()
    done = session.run(
        batch.COMMAND,
        stdin=kubeconfig_text(cluster, nonce, deadline),
        deadline=deadline,
        limit=yaml12.FOREIGN.longest,
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


@dataclass(frozen=True)
class Kubernetes(OfCluster):
    """A GET of the cluster's API."""

    cluster: str
    path: str
    kubectl: str
    """The kubectl arguments that ask the same."""

    def typed(self, inventory: Inventory) -> str:
        """With kubectl."""
        return in_cluster(inventory, self.cluster, self.kubectl)

    def of(self, inventory: Inventory) -> Probe:
        """By the host's kubectl, if the inventory names one."""
        from fleetmesh.gather.by_kubectl import KubectlGet  # noqa: PLC0415 - it asks by batches

        cluster, seconds = inventory.clusters[self.cluster], inventory.limits.http
        if cluster.kubectl is None:
            return self
        asked = (f"--request-timeout={seconds:g}s", "get", "--raw", self.path)
        words = join([*cluster.typed_kubectl, *asked])
        return KubectlGet(cluster.host, words, cluster=self.cluster)


class ApiRequests(Errand):
    """All GETs of one cluster, some side by side; what two facts ask alike is asked once."""

    loads = "kubernetes.client"

    @staticmethod
    def group(question: Question) -> object:
        """All of a cluster."""
        return question.probe.cluster

    def answers(self) -> list[Transcript]:
        """Send them; one that hangs says for those after it that the server does."""
        name = self.questions[0].probe.cluster
        kubeconfig, cluster = self.fleet.kubeconfig(name), self.fleet.inventory.clusters[name]
        if kubeconfig.missing:
            return [question.lost(kubeconfig.missing) for question in self.questions]
        session = self.fleet.live(self.questions[0].host)
        deadline = self.fleet.inventory.limits.http
        silent: list[str] = []

        def ask(alike: list[Question]) -> list[Transcript]:
            if silent:
                return [question.lost(silent[0]) for question in alike]
            found = _ask(api, alike, deadline)
            silent.extend(t.lost for t in found if t.lost and _SILENT in t.lost)
            return found

        try:
            with (
                api_client(
                    session, kubeconfig.text, deadline=deadline, context=cluster.context
                ) as api,
                ThreadPoolExecutor(_SIDE_BY_SIDE, "API") as pool,
            ):
                return [t for found in pool.map(ask, _by_path(self.questions)) for t in found]
        except ApiProblem as problem:
            return [question.lost(str(problem)) for question in self.questions]

    @classmethod
    def takes(cls, questions: list[Question], limits: Limits) -> tuple[float, float]:
        """The kubeconfig, then the requests, so many at a time."""
        rounds = ceil(len(_by_path(questions)) / _SIDE_BY_SIDE)
        return 0.0, limits.command + rounds * limits.http

    @classmethod
    def permit(cls, questions: list[Question], inventory: Inventory, permit: Permit) -> None:
        """Allow the kubeconfig to be read, and the connection to the API."""
        for name in dict.fromkeys(question.probe.cluster for question in questions):
            text = kubeconfig_text(inventory.clusters[name], NONCE, inventory.limits.command)
            permit.allow(text, f"kubeconfig of {name}")
            permit.open(permit.api)


Kubernetes.errand = ApiRequests


def get(api: Any, path: str, deadline: float) -> tuple[int, bytes]:
    """HTTP status and body of `path`, whatever the status; `deadline` in seconds.

    The official client brings the credentials and TLS.
    """
    request = api.param_serialize(
        "GET", path, header_params={"Accept": "application/json"}, auth_settings=["BearerToken"]
    )
    response = api.call_api(*request, _request_timeout=deadline)
    return int(response.status), response.read() or b""


def _by_path(questions: list[Question]) -> list[list[Question]]:
    """The questions to one cluster, those together that one answer answers."""
    alike: dict[str, list[Question]] = {}
    for question in questions:
        alike.setdefault(question.probe.path, []).append(question)
    return list(alike.values())


def _ask(api: Any, alike: list[Question], deadline: float) -> list[Transcript]:
    """The answer to questions that are alike."""
    started, clock = datetime.now(UTC), monotonic()
    host, path = alike[0].host, alike[0].probe.path
    needs = f"`{_right(path)}`"
    try:
        status, body = get(api, path, deadline)
        given: dict[str, Any] = {"exit_status": status, "stdout": body}
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            given["lost"] = f"{host}: {_refusal(status, body, needs)}"
    except refusals() as error:
        given = {"lost": f"{host}: {why_not(error, deadline, needs)}"}
    given |= {"started": started, "seconds": monotonic() - clock}
    return [question.answer(**given) for question in alike]


def refusals() -> tuple[type[Exception], ...]:
    """What the client raises where an API refuses, or says nothing."""
    from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - heavy
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    return (ApiException, HTTPError, OSError, ValueError)


def why_not(error: Exception, deadline: float, needs: str) -> str:
    """What one of `refusals` says; `needs` is the right that a refused account may lack."""
    from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - heavy
    from websocket import WebSocketBadStatusException  # noqa: PLC0415

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
