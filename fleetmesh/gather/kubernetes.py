"""Questions to a cluster's API, with the official client, over its host's session."""

from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from fleetmesh import strict_json, yaml12
from fleetmesh.facts import batch
from fleetmesh.facts.probe import ExecInPod, Kubernetes
from fleetmesh.gather.api import get
from fleetmesh.gather.commands import answers_of, new_nonce, not_believed, why
from fleetmesh.gather.pod_exec import NoPod, exec_in_pod
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
    longest = [q.probe.seconds for q in questions if isinstance(q.probe, ExecInPod)]
    patience = max([deadline, *longest])
    transcripts: list[Transcript] = []
    try:
        with api_client(session, kubeconfig.text, deadline=deadline, patience=patience) as api:
            for question in questions:
                transcripts.append(_ask(api, question, deadline))
                if (cause := transcripts[-1].lost) and _SILENT in cause:
                    # One deadline is enough for one server that hangs.
                    return transcripts + [q.lost(cause) for q in questions[len(transcripts) :]]
    except ApiProblem as problem:
        return [question.lost(str(problem)) for question in questions]
    return transcripts


def _ask(api: Any, question: Question, deadline: float) -> Transcript:
    from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - heavy
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    started, clock = datetime.now(UTC), monotonic()
    probe = question.probe
    try:
        if isinstance(probe, Kubernetes):
            status, body = get(api, probe.path, deadline)
            given: dict[str, Any] = {"exit_status": status, "stdout": body}
            if status in (401, 403):
                lacks = f": the account lacks `{_right(probe.path)}`" if status == 403 else ""
                answered = f"the API answered {status}: {_message(body)}"
                given["lost"] = f"{question.host}: {answered}{lacks}"
        else:
            assert isinstance(probe, ExecInPod)
            given = exec_in_pod(api, probe, deadline)
            if given.get("lost"):
                given["lost"] = f"{question.host}: {given['lost']}"
    except ApiException as error:
        given = {"lost": f"{question.host}: the API refused: {error.status} {said(error.reason)}"}
    except NoPod as error:
        given = {"lost": f"{question.host}: {error}"}
    except (HTTPError, OSError, ValueError) as error:
        given = {"lost": f"{question.host}: {_SILENT}: {said(error)}"}
    return question.answer(started=started, seconds=monotonic() - clock, **given)


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
