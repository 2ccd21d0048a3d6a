"""The clusters' Services: their addresses and ports, and the pods behind those of the bridges.

Field names are those of the Kubernetes API. Endpoints say what became of a Service's selector and
ports, and of what somebody wrote by hand.
"""

from dataclasses import dataclass

from fleetmesh.facts.api_objects import UNUSABLE, body_of, not_found
from fleetmesh.facts.fact import Fact, NotUnderstood
from fleetmesh.facts.probe import Kubernetes, Probe
from fleetmesh.inventory import Bridge, Inventory
from fleetmesh.shell import join
from fleetmesh.transcript import Transcript


@dataclass(frozen=True)
class LiveService:
    """A Service as the cluster has it now."""

    cluster_ip: str
    ports: tuple[int, ...]
    names: tuple[str, ...]
    """The ports' names, in the same order; the only port of a Service may have an empty one."""


@dataclass(frozen=True)
class Endpoint:
    """Where a Service sends what comes to its port of that name, whether ready or not."""

    port_name: str
    ip: str
    port: int
    pod: str | None
    """None where somebody wrote the address by hand."""


def parse_service(transcript: Transcript) -> LiveService | None:
    """Read a Service; None where the cluster has none of that name (404)."""
    if not_found(transcript):
        return None
    body = body_of(transcript, "Service")
    try:
        ports = tuple(port["port"] for port in body["spec"]["ports"])
        names = tuple(port.get("name", "") for port in body["spec"]["ports"])
        return LiveService(body["spec"]["clusterIP"], ports, names)
    except (AttributeError, KeyError, TypeError) as error:
        raise NotUnderstood(f"a Service without {error}") from None


def parse_endpoints(transcript: Transcript) -> tuple[Endpoint, ...]:
    """Read the Endpoints of a Service; without any of its name (404), it leads nowhere."""
    if not_found(transcript):
        return ()
    body = body_of(transcript, "Endpoints")
    try:
        return tuple(
            Endpoint(
                port_name=port.get("name", ""),
                ip=address["ip"],
                port=port["port"],
                pod=address.get("targetRef", {}).get("name"),
            )
            for subset in body.get("subsets") or ()
            for key in ("addresses", "notReadyAddresses")
            for address in subset.get(key) or ()
            for port in subset["ports"]
        )
    except UNUSABLE as error:
        raise NotUnderstood(f"Endpoints without a usable {error}") from None


def _services(inventory: Inventory) -> dict[str, Probe]:
    return {
        service.id: Kubernetes(
            service.cluster,
            f"/api/v1/namespaces/{service.namespace}/services/{service.name}",
            join(["-n", service.namespace, "get", "svc", service.name, "-o", "json"]),
        )
        for service in inventory.services.values()
    }


def _bridge_services(inventory: Inventory) -> dict[str, Probe]:
    return {b.id: _of_bridge(b, "services", "svc") for b in inventory.bridges.values()}


def _bridge_endpoints(inventory: Inventory) -> dict[str, Probe]:
    return {b.id: _of_bridge(b, "endpoints", "ep") for b in inventory.bridges.values()}


def _of_bridge(bridge: Bridge, resource: str, short: str) -> Kubernetes:
    return Kubernetes(
        bridge.cluster,
        f"/api/v1/namespaces/{bridge.namespace}/{resource}/{bridge.id}",
        join(["-n", bridge.namespace, "get", short, bridge.id, "-o", "json"]),
    )


LIVE_SERVICES = Fact("live_services", _services, parse_service)
BRIDGE_SERVICES = Fact("bridge_services", _bridge_services, parse_service)
BRIDGE_ENDPOINTS = Fact("bridge_endpoints", _bridge_endpoints, parse_endpoints)
