"""What the clusters' APIs say: Deployments, pods, Services, and commands run in a pod.

Field names are those of the Kubernetes API; an unavailable Deployment omits `readyReplicas`, and
`Running` is a phase that says nothing about readiness.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fleetmesh.facts.fact import Fact, NotUnderstood
from fleetmesh.facts.probe import ExecInPod, Kubernetes, Probe
from fleetmesh.inventory import Bridge, Inventory
from fleetmesh.transcript import Transcript

# What reading a JSON value of an unexpected shape raises.
_UNUSABLE = (AttributeError, KeyError, TypeError, ValueError)
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


@dataclass(frozen=True)
class Deployment:
    """A Deployment: how many replicas it wants and which pods are its own."""

    name: str
    replicas: int
    selector: dict[str, str]

    def owns(self, pod: Pod) -> bool:
        """Whether the pod's labels match the Deployment's selector."""
        return bool(self.selector) and self.selector.items() <= pod.labels.items()


@dataclass(frozen=True)
class LiveService:
    """A Service as the cluster has it now."""

    cluster_ip: str
    ports: tuple[int, ...]


def parse_pods(transcript: Transcript) -> tuple[Pod, ...]:
    """Read a PodList; an empty one is an answer, and evidence of nothing."""
    return tuple(_pod(item) for item in _items(transcript, "PodList"))


def parse_deployments(transcript: Transcript) -> dict[str, Deployment]:
    """Read a DeploymentList, by name."""
    found = {}
    for item in _items(transcript, "DeploymentList"):
        try:
            name = item["metadata"]["name"]
            selector = item["spec"]["selector"].get("matchLabels", {})
            found[name] = Deployment(name, item["spec"].get("replicas", 1), selector)
        except _UNUSABLE as error:
            raise NotUnderstood(f"a Deployment without a usable {error}") from None
    return found


def parse_service(transcript: Transcript) -> LiveService | None:
    """Read a Service; None where the cluster has none of that name (404)."""
    if transcript.exit_status == 404 and _object(transcript).get("reason") == "NotFound":
        return None
    body = _body(transcript, "Service")
    try:
        ports = tuple(port["port"] for port in body["spec"]["ports"])
        return LiveService(body["spec"]["clusterIP"], ports)
    except (KeyError, TypeError) as error:
        raise NotUnderstood(f"a Service without {error}") from None


def parse_cluster_uid(transcript: Transcript) -> str:
    """The UID of the namespace kube-system, which identifies a cluster."""
    try:
        uid = _body(transcript, "Namespace")["metadata"]["uid"]
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
        )
    except _UNUSABLE as error:
        raise NotUnderstood(f"a pod without a usable {error}") from None


def _unready(conditions: list[dict[str, Any]]) -> str | None:
    # A node that is lost takes its pods' Ready condition, and leaves their containers as they were.
    for condition in conditions:
        if condition["type"] == "Ready":
            said = condition.get("message") or condition.get("reason")
            return None if condition["status"] == "True" else said or "no reason given"
    return "the kubelet has not said so"


def _items(transcript: Transcript, kind: str) -> list[dict[str, Any]]:
    body = _body(transcript, kind)
    items = body.get("items")
    if not isinstance(items, list):
        raise NotUnderstood(f"a {kind} without items")
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and metadata.get("continue"):
        raise NotUnderstood(f"only the first part of a {kind}")
    return items


def _object(transcript: Transcript) -> dict[str, Any]:
    try:
        body = json.loads(transcript.stdout)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise NotUnderstood(f"HTTP {transcript.exit_status}, and no JSON object")
    return body


def _body(transcript: Transcript, kind: str) -> dict[str, Any]:
    body = _object(transcript)
    if transcript.exit_status != 200:
        raise NotUnderstood(f"HTTP {transcript.exit_status}: {body.get('message', 'no message')}")
    if body.get("kind") != kind:
        raise NotUnderstood(f"expected a {kind}, found {body.get('kind')!r}")
    return body


def _pods(inventory: Inventory) -> dict[str, Probe]:
    return {
        _namespace(bridge): Kubernetes(
            bridge.cluster,
            f"/api/v1/namespaces/{bridge.namespace}/pods?labelSelector={inventory.probe.selector}",
            f"-n {bridge.namespace} get pods -l {inventory.probe.selector} -o json",
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


def _services(inventory: Inventory) -> dict[str, Probe]:
    return {
        service.id: Kubernetes(
            service.cluster,
            f"/api/v1/namespaces/{service.namespace}/services/{service.name}",
            f"-n {service.namespace} get svc {service.name} -o json",
        )
        for service in inventory.services.values()
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
            f"if answer.status != 200: sys.exit(f'{path} answered {{answer.status}}, not 200')\n"
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
SERVICES = Fact("live_services", _services, parse_service)
CLUSTER_UIDS = Fact("cluster_uids", _cluster_uids, parse_cluster_uid)
CLUSTER_VERSIONS = Fact("cluster_versions", _cluster_versions, parse_cluster_version)
INSIDE_ANSWERS = Fact("inside_answers", _inside_answers, parse_pod_command)
