"""What the clusters' APIs say of pods: whose they are, how they are, what they run.

Field names are those of the Kubernetes API. `Running` is a phase that says nothing about
readiness; an init container with `restartPolicy: Always` is a sidecar, and runs as long as the
others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from fleetmesh.facts.api_objects import UNUSABLE, items_of
from fleetmesh.facts.fact import Fact, NotUnderstood
from fleetmesh.facts.programs import (
    FromConfigMap,
    NamedAddress,
    Program,
    addresses,
    configured,
    program,
)
from fleetmesh.gather.cluster_api import Kubernetes
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.text.shell import join

OVER = ("Failed", "Succeeded")
"""The phases of a pod that has ended for good."""
_LOOPBACK = ("127.0.0.1", "::1")


@dataclass(frozen=True)
class Pod:
    """One pod: whose it is, how its containers are, what they run."""

    name: str
    uid: str
    labels: dict[str, str]
    controller: tuple[str, str] | None
    """Kind and name of the object that manages it: `("ReplicaSet", "hub-5d4f8c7b9")`."""
    phase: str
    reason: str | None
    """Why it is in its phase: `Evicted`, with the message."""
    addresses: tuple[str, ...]
    node_addresses: tuple[str, ...]
    ready: int
    containers: int
    """Sidecars are containers."""
    restarts: int
    last_restart: datetime | None
    last_end: str | None
    """How the container ended that was restarted last: `exit 137 (OOMKilled)`."""
    waiting: str | None
    """Why a container, or one that prepares the pod, does not run."""
    unready: str | None
    """Why the pod as a whole is not ready, whatever its containers are; None if it is."""
    deleting: bool
    host_network: bool
    named: tuple[NamedAddress, ...]
    """Every address that command, arguments and environment of its containers name."""
    unread: tuple[str, ...]
    """Where its containers have values from that are not looked at."""
    ephemeral: tuple[str, ...]
    """Containers that somebody added to the running pod."""
    ports: tuple[tuple[int, str], ...]
    """The ports on which its containers say that they listen, with their protocol."""
    host_ports: tuple[int, ...] = ()
    """The TCP ports of its node that lead to it, according to its containers."""
    programs: tuple[Program, ...] = ()
    own: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Its own addresses, each with the ports on which its containers say that they listen."""

    @property
    def config_maps(self) -> frozenset[str]:
        """The ConfigMaps that its containers have values or files from."""
        return frozenset(source.name for each in self.programs for source in each.sources)

    def told(
        self, maps: Mapping[str, Mapping[str, str]]
    ) -> tuple[tuple[NamedAddress, ...], tuple[str, ...]]:
        """Every address that its containers name, ConfigMaps included, and what is still unread."""
        each = [configured(program, self.own, maps) for program in self.programs]
        named = tuple(address for found, _ in each for address in found)
        files = [str(source) for program in self.programs for source in program.sources]
        elsewhere = [place for place in self.unread if place not in files]
        return named, tuple(dict.fromkeys((*(u for _, left in each for u in left), *elsewhere)))

    @property
    def over(self) -> bool:
        """Whether it has ended for good: evicted, failed or completed."""
        return self.phase in OVER

    def listens(self, protocol: str) -> tuple[int, ...]:
        """The ports on which its containers say that they listen by this protocol."""
        return tuple(port for port, spoken in self.ports if spoken == protocol)


def _namespaces(inventory: Inventory) -> dict[str, tuple[str, str]]:
    used = [(b.cluster, b.namespace) for b in inventory.bridges.values()]
    used += [(s.cluster, s.namespace) for s in inventory.services.values()]
    return {f"{cluster}/{namespace}": (cluster, namespace) for cluster, namespace in used}


def _pods(inventory: Inventory) -> dict[str, Probe]:
    return {
        where: Kubernetes(
            cluster,
            f"/api/v1/namespaces/{namespace}/pods",
            join(["-n", namespace, "get", "pods", "-o", "json"]),
        )
        for where, (cluster, namespace) in _namespaces(inventory).items()
    }


