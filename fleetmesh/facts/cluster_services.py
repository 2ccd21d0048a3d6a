"""The clusters' Services: their addresses and ports, and where their EndpointSlices lead.

Field names are those of the Kubernetes API. kube-proxy obeys every EndpointSlice that names the
Service by its label, whoever made it; Endpoints are an older form of the same, which may be absent.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fleetmesh.facts.api_objects import UNUSABLE, body_of, items_of, not_found
from fleetmesh.facts.fact import Fact, NotUnderstood
from fleetmesh.facts.labels import of_pairs
from fleetmesh.facts.pods import Pod
from fleetmesh.facts.sockets import bare
from fleetmesh.gather.cluster_api import Kubernetes
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.text.shell import join

_OF_SERVICE = "kubernetes.io/service-name"
_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_CONTROLLER = "endpointslice-controller.k8s.io"


@dataclass(frozen=True)
class ServicePort:
    """A port of a Service; the only one may have an empty name."""

    port: int
    protocol: str
    name: str


@dataclass(frozen=True)
class LiveService:
    """A Service as the cluster has it now."""

    type: str
    cluster_ip: str
    """`None`, the word, of a headless one; empty of an ExternalName."""
    external_name: str
    selector: dict[str, str]
    offers: tuple[ServicePort, ...]
    peculiar: tuple[str, ...]
    """What it has besides the defaults, in words: external addresses, session affinity …"""

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that it offers over TCP."""
        return tuple(port.port for port in self.offers if port.protocol == "TCP")

    @property
    def headless(self) -> bool:
        """Whether its name leads to its endpoints themselves, with no port translated."""
        return self.cluster_ip == "None"

    def offering(self, port: int) -> ServicePort | None:
        """Its port of this number, over TCP."""
        return next((p for p in self.offers if (p.port, p.protocol) == (port, "TCP")), None)

    def uses(self, end: "Endpoint") -> bool:
        """Whether traffic to some port of it may go to this endpoint."""
        return any(end.serves(port) for port in self.offers)

    def selects(self, pod: Pod) -> bool:
        """Whether the pod would be behind it; without a selector none is."""
        return bool(self.selector) and of_pairs(self.selector).matches(pod.labels)


def _service(cluster: str, namespace: str, name: str) -> Kubernetes:
    return Kubernetes(
        cluster,
        f"/api/v1/namespaces/{namespace}/services/{name}",
        join(["-n", namespace, "get", "svc", name, "-o", "json"]),
    )


def _services(inventory: Inventory) -> dict[str, Probe]:
    return {s.id: _service(s.cluster, s.namespace, s.name) for s in inventory.services.values()}


def parse_service(transcript: Transcript) -> LiveService | None:
    """Read a Service; None where the cluster has none of that name (404)."""
    if not_found(transcript):
        return None
    body = body_of(transcript, "Service")
    try:
        spec = body["spec"]
        kind = str(spec.get("type", "ClusterIP"))
        return LiveService(
            type=kind,
            cluster_ip="" if kind == "ExternalName" else bare(str(spec["clusterIP"])),
            external_name=str(spec.get("externalName", "")),
            selector=dict(spec.get("selector") or {}),
            offers=tuple(
                ServicePort(int(p["port"]), p.get("protocol", "TCP"), p.get("name", ""))
                for p in spec.get("ports") or ()
            ),
            peculiar=tuple(_peculiar(spec)),
        )
    except UNUSABLE as error:
        raise NotUnderstood(f"a Service without a usable {error}") from None


LIVE_SERVICES = Fact("live_services", _services, parse_service)


def _bridge_services(inventory: Inventory) -> dict[str, Probe]:
    return {b.id: _service(b.cluster, b.namespace, b.id) for b in inventory.bridges.values()}


BRIDGE_SERVICES = Fact("bridge_services", _bridge_services, parse_service)


def _peculiar(spec: dict[str, Any]) -> Iterable[str]:
    if spec.get("type", "ClusterIP") != "ClusterIP":
        yield f"type {spec['type']}"
    if spec.get("clusterIP") == "None":
        yield "headless"
    if spec.get("externalIPs"):
        yield f"externalIPs {', '.join(spec['externalIPs'])}"
    if spec.get("sessionAffinity", "None") != "None":
        yield f"sessionAffinity {spec['sessionAffinity']}"
    if spec.get("publishNotReadyAddresses"):
        yield "publishNotReadyAddresses"
    if spec.get("internalTrafficPolicy", "Cluster") != "Cluster":
        yield f"internalTrafficPolicy {spec['internalTrafficPolicy']}"


