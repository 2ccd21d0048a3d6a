"""Questions to a cluster's API, with the official client, over its host's session."""

from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from fleetmesh.gather import batch
from fleetmesh.gather.commands import answers_of, new_nonce, not_believed, why
from fleetmesh.gather.permit import Permit
from fleetmesh.gather.probe import Errand, OfCluster, Question
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Cluster, Inventory, Limits
from fleetmesh.sessions import ApiProblem, Session, api_client
from fleetmesh.text import strict_json, yaml12
from fleetmesh.text.legible import brief, last_line, said
from fleetmesh.text.shell import over_ssh, quote

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


@dataclass(frozen=True)
class Kubernetes(OfCluster):
    """A GET of the cluster's API."""

    cluster: str
    path: str
    kubectl: str
    """The kubectl arguments that ask the same."""

    def typed(self, host: str) -> str:
        """With kubectl, by ssh."""
        return over_ssh(host, f"kubectl {self.kubectl}")


class ApiRequests(Errand):
    """All GETs of one cluster, one after the other."""

    @staticmethod
    def group(question: Question) -> object:
        """All of a cluster."""
        return question.probe.cluster

    def answers(self) -> list[Transcript]:
        """Send them; one deadline is enough for one server that hangs."""
        kubeconfig = self.fleet.kubeconfig(self.questions[0].probe.cluster)
        if kubeconfig.missing:
            return [question.lost(kubeconfig.missing) for question in self.questions]
        session = self.fleet.live(self.questions[0].host)
        deadline = self.fleet.inventory.limits.http
        found: list[Transcript] = []
        try:
            with api_client(session, kubeconfig.text, deadline=deadline) as api:
                for question in self.questions:
                    found.append(_ask(api, question, deadline))
                    if (cause := found[-1].lost) and _SILENT in cause:
                        return found + [q.lost(cause) for q in self.questions[len(found) :]]
        except ApiProblem as problem:
            return [question.lost(str(problem)) for question in self.questions]
        return found

    @classmethod
    def takes(cls, questions: list[Question], limits: Limits) -> tuple[float, float]:
        """The kubeconfig, then each request."""
        return 0.0, limits.command + len(questions) * limits.http

    @classmethod
    def permit(cls, questions: list[Question], inventory: Inventory, permit: Permit) -> None:
        """Allow the kubeconfig to be read, and the connection to the API."""
        for name in dict.fromkeys(question.probe.cluster for question in questions):
            text = kubeconfig_text(inventory.clusters[name], permit.nonce, inventory.limits.command)
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


def _ask(api: Any, question: Question, deadline: float) -> Transcript:
    started, clock = datetime.now(UTC), monotonic()
    probe = question.probe
    try:
        status, body = get(api, probe.path, deadline)
        given: dict[str, Any] = {"exit_status": status, "stdout": body}
        if status in (401, 403):
            lacks = f": the account lacks `{_right(probe.path)}`" if status == 403 else ""
            answered = f"the API answered {status}: {_message(body)}"
            given["lost"] = f"{question.host}: {answered}{lacks}"
    except refusals() as error:
        given = {"lost": f"{question.host}: {why_not(error)}"}
    return question.answer(started=started, seconds=monotonic() - clock, **given)


def refusals() -> tuple[type[Exception], ...]:
    """What the client raises where an API refuses, or says nothing."""
    from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - heavy
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    return (ApiException, HTTPError, OSError, ValueError)


def why_not(error: Exception) -> str:
    """What one of `refusals` says."""
    from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - heavy

    if isinstance(error, ApiException):
        return f"the API refused: {error.status} {said(error.reason)}"
    return f"{_SILENT}: {said(error)}"


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
