"""Questions to a cluster's API, with the official client, over its host's session."""

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from shlex import quote
from time import monotonic
from typing import Any

from fleetmesh.facts.probe import ExecInPod, Kubernetes
from fleetmesh.gather.api import get
from fleetmesh.gather.pod_exec import NoPod, exec_in_pod
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
                said = f"the API answered {status}: {_message(body)}"
                given["lost"] = f"{question.host}: {said}{lacks}"
        else:
            assert isinstance(probe, ExecInPod)
            given = exec_in_pod(api, probe, deadline)
            if given.get("lost"):
                given["lost"] = f"{question.host}: {given['lost']}"
    except ApiException as error:
        given = {"lost": f"{question.host}: the API refused: {error.status} {error.reason}"}
    except NoPod as error:
        given = {"lost": f"{question.host}: {error}"}
    except (HTTPError, OSError) as error:
        given = {"lost": f"{question.host}: {_SILENT}: {error}"}
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
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body[:80].decode("utf-8", "replace")
