"""What is sampled: each service at its ClusterIP, at the tunnel's listener and at the bridge."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fleetmesh.facts.fact import Inconclusive
from fleetmesh.facts.healthy import differs
from fleetmesh.inventory import Health, Inventory, Tunnel
from fleetmesh.outages.incidents import Lane
from fleetmesh.outages.watched import INSIDE


@dataclass(frozen=True)
class Spot:
    """Where a lane is sampled from, and what it asks there."""

    lane: Lane
    place: str
    """A host's name, or INSIDE."""
    host: str
    port: int
    health: Health
    listen: str
    """The tunnel's listener, by host and address."""


def spots(inventory: Inventory) -> list[Spot]:
    """All of them, each on new connections and on a kept one."""
    return [
        Spot(Lane(name, hop, kept), place, host, port, health, listen)
        for name, hop, place, host, port, health, listen in _asked(inventory)
        for kept in (False, True)
    ]


def _asked(inventory: Inventory) -> Iterator[tuple[str, str, str, str, int, Health, str]]:
    used = Counter(tunnel.to for tunnel in inventory.tunnels.values())
    for tunnel in inventory.tunnels.values():
        service = inventory.services[tunnel.to]
        name = service.id if used[service.id] == 1 else tunnel.id
        at, health = inventory.service_host(service), service.health
        listen = listener(tunnel)
        yield name, "service", at, service.cluster_ip, service.port, health, listen
        yield name, "listener", tunnel.host, tunnel.listen.ip, tunnel.listen.port, health, listen
        bridges = [b for b in inventory.bridges.values() if b.tunnel == tunnel.id]
        for bridge in bridges:
            host, port = inventory.reached_at(bridge)
            own = name if len(bridges) == 1 else bridge.id
            yield own, "bridge", INSIDE, host, port, health, listen


def listener(tunnel: Tunnel) -> str:
    """A tunnel's listener, as all of the watch names it."""
    return f"{tunnel.listen} on {tunnel.host}"


def lacking(health: Health, status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    """What an answer lacks to be a healthy one; None if nothing."""
    if status != health.status:
        return f"{health.path} answered {status}, not {health.status}"
    try:
        return differs(body, headers, health)
    except Inconclusive as error:
        return str(error)