def parse_pods(transcript: Transcript) -> tuple[Pod, ...]:
    """Read a PodList; an empty one is an answer, and evidence of nothing."""
    return tuple(_pod(item) for item in items_of(transcript, "PodList"))


PODS = Fact("pods", _pods, parse_pods)


def _runbook_pods(inventory: Inventory) -> dict[str, Probe]:
    selector = inventory.probe.selector
    return {
        f"{bridge.cluster}/{bridge.namespace}": Kubernetes(
            bridge.cluster,
            f"/api/v1/namespaces/{bridge.namespace}/pods?labelSelector={quote(selector, safe='')}",
            join(["-n", bridge.namespace, "get", "pods", "-l", selector, "-o", "json"]),
        )
        for bridge in inventory.bridges.values()
    }


def parse_pod_names(transcript: Transcript) -> frozenset[str]:
    """The names in a PodList; an empty one is an answer."""
    try:
        names = [item["metadata"]["name"] for item in items_of(transcript, "PodList")]
        if not all(isinstance(name, str) for name in names):
            raise TypeError("name")
        return frozenset(names)
    except UNUSABLE as error:
        raise NotUnderstood(f"a pod without a usable {error}") from None


RUNBOOK_PODS = Fact("runbook_pods", _runbook_pods, parse_pod_names)


def _pod(item: dict[str, Any]) -> Pod:
    try:
        metadata, spec, status = item["metadata"], item["spec"], item["status"]
        prepare = spec.get("initContainers") or ()
        sidecars = [each for each in prepare if each.get("restartPolicy") == "Always"]
        containers = [*sidecars, *spec["containers"]]
        names = {each["name"] for each in containers}
        reports = [
            each
            for key in ("initContainerStatuses", "containerStatuses")
            for each in status.get(key) or ()
        ]
        running = [each for each in reports if each["name"] in names]
        own = _addresses(status, "podIP")
        fields = _fields(item)
        ports = tuple(
            (int(port["containerPort"]), str(port.get("protocol", "TCP")))
            for each in containers
            for port in each.get("ports") or ()
        )
        listening = dict.fromkeys((*own, *_LOOPBACK), frozenset(port for port, _ in ports))
        programs = [
            replace(read, sources=(*read.sources, *_mounted(each, spec)))
            for each in containers
            for read in (program(each, fields),)
        ]
        host_network = bool(spec.get("hostNetwork"))
        restarted, ended = max(map(_restart, running), default=(None, None), key=_when)
        return Pod(
            name=metadata["name"],
            uid=str(metadata.get("uid", "")),
            labels=dict(metadata.get("labels") or {}),
            controller=_controller(metadata),
            phase=status.get("phase", "Unknown"),
            reason=_said(status),
            addresses=own,
            node_addresses=_addresses(status, "hostIP"),
            ready=sum(1 for each in running if each["ready"]),
            containers=len(containers),
            restarts=sum(each["restartCount"] for each in running),
            last_restart=restarted,
            last_end=ended,
            waiting=next(filter(None, (_waits(each, names) for each in reports)), None),
            unready=_unready(status.get("conditions") or (), spec.get("nodeName")),
            deleting="deletionTimestamp" in metadata,
            host_network=host_network,
            named=tuple(found for each in programs for found in addresses(each, listening)),
            unread=tuple(dict.fromkeys((*(s for p in programs for s in p.unread), *_files(spec)))),
            ephemeral=tuple(each["name"] for each in spec.get("ephemeralContainers") or ()),
            ports=ports,
            host_ports=tuple(
                int(port["containerPort"] if host_network else port["hostPort"])
                for each in containers
                for port in each.get("ports") or ()
                if (host_network or port.get("hostPort")) and port.get("protocol", "TCP") == "TCP"
            ),
            programs=tuple(programs),
            own=listening,
        )
    except UNUSABLE as error:
        raise NotUnderstood(f"a pod without a usable {error}") from None


