"""What the clusters' APIs say: who they are, Deployments, and commands run in a pod.

Field names are those of the Kubernetes API; a Deployment omits what is zero in its status.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fleetmesh.facts.api_objects import UNUSABLE, body_of, http_status, items_of
from fleetmesh.facts.asking_inside import (
    Wanted,
    by_curl,
    by_nc,
    by_python,
    by_wget,
    parse_inside_answer,
)
from fleetmesh.facts.fact import Fact, NotUnderstood
from fleetmesh.facts.labels import LabelSelector, of_object
from fleetmesh.facts.pods import Pod
from fleetmesh.gather.cluster_api import Kubernetes
from fleetmesh.gather.pod_exec import Asked, ExecInPod
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Bridge, Inventory
from fleetmesh.text import strict_json
from fleetmesh.text.shell import join


@dataclass(frozen=True)
class Deployment:
    """A Deployment: how many replicas it wants, which pods are its own, how far its rollout is."""

    name: str
    replicas: int
    selector: LabelSelector
    observed: bool
    """Whether the controller has looked at the Deployment as it stands."""
    paused: bool
    updated: int
    """Its pods of the current template."""
    existing: int
    """Its pods of any template, those that are being deleted not counted."""
    trouble: str | None
    """What the controller says of a rollout that does not progress, or pods it cannot make."""

    def owns(self, pod: Pod) -> bool:
        """Whether the pod is one of a ReplicaSet of this Deployment.

        Labels alone can be anybody's. The controller names a ReplicaSet after its Deployment and
        the hash of the template, which its pods carry as a label.
        """
        made_by = ("ReplicaSet", f"{self.name}-{pod.labels.get('pod-template-hash')}")
        return pod.controller == made_by and self.selector.matches(pod.labels)

    def unready(self, pods: Iterable[Pod]) -> str | None:
        """Why not all pods that it wants are ready; None if they are. `pods`: its namespace's.

        A pod that was evicted, has completed or is being deleted is none of them.
        """
        living = [pod for pod in pods if self.owns(pod) and not pod.deleting and not pod.over]
        if not self.replicas:
            return f"{self.name} is scaled to 0 replicas"
        if len(living) != self.replicas:
            return f"{self.name} wants {self.replicas} pods and has {len(living)}"
        for pod in living:
            if pod.unready or pod.ready != pod.containers or not pod.containers:
                why = pod.waiting or pod.unready
                state = f"{pod.name} is {pod.ready}/{pod.containers} ready"
                return f"{state}, {why}" if why else state
        return None

    @property
    def rollout(self) -> str | None:
        """How far a rollout is that is not finished; None without one."""
        if not self.observed:
            return "the Deployment was changed, and its controller has not looked at it yet"
        old = self.existing - self.updated
        if self.updated >= self.replicas and old <= 0:
            return None
        state = "paused" if self.paused else "in progress"
        going = f", {old} old pod{'s'[: old != 1]} still there" if old > 0 else ""
        return f"a rollout is {state}: {self.updated} of {self.replicas} updated{going}"


def _namespace(bridge: Bridge) -> str:
    return f"{bridge.cluster}/{bridge.namespace}"


def _deployments(inventory: Inventory) -> dict[str, Probe]:
    return {
        _namespace(bridge): Kubernetes(
            bridge.cluster,
            f"/apis/apps/v1/namespaces/{bridge.namespace}/deployments",
            join(["-n", bridge.namespace, "get", "deployments", "-o", "json"]),
        )
        for bridge in inventory.bridges.values()
    }


def parse_deployments(transcript: Transcript) -> dict[str, Deployment]:
    """Read a DeploymentList, by name."""
    found = {}
    for item in items_of(transcript, "DeploymentList"):
        try:
            metadata, spec, status = item["metadata"], item["spec"], item.get("status") or {}
            seen = int(status.get("observedGeneration", 0))
            found[metadata["name"]] = Deployment(
                name=metadata["name"],
                replicas=int(spec.get("replicas", 1)),
                selector=of_object(spec["selector"]),
                observed=seen >= int(metadata.get("generation", 0)),
                paused=bool(spec.get("paused")),
                updated=int(status.get("updatedReplicas", 0)),
                existing=int(status.get("replicas", 0)),
                trouble=_trouble(status.get("conditions") or ()),
            )
        except UNUSABLE as error:
            raise NotUnderstood(f"a Deployment without a usable {error}") from None
    return found


DEPLOYMENTS = Fact("deployments", _deployments, parse_deployments)


def _trouble(conditions: Any) -> str | None:
    told = [
        f"{condition['reason']}: {condition['message']}"
        for condition in conditions
        if (condition["type"], condition["status"])
        in (("ReplicaFailure", "True"), ("Progressing", "False"))
    ]
    return "; ".join(told) or None


def _cluster_uids(inventory: Inventory) -> dict[str, Probe]:
    path, kubectl = "/api/v1/namespaces/kube-system", "get namespace kube-system -o json"
    return {cluster: Kubernetes(cluster, path, kubectl) for cluster in inventory.clusters}


def parse_cluster_uid(transcript: Transcript) -> str:
    """The UID of the namespace kube-system, which identifies a cluster."""
    try:
        uid = body_of(transcript, "Namespace")["metadata"]["uid"]
    except (KeyError, TypeError):
        uid = None
    if not isinstance(uid, str) or not uid:
        raise NotUnderstood("the namespace kube-system has no uid")
    return uid


CLUSTER_UIDS = Fact("cluster_uids", _cluster_uids, parse_cluster_uid)


def _cluster_versions(inventory: Inventory) -> dict[str, Probe]:
    return {name: Kubernetes(name, "/version", "get --raw /version") for name in inventory.clusters}


def parse_cluster_version(transcript: Transcript) -> str:
    """The API server's own version, as /version has it: `v1.32.3+k3s1`."""
    if http_status(transcript) != 200:
        raise NotUnderstood(f"HTTP {http_status(transcript)}")
    try:
        version = strict_json.loads(transcript.stdout)["gitVersion"]
    except (ValueError, KeyError, TypeError):
        version = None
    if not isinstance(version, str) or not version:
        raise NotUnderstood("no gitVersion in the answer to /version")
    return version


CLUSTER_VERSIONS = Fact("cluster_versions", _cluster_versions, parse_cluster_version)


def _inside_answers(inventory: Inventory) -> dict[str, Probe]:
    probe, limits = inventory.probe, inventory.limits
    # As long as the hosts' batches may take until one that hangs is given up, and the sockets read.
    hold = limits.http + 4 * limits.command

    def asked(index: int, bridge: Bridge) -> Asked:
        health = inventory.services[inventory.tunnels[bridge.tunnel].to].health
        host, port = inventory.reached_at(bridge)
        wanted = Wanted(host, port, health.path, 1000 + 100 * index, bool(health.headers))
        if probe.with_ == "python":
            return by_python(wanted, limits, hold, probe.python)
        return {"curl": by_curl, "wget": by_wget, "nc": by_nc}[probe.with_](wanted, limits, hold)

    return {
        bridge.id: ExecInPod(
            probe.cluster,
            probe.namespace,
            probe.deployment,
            probe.container,
            asked(index, bridge),
            limits.http + limits.command,
            hold,
            probe.debug,
        )
        for index, bridge in enumerate(inventory.bridges.values())
    }


INSIDE_ANSWERS = Fact("inside_answers", _inside_answers, parse_inside_answer)
