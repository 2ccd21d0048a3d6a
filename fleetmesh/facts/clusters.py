"""What the clusters' APIs say: Deployments, pods, and commands run in a pod.

Field names are those of the Kubernetes API; an unavailable Deployment omits `readyReplicas`, and
`Running` is a phase that says nothing about readiness.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fleetmesh.facts import in_pod
from fleetmesh.facts.api_objects import UNUSABLE, body_of, items_of
from fleetmesh.facts.fact import Fact, NotUnderstood, succeeded
from fleetmesh.facts.http import Answer
from fleetmesh.facts.probe import ExecInPod, Kubernetes, Probe
from fleetmesh.facts.sockets import End, end
from fleetmesh.inventory import Bridge, Inventory
from fleetmesh.transcript import Transcript

_BODY_LIMIT = 64 * 1024  # bytes of an answer inside the cluster
IN_POD = Path(in_pod.__file__).read_text("utf-8")
"""The program that asks from inside a pod."""


@dataclass(frozen=True)
class Pod:
    """One pod: whether its containers are ready, how often they restarted, what they run."""

    name: str
    uid: str
    labels: dict[str, str]
    ready: int
    containers: int
    restarts: int
    last_restart: datetime | None
    waiting: str | None
    deleting: bool
    host_network: bool
    unready: str | None
    """Why the pod as a whole is not ready, whatever its containers are; None if it is."""
    arguments: tuple[str, ...]
    """Command, arguments and environment values of every container, in order."""
    ports: tuple[int, ...]
    """The ports on which its containers say that they listen."""


@dataclass(frozen=True)
class Deployment:
    """A Deployment: how many replicas it wants and which pods are its own."""

    name: str
    replicas: int
    selector: dict[str, str]

    def owns(self, pod: Pod) -> bool:
        """Whether the pod's labels match the Deployment's selector."""
        return bool(self.selector) and self.selector.items() <= pod.labels.items()


def parse_pods(transcript: Transcript) -> tuple[Pod, ...]:
    """Read a PodList; an empty one is an answer, and evidence of nothing."""
    return tuple(_pod(item) for item in items_of(transcript, "PodList"))


def parse_deployments(transcript: Transcript) -> dict[str, Deployment]:
    """Read a DeploymentList, by name."""
    found = {}
    for item in items_of(transcript, "DeploymentList"):
        try:
            name = item["metadata"]["name"]
            selector = item["spec"]["selector"].get("matchLabels", {})
            found[name] = Deployment(name, item["spec"].get("replicas", 1), selector)
        except UNUSABLE as error:
            raise NotUnderstood(f"a Deployment without a usable {error}") from None
    return found


def parse_cluster_uid(transcript: Transcript) -> str:
    """The UID of the namespace kube-system, which identifies a cluster."""
    try:
        uid = body_of(transcript, "Namespace")["metadata"]["uid"]
    except (KeyError, TypeError):
        uid = None
    if not isinstance(uid, str) or not uid:
        raise NotUnderstood("the namespace kube-system has no uid")
    return uid


def parse_cluster_version(transcript: Transcript) -> str:
    """The API server's own version, as /version has it: `v1.32.3+k3s1`."""
    if transcript.exit_status != 200:
        raise NotUnderstood(f"HTTP {transcript.exit_status}")
    try:
        version = json.loads(transcript.stdout)["gitVersion"]
    except (ValueError, KeyError, TypeError):
        version = None
    if not isinstance(version, str) or not version:
        raise NotUnderstood("no gitVersion in the answer to /version")
    return version


@dataclass(frozen=True)
class InsideAnswer:
    """What a service answered to a pod, from which it was asked, and the socket's own two ends.

    An end is address and port; there are none where there was no answer.
    """

    answer: Answer
    pod: str
    local: End | None = None
    peer: End | None = None
    kept: bool = False
    """Whether the connection was still open when the program was told to end."""


def parse_inside_answer(transcript: Transcript) -> InsideAnswer:
    """Read what `in_pod.py` prints, or its sentence; any other end of it says nothing."""
    pod = transcript.details.get("pod", "")
    if transcript.exit_status is None:
        raise NotUnderstood("the API did not report an exit status")
    if transcript.exit_status == in_pod.NO_ANSWER and (said := transcript.err.strip()):
        return InsideAnswer(Answer(None, b"", said.splitlines()[-1], 0, 0), pod)
    succeeded(transcript)
    try:
        found, *last = map(json.loads, transcript.stdout.splitlines())
        answer = Answer(
            int(found["status"]),
            found["body"].encode("latin-1"),
            None,
            int(found["sent"]),
            int(found["received"]),
        )
        local, peer = (end(str(found[key][0]), int(found[key][1])) for key in ("local", "peer"))
        kept = bool(last) and last[0]["kept"] is True
    except UNUSABLE as error:
        raise NotUnderstood(f"no account of a request in a pod: {error!r}") from None
    return InsideAnswer(answer, pod, local, peer, kept)