def _addresses(status: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """All of `podIPs` or `hostIPs`, of which older servers have the first alone."""
    found = [each["ip"] for each in status.get(f"{key}s") or ()] or [status.get(key)]
    return tuple(str(address) for address in found if address)


def _fields(item: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a pod that a container's variable may be given, by their paths."""
    found = {}
    for path in (
        *("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName"),
        *("spec.serviceAccountName", "status.hostIP", "status.podIP"),
    ):
        value: Any = item
        for step in path.split("."):
            value = (value or {}).get(step)
        if isinstance(value, str):
            found[path] = value
    return found


def _files(spec: Mapping[str, Any]) -> Iterator[str]:
    """The ConfigMaps and Secrets that the pod has as files."""
    for volume in spec.get("volumes") or ():
        if "configMap" in volume:
            yield f"ConfigMap {volume['configMap'].get('name', '')}"
        elif "secret" in volume:
            yield f"Secret {volume['secret'].get('secretName', '')}"


def _mounted(container: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterator[FromConfigMap]:
    """The ConfigMaps that the container has as files: all keys, or those that it has."""
    volumes = {volume["name"]: volume for volume in spec.get("volumes") or ()}
    for mount in container.get("volumeMounts") or ():
        held = volumes.get(mount["name"], {}).get("configMap")
        if not held:
            continue
        items = {item["path"]: item["key"] for item in held.get("items") or ()}
        keys: list[str | None] = [*items.values()] or [None]
        if path := mount.get("subPath"):
            keys = [items.get(path, path)]
        for key in keys:
            yield FromConfigMap(held["name"], key, file=True)


def _controller(metadata: Mapping[str, Any]) -> tuple[str, str] | None:
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            return owner["kind"], owner["name"]
    return None


def _restart(report: Mapping[str, Any]) -> tuple[datetime | None, str | None]:
    """When a container was started again, or ended where it was not, and how it ended."""
    ended = report.get("lastState", {}).get("terminated", {})
    began = report.get("state", {}).get("running", {})
    if not report["restartCount"] and not ended:
        return None, None
    moment = began.get("startedAt") or ended.get("finishedAt")
    return (datetime.fromisoformat(moment).astimezone(UTC) if moment else None), _end(ended)


def _when(restart: tuple[datetime | None, str | None]) -> float:
    return restart[0].timestamp() if restart[0] else 0.0


def _end(ended: Mapping[str, Any]) -> str | None:
    if "exitCode" not in ended:
        return None
    reason = ended.get("reason")
    return f"exit {ended['exitCode']}" + (f" ({reason})" if reason else "")


def _waits(report: Mapping[str, Any], names: set[str]) -> str | None:
    """Why a container does not run; one that prepares the pod may have ended well."""
    name, state = report["name"], report.get("state", {})
    waits, ended = state.get("waiting", {}), state.get("terminated", {})
    last = _end(report.get("lastState", {}).get("terminated", {}))
    if name not in names and ended.get("exitCode") == 0:
        return None
    if reason := waits.get("reason"):
        if reason == "PodInitializing":
            return None  # the one that it waits for says why
        told = last if reason == "CrashLoopBackOff" else waits.get("message")
        said = f"{reason}: {told}" if told else str(reason)
    elif ended:
        said = str(_end(ended))
    else:
        return None if name in names or "running" not in state else f"init container {name} runs"
    return said if name in names else f"init container {name}: {said}"


def _unready(conditions: Any, node: str | None) -> str | None:
    # A node that is lost takes its pods' Ready condition, and leaves their containers as they were.
    found = {condition["type"]: condition for condition in conditions}
    for kind in ("PodScheduled", "Ready"):
        condition = found.get(kind)
        if condition and condition["status"] != "True":
            return _said(condition) or f"no reason given: its node {node or '?'} may be lost"
    return None if "Ready" in found else "the kubelet has not said so"


def _said(given: Mapping[str, Any]) -> str | None:
    return ": ".join(filter(None, (given.get("reason"), given.get("message")))) or None
