"""What the clusters' APIs say: Deployments, pods, and commands run in a pod.

Field names are those of the Kubernetes API; an unavailable Deployment omits `readyReplicas`, and
`Running` is a phase that says nothing about readiness.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from fleetmesh import strict_json
from fleetmesh.facts.api_objects import UNUSABLE, body_of, items_of
from fleetmesh.facts.fact import Fact, NotUnderstood
from fleetmesh.facts.probe import ExecInPod, Kubernetes, Probe
from fleetmesh.inventory import Bridge, Inventory
from fleetmesh.shell import join
from fleetmesh.transcript import Transcript

_BODY_LIMIT = 64 * 1024  # bytes of an answer inside the cluster


@dataclass(frozen=True)
class Pod:
    """One pod: whether its containers are ready, how often they restarted, what they run."""

    name: str
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
        version = strict_json.loads(transcript.stdout)["gitVersion"]
    except (ValueError, KeyError, TypeError):
        version = None
    if not isinstance(version, str) or not version:
        raise NotUnderstood("no gitVersion in the answer to /version")
    return version


@dataclass(frozen=True)
class PodCommand:
    """What a command in a pod said."""

    exit_status: int
    stdout: bytes
    stderr: str


def parse_pod_command(transcript: Transcript) -> PodCommand:
    """Read the streams and the exit status of an exec; all of it must have arrived."""
    if transcript.exit_status is None:
        raise NotUnderstood("the API did not report an exit status")
    return PodCommand(transcript.exit_status, transcript.stdout, transcript.err)


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
    selector = inventory.probe.selector
    return {
        _namespace(bridge): Kubernetes(
            bridge.cluster,
            f"/api/v1/namespaces/{bridge.namespace}/pods?labelSelector={quote(selector, safe='')}",
            join(["-n", bridge.namespace, "get", "pods", "-l", selector, "-o", "json"]),
        )
        for bridge in inventory.bridges.values()
    }


def _deployments(inventory: Inventory) -> dict[str, Probe]:
    return {
        _namespace(bridge): Kubernetes(
            bridge.cluster,
            f"/apis/apps/v1/namespaces/{bridge.namespace}/deployments",
            join(["-n", bridge.namespace, "get", "deployments", "-o", "json"]),
        )
        for bridge in inventory.bridges.values()
    }


def _cluster_versions(inventory: Inventory) -> dict[str, Probe]:
    return {name: Kubernetes(name, "/version", "get --raw /version") for name in inventory.clusters}


def _cluster_uids(inventory: Inventory) -> dict[str, Probe]:
    path, kubectl = "/api/v1/namespaces/kube-system", "get namespace kube-system -o json"
    return {cluster: Kubernetes(cluster, path, kubectl) for cluster in inventory.clusters}


def _inside_answers(inventory: Inventory) -> dict[str, Probe]:
    probe = inventory.probe

    def script(bridge: Bridge) -> str:
        path = inventory.services[inventory.tunnels[bridge.tunnel].to].health.path
        limit = f"{inventory.limits.http:g}"
        # No redirect is followed and no proxy asked, and the deadline is for the last byte.
        return (
            "import http.client, signal, sys\n"
            f"late = lambda *_: sys.exit('no complete answer within {limit} s')\n"
            "signal.signal(signal.SIGALRM, late)\n"
            f"signal.setitimer(signal.ITIMER_REAL, {limit})\n"
            f"connection = http.client.HTTPConnection({bridge.id!r}, {bridge.port})\n"
            f"connection.request('GET', {path!r})\n"
            "answer = connection.getresponse()\n"
            f"body = answer.read({_BODY_LIMIT + 1})\n"
            "print(body.decode('utf-8', 'replace'))\n"
            "if answer.status != 200:\n"
            f"    sys.exit({path!r} + f' answered {{answer.status}}, not 200')\n"
            f"if len(body) > {_BODY_LIMIT}: sys.exit('more than {_BODY_LIMIT} bytes of body')\n"
        )

    return {
        bridge.id: ExecInPod(
            probe.cluster,
            probe.namespace,
            probe.deployment,
            (probe.python, "-c", script(bridge)),
            inventory.limits.http + inventory.limits.command,
        )
        for bridge in inventory.bridges.values()
    }


def _namespace(bridge: Bridge) -> str:
    return f"{bridge.cluster}/{bridge.namespace}"


PODS = Fact("pods", _pods, parse_pods)
DEPLOYMENTS = Fact("deployments", _deployments, parse_deployments)
CLUSTER_UIDS = Fact("cluster_uids", _cluster_uids, parse_cluster_uid)
CLUSTER_VERSIONS = Fact("cluster_versions", _cluster_versions, parse_cluster_version)
INSIDE_ANSWERS = Fact("inside_answers", _inside_answers, parse_pod_command)