def _pod(item: dict[str, Any]) -> Pod:
    try:
        spec, status = item["spec"], item["status"]
        statuses = status.get("containerStatuses", [])
        ends = [
            datetime.fromisoformat(ended)
            for container in statuses
            if (ended := container.get("lastState", {}).get("terminated", {}).get("finishedAt"))
        ]
        waits = [
            reason
            for container in statuses
            if (reason := container.get("state", {}).get("waiting", {}).get("reason"))
        ]
        return Pod(
            name=item["metadata"]["name"],
            uid=item["metadata"]["uid"],
            labels=item["metadata"].get("labels") or {},
            ready=sum(1 for container in statuses if container["ready"]),
            containers=len(spec["containers"]),
            restarts=sum(container["restartCount"] for container in statuses),
            last_restart=max(ends, default=None),
            waiting=waits[0] if waits else None,
            deleting="deletionTimestamp" in item["metadata"],
            host_network=bool(spec.get("hostNetwork")),
            unready=_unready(status.get("conditions", [])),
            arguments=tuple(
                word
                for container in spec["containers"]
                for word in (
                    *container.get("command", ()),
                    *container.get("args", ()),
                    *(str(entry.get("value", "")) for entry in container.get("env", ())),
                )
            ),
            ports=tuple(
                port["containerPort"]
                for container in spec["containers"]
                for port in container.get("ports", ())
            ),
        )
    except UNUSABLE as error:
        raise NotUnderstood(f"a pod without a usable {error}") from None


def _unready(conditions: list[dict[str, Any]]) -> str | None:
    # A node that is lost takes its pods' Ready condition, and leaves their containers as they were.
    for condition in conditions:
        if condition["type"] == "Ready":
            said = condition.get("message") or condition.get("reason")
            return None if condition["status"] == "True" else said or "no reason given"
    return "the kubelet has not said so"


def _pods(inventory: Inventory) -> dict[str, Probe]:
    return {
        _namespace(bridge): Kubernetes(
            bridge.cluster,
            f"/api/v1/namespaces/{bridge.namespace}/pods?labelSelector={inventory.probe.selector}",
            f"-n {bridge.namespace} get pods -l {inventory.probe.selector} -o json",
        )
        for bridge in inventory.bridges.values()
    }


def _namespace_pods(inventory: Inventory) -> dict[str, Probe]:
    return {
        _namespace(bridge): Kubernetes(
            bridge.cluster,
            f"/api/v1/namespaces/{bridge.namespace}/pods",
            f"-n {bridge.namespace} get pods -o json",
        )
        for bridge in inventory.bridges.values()
    }


def _deployments(inventory: Inventory) -> dict[str, Probe]:
    return {
        _namespace(bridge): Kubernetes(
            bridge.cluster,
            f"/apis/apps/v1/namespaces/{bridge.namespace}/deployments",
            f"-n {bridge.namespace} get deployments -o json",
        )
        for bridge in inventory.bridges.values()
    }


def _cluster_versions(inventory: Inventory) -> dict[str, Probe]:
    return {name: Kubernetes(name, "/version", "get --raw /version") for name in inventory.clusters}


def _cluster_uids(inventory: Inventory) -> dict[str, Probe]:
    path, kubectl = "/api/v1/namespaces/kube-system", "get namespace kube-system -o json"
    return {cluster: Kubernetes(cluster, path, kubectl) for cluster in inventory.clusters}


def _inside_answers(inventory: Inventory) -> dict[str, Probe]:
    probe, limits = inventory.probe, inventory.limits
    # As long as the hosts' batches may take until one that hangs is given up, and the sockets read.
    hold = limits.http + 4 * limits.command
    return {
        bridge.id: ExecInPod(
            probe.cluster,
            probe.namespace,
            probe.deployment,
            probe.python,
            IN_POD,
            {
                "host": bridge.id,
                "port": bridge.port,
                "path": inventory.services[inventory.tunnels[bridge.tunnel].to].health.path,
                "size": 1000 + 100 * index,
                "within": limits.http,
                "hold": hold,
                "limit": _BODY_LIMIT,
            },
            limits.http + limits.command,
            hold,
        )
        for index, bridge in enumerate(inventory.bridges.values())
    }


def _namespace(bridge: Bridge) -> str:
    return f"{bridge.cluster}/{bridge.namespace}"


PODS = Fact("pods", _pods, parse_pods)
NAMESPACE_PODS = Fact("namespace_pods", _namespace_pods, parse_pods)
DEPLOYMENTS = Fact("deployments", _deployments, parse_deployments)
CLUSTER_UIDS = Fact("cluster_uids", _cluster_uids, parse_cluster_uid)
CLUSTER_VERSIONS = Fact("cluster_versions", _cluster_versions, parse_cluster_version)
INSIDE_ANSWERS = Fact("inside_answers", _inside_answers, parse_inside_answer)
