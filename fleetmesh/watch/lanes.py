"""What is sampled: each service at its ClusterIP, at the tunnel's listener and at the bridge."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fleetmesh.facts.fact import Inconclusive
from fleetmesh.facts.healthy import differs
from fleetmesh.inventory import Health, Inventory
from fleetmesh.outages.incidents import Lane

INSIDE = "inside"
"""The place of what is sampled from a pod."""


@dataclass(frozen=True)
class Spot:
    """Where a lane is sampled from, and what it asks there."""

    lane: Lane
    place: str
    """A host's name, or INSIDE."""
    host: str
    port: int
    health: Health


def spots(inventory: Inventory) -> list[Spot]:
    """All of them, each on new connections and on a kept one."""
    return [
        Spot(Lane(name, hop, kept), place, host, port, health)
        for name, hop, place, host, port, health in _asked(inventory)
        for kept in (False, True)
    ]


def _asked(inventory: Inventory) -> Iterator[tuple[str, str, str, str, int, Health]]:
    used = Counter(tunnel.to for tunnel in inventory.tunnels.values())
    for tunnel in inventory.tunnels.values():
        service = inventory.services[tunnel.to]
        name = service.id if used[service.id] == 1 else tunnel.id
        health, listen = service.health, tunnel.listen
        at = inventory.service_host(service)
        yield name, "service", at, service.cluster_ip, service.port, health
        yield name, "listener", tunnel.host, listen.ip, listen.port, health
        bridges = [b for b in inventory.bridges.values() if b.tunnel == tunnel.id]
        for bridge in bridges:
            host, port = inventory.reached_at(bridge)
            yield name if len(bridges) == 1 else bridge.id, "bridge", INSIDE, host, port, health


def lacking(health: Health, status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    """What an answer lacks to be a healthy one; None if nothing."""
    if status != health.status:
        return f"{health.path} answered {status}, not {health.status}"
    try:
        return differs(body, headers, health)
    except Inconclusive as error:
        return str(error)
