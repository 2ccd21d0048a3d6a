"""The live path of one request through a tunnel, put together from sockets on both hosts.

A request is held open through the listener while the sockets are read. It has carried a number of
bytes each way that no other connection has, so the socket which the tunnel accepted and the one
that the far end opened to the service are found by their byte counts (tcp_info, ss(8)); whose they
are is told by their cgroups.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from fleetmesh.attribution import Holder, Places, held_by
from fleetmesh.facts.http import Answer
from fleetmesh.facts.sockets import LoginSession, Socket
from fleetmesh.inventory import Tunnel
from fleetmesh.outcomes import Inconclusive


@dataclass(frozen=True)
class Hop:
    """One place that the request passed, who held it there, and the sockets that show it."""

    place: str
    holder: str
    sockets: tuple[str, ...]


@dataclass(frozen=True)
class Path:
    """The hops as observed; `broken` says why the trail ends before the service."""

    tunnel: str
    hops: tuple[Hop, ...]
    broken: str | None = None

    @property
    def route(self) -> tuple[str, ...]:
        """The places alone, in order."""
        return tuple(hop.place for hop in self.hops)

    def __str__(self) -> str:
        route = " → ".join(self.route)
        return f"{route} ✕ {self.broken}" if self.broken else route


@dataclass(frozen=True)
class Sight:
    """What one host shows: its established connections and its login sessions."""

    connections: tuple[Socket, ...]
    sessions: Mapping[str, LoginSession]


def trace(tunnel: Tunnel, answer: Answer, sights: Mapping[str, Sight], places: Places) -> Path:
    """Follow the held request from the tunnel's listener to the service.

    Raises Inconclusive where the request's own sockets cannot be told apart from others.
    """
    here = sights[tunnel.host]
    accepted = _one(
        [
            socket
            for socket in here.connections
            if socket.port == tunnel.listen.port
            and (socket.received, socket.sent) == (answer.sent, answer.received)
        ],
        f"{tunnel.host}: the accepted end of the held request on {tunnel.listen}",
    )
    holder = held_by(accepted, here.sessions, places)
    if holder.unseen:
        raise Inconclusive(
            f"{tunnel.host}: {accepted.local}, which takes it in, is held by {holder}"
        )
    first = Hop(tunnel.host, str(holder), (f"{accepted.peer} → {accepted.local}",))
    if holder.unit is None:
        beyond = (
            (Hop(holder.origin, "the far end of a reverse tunnel", ()),) if holder.origin else ()
        )
        return Path(tunnel.id, (first, *beyond), f"{tunnel.listen} is held by {holder}")
    carried = _upstreams(here.connections, holder, tunnel)
    if tunnel.unit != tunnel.own_unit:  # it holds other tunnels, too: then by the process
        carried = [s for s in carried if set(s.processes) & set(accepted.processes)]
    if len(carried) != 1:
        seen = ", ".join(f"{s.local} → {s.peer}" for s in carried) or "none"
        return Path(
            tunnel.id, (first,), f"{holder} holds {len(carried)} SSH connections ({seen}), not one"
        )
    upstream = carried[0]
    place = places.name(upstream.peer_ip)
    first = Hop(first.place, first.holder, (*first.sockets, f"{upstream.local} → {upstream.peer}"))
    if place not in sights:
        return Path(tunnel.id, (first, Hop(place, "not observed", ())), f"{place} is not looked at")
    return _far_end(tunnel.id, first, place, upstream, answer, sights, places)


def _far_end(
    tunnel: str,
    first: Hop,
    place: str,
    upstream: Socket,
    answer: Answer,
    sights: Mapping[str, Sight],
    places: Places,
) -> Path:
    there = sights[place]
    ends = (upstream.peer_ip, upstream.peer_port, upstream.ip, upstream.port)
    if not any((s.ip, s.port, s.peer_ip, s.peer_port) == ends for s in there.connections):
        lost = f"{place} shows no connection from {upstream.local}: something stands between"
        return Path(tunnel, (first, Hop(place, "not found", ())), lost)
    opened = _one(
        [
            socket
            for socket in there.connections
            if (socket.sent, socket.received) == (answer.sent, answer.received)
        ],
        f"{place}: the socket that carries the held request on",
    )
    holder = held_by(opened, there.sessions, places)
    if holder.sshd or holder.unseen:
        raise Inconclusive(f"{place}: {opened.local}, which carries it on, is held by {holder}")
    second = Hop(place, str(holder), (f"{upstream.local} → {upstream.peer}",))
    if holder.origin != first.place:
        return Path(tunnel, (first, second), f"on {place} the request is carried by {holder}")
    service = Hop(opened.peer, "the service's ClusterIP", (f"{opened.local} → {opened.peer}",))
    return Path(tunnel, (first, second, service))


def _upstreams(connections: tuple[Socket, ...], holder: Holder, tunnel: Tunnel) -> list[Socket]:
    return [
        socket
        for socket in connections
        if socket.unit == holder.unit
        and socket.port != tunnel.listen.port
        and not ip_address(socket.ip).is_loopback  # what it accepted on another of its forwards
    ]


def _one(found: list[Socket], what: str) -> Socket:
    if len(found) != 1:
        raise Inconclusive(f"{what} was seen {len(found)} times, not once")
    return found[0]