@dataclass(frozen=True)
class Endpoint:
    """Where an EndpointSlice leads what comes to its Service's port of that name and protocol."""

    slice: str
    maker: str
    """Who manages the slice; empty where it does not say."""
    ip: str
    """Of a slice of type FQDN, a name."""
    port: int | None
    """None means every port."""
    port_name: str
    protocol: str
    pod: str | None
    """None where the slice names no pod for the address."""
    state: str
    """`ready`, or what its conditions say instead."""

    def __str__(self) -> str:
        shown = f"[{self.ip}]" if ":" in self.ip else self.ip
        made = "" if self.maker == _CONTROLLER else f", in {self.slice} made by {self._maker}"
        return f"{shown}:{self.port or '*'}, {self.pod or 'of no pod'}{made}"

    @property
    def _maker(self) -> str:
        return self.maker or "hand"

    def serves(self, port: ServicePort) -> bool:
        """Whether kube-proxy leads what comes to this port of the Service here."""
        return (self.port_name, self.protocol) == (port.name, port.protocol)


def strays(ends: Iterable[Endpoint], own: Iterable[Pod]) -> list[Endpoint]:
    """Those of `ends` that are not at an address of one of `own`, or name another pod."""
    addresses = {pod.name: pod.addresses for pod in own}
    return [end for end in ends if end.ip not in addresses.get(end.pod or "", ())]


def _slices(cluster: str, namespace: str, name: str) -> Kubernetes:
    return Kubernetes(
        cluster,
        f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        f"?labelSelector={_OF_SERVICE}%3D{name}",
        join(
            ["-n", namespace, "get", "endpointslices", "-l", f"{_OF_SERVICE}={name}", "-o", "json"]
        ),
    )


def _service_endpoints(inventory: Inventory) -> dict[str, Probe]:
    return {s.id: _slices(s.cluster, s.namespace, s.name) for s in inventory.services.values()}


def parse_slices(transcript: Transcript) -> tuple[Endpoint, ...]:
    """Read the EndpointSlices of one Service: every address of each, whether ready or not."""
    found = []
    for item in items_of(transcript, "EndpointSliceList"):
        try:
            metadata = item["metadata"]
            if item["addressType"] not in ("IPv4", "IPv6", "FQDN"):
                raise ValueError(f"addressType {item['addressType']}")
            found += [
                Endpoint(
                    slice=str(metadata["name"]),
                    maker=str((metadata.get("labels") or {}).get(_MANAGED_BY, "")),
                    ip=str(address),
                    port=None if port.get("port") is None else int(port["port"]),
                    port_name=port.get("name") or "",
                    protocol=port.get("protocol") or "TCP",
                    pod=_pod(end.get("targetRef") or {}, metadata),
                    state=_state(end.get("conditions") or {}),
                )
                for end in item.get("endpoints") or ()
                for address in end["addresses"]
                for port in item.get("ports") or ()
            ]
        except UNUSABLE as error:
            raise NotUnderstood(f"an EndpointSlice without a usable {error}") from None
    return tuple(found)


SERVICE_ENDPOINTS = Fact("service_endpoints", _service_endpoints, parse_slices)


def _bridge_endpoints(inventory: Inventory) -> dict[str, Probe]:
    return {b.id: _slices(b.cluster, b.namespace, b.id) for b in inventory.bridges.values()}


BRIDGE_ENDPOINTS = Fact("bridge_endpoints", _bridge_endpoints, parse_slices)


def _pod(target: dict[str, Any], metadata: dict[str, Any]) -> str | None:
    here = target.get("namespace", metadata.get("namespace")) == metadata.get("namespace")
    return target["name"] if target.get("kind") == "Pod" and here else None


def _state(conditions: dict[str, Any]) -> str:
    """In words; what a slice leaves open counts as ready."""
    if conditions.get("terminating"):
        return "terminating"
    return "ready" if conditions.get("ready") in (None, True) else "not ready"
