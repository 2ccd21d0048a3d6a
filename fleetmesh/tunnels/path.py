"""The live path of one request, put together from sockets on several hosts.

A request is held open while the sockets are read. It was sent either on the node to the tunnel's
listener, or by a pod of the application to the bridge. It has carried a number of bytes each way
that no other connection has, so byte counts (tcp_info, ss(8)) identify its sockets. Addresses
identify the two ends of a connection on one host. A socket's control group says whose it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address

from fleetmesh.facts.answers import Answer
from fleetmesh.facts.asking_inside import InsideAnswer
from fleetmesh.facts.fact import Inconclusive
from fleetmesh.facts.sockets import End, LoginSession, Socket, end
from fleetmesh.inventory import Bridge, Service, Tunnel
from fleetmesh.tunnels.attribution import Holder, Places, held_by

NOT_SEEN = "not seen"
"""How the description of a holder begins if no socket shows it."""


@dataclass(frozen=True)
class Hop:
    """A place that the request passed, who held it there, and the sockets that show it."""

    place: str
    holder: str
    sockets: tuple[str, ...]


@dataclass(frozen=True)
class Path:
    """The hops as observed; `broken` says why the trail ends short of the service."""

    tunnel: str
    hops: tuple[Hop, ...]
    broken: str | None = None

    @property
    def route(self) -> tuple[str, ...]:
        """The places alone, in order."""
        return tuple(hop.place for hop in self.hops)

    @property
    def unseen(self) -> tuple[Hop, ...]:
        """The hops that no socket shows."""
        return tuple(hop for hop in self.hops if hop.holder.startswith(NOT_SEEN))

    def ends(self, other: "Path") -> bool:
        """Whether another, longer path ends like this one."""
        longer = len(other.route) > len(self.route)
        tail = other.route[-len(self.route) :]
        return longer and (self.tunnel, self.route, self.broken) == (
            other.tunnel,
            tail,
            other.broken,
        )

    def __str__(self) -> str:
        route = " → ".join(self.route)
        return f"{route} ✕ {self.broken}" if self.broken else route


@dataclass(frozen=True)
class Sight:
    """What one host shows: its established connections, its listeners and its login sessions."""

    connections: tuple[Socket, ...]
    sessions: Mapping[str, LoginSession]
    listeners: tuple[Socket, ...] = ()


@dataclass(frozen=True)
class Traffic:
    """Payload bytes each way, from the client's side."""

    sent: int
    received: int

    def client(self, socket: Socket) -> bool:
        """Whether this is the client's socket that carried them."""
        return (socket.sent, socket.received) == (self.sent, self.received)

    def server(self, socket: Socket) -> bool:
        """Whether this is the server's socket that carried them."""
        return (socket.sent, socket.received) == (self.received, self.sent)

    def either(self, socket: Socket) -> bool:
        """Whether the socket carried them at all."""
        return self.client(socket) or self.server(socket)


@dataclass(frozen=True)
class View:
    """What a path is put together from, besides the request itself."""

    sights: Mapping[str, Sight]
    places: Places
    others: Callable[[], Mapping[str, tuple[Socket, ...]]]
    """Connections of the hosts that are not in `sights`; raises Inconclusive if not seen."""
    serves: Callable[[End], bool]
    """Whether the service's Service leads to this address, according to its cluster."""

    def passes_elsewhere(self, traffic: Traffic) -> tuple[str, Socket] | None:
        """A host outside the path that nevertheless carried these bytes, and what carried them."""
        found = (
            (host, socket)
            for host, sockets in self.others().items()
            for socket in sockets
            if traffic.either(socket)
        )
        return next(found, None)


@dataclass(frozen=True)
class Pods:
    """Names of pods in the bridge's namespace, by UID: the bridge's own, and all of them."""

    own: Mapping[str, str]
    all: Mapping[str, str]


def leads_astray(path: Path, service: Service) -> str | None:
    """Which address answers in place of the service's, in one sentence; None if it is its own.

    Raises Inconclusive if the path breaks off, so that nobody knows who answers.
    """
    if path.broken or not path.hops:
        raise Inconclusive(f"which service answers cannot be told: {path.broken or 'no path'}")
    end_of_path = path.route[-1]
    if end_of_path == f"{service.cluster_ip}:{service.port}":
        return None
    return f"{end_of_path} answers, not {service.id} at {service.cluster_ip}:{service.port}"


def trace(tunnel: Tunnel, service: Service, answer: Answer, view: View) -> Path:
    """Follow a request that was held on the node, from the tunnel's listener to the service.

    Raises Inconclusive if the request's own sockets cannot be told apart from others.
    """
    traffic = Traffic(answer.sent, answer.received)
    return _onward((), tunnel, service, _accepted(tunnel, traffic, view), traffic, view)


def trace_from_pod(
    bridge: Bridge,
    deployment: str,
    inside: InsideAnswer,
    to: tuple[Tunnel, Service],
    view: View,
    pods: Pods,
) -> Path:
    """Follow a request that a pod of `deployment` holds, through the bridge's pod to the service.

    If the node does not show the bridge's pod, that hop says so, and the request is found again at
    the tunnel's listener. Raises Inconclusive if its sockets cannot be told apart from others.
    """
    tunnel, service = to
    here = view.sights[tunnel.host]
    traffic = Traffic(inside.answer.sent, inside.answer.received)
    if inside.local is None and not (traffic.sent and traffic.received):
        raise Inconclusive(
            f"what asked in {inside.pod} tells neither its socket nor its bytes; write "
            "`probe.with: curl`, `nc` or `python` in the inventory, whichever the pod has"
        )
    sent = tuple(
        f"{_shown(near)} → {_shown(far)}"
        for near, far in ((inside.local, inside.peer),)
        if near and far
    )
    first = Hop(deployment, f"pod {inside.pod}", sent)
    accepted = _reached(here, inside.local, traffic, tunnel.host)
    if accepted is None and not inside.kept:
        raise Inconclusive(
            f"{tunnel.host}: the connection of {inside.pod} was closed before its sockets were read"
        )
    if accepted is None:
        return _past_the_bridge(bridge, first, to, traffic, view, pods)
    arrived = f"{accepted.peer} → {accepted.local}"
    if accepted.pod is None:
        # Without pods' control groups, a container's processes are in those of its runtime.
        if not _names(here, pods) and not (accepted.cgroup or "").startswith("/user.slice/"):
            return _past_the_bridge(bridge, first, to, traffic, view, pods)
        holder = _holder(accepted, here, view.places, tunnel.host)
        held = Hop(tunnel.host, str(holder), (arrived,))
        return Path(tunnel.id, (first, held), f"no pod of {bridge} has it, but {holder}")
    name = pods.all.get(accepted.pod, f"of UID {accepted.pod}")
    place = bridge.id if accepted.pod in pods.own else f"pod {name}"
    carried_on = _carried_on(here, accepted.pod, traffic, f"{tunnel.host}: pod {name}")
    leads = f"{carried_on.local} → {carried_on.peer}"
    second = Hop(place, f"pod {name}", (arrived, leads))
    ends = [s for s in here.connections if (s.near, s.far) == (carried_on.far, carried_on.near)]
    if ends and ends[0].port == tunnel.listen.port:
        passed, onward = (first, second), Traffic(carried_on.sent, carried_on.received)
        return _onward(passed, tunnel, service, ends[0], onward, view)
    if ends:
        holder = _holder(ends[0], here, view.places, tunnel.host)
        where, led = tunnel.host, f"{carried_on.peer}, held by {holder}"
    else:
        where = view.places.name(carried_on.peer_ip)
        led = f"{where} ({carried_on.peer})"
    beyond = Hop(where, "where the bridge leads", ())
    return Path(tunnel.id, (first, second, beyond), f"{place} leads to {led}, not {tunnel.listen}")


def _names(here: Sight, pods: Pods) -> list[Socket]:
    """Listeners whose control group names the bridge's pod: the node then shows what it accepts."""
    return [socket for socket in here.listeners if socket.pod in pods.own]


def _reached(here: Sight, local: End | None, traffic: Traffic, host: str) -> Socket | None:
    """What accepted the pod's request.

    It is the other end of its socket; or, if that is not known or addresses are translated, the
    only socket of a pod that has its byte counts.
    """
    ends = [socket for socket in here.connections if local and socket.far == local]
    found = ends or [s for s in here.connections if s.pod and traffic.server(s)]
    return _one(found, f"{host}: what accepted the request of the pod") if found else None


def _carried_on(here: Sight, pod: str, traffic: Traffic, what: str) -> Socket:
    """The socket on which a pod passes the request on.

    A proxy that passes bytes unchanged has one with the same counts. Any connection of another kind
    of proxy will do, if they all lead to the same place.
    """
    listened = {socket.port for socket in here.listeners if socket.pod == pod}
    clients = [s for s in here.connections if s.pod == pod and s.port not in listened]
    onward = [s for s in clients if not (s.peer_port in listened and s.far[0] == s.ip)]
    exact = [socket for socket in onward if traffic.client(socket)]
    if len(exact) == 1:
        return exact[0]
    led = sorted({socket.peer for socket in onward})
    if len(led) != 1:
        raise Inconclusive(
            f"{what} carries the request on by a connection that cannot be told: "
            f"it has {len(onward)}, to {', '.join(led) or 'nowhere'}"
        )
    return onward[0]


def _past_the_bridge(
    bridge: Bridge,
    first: Hop,
    to: tuple[Tunnel, Service],
    traffic: Traffic,
    view: View,
    pods: Pods,
) -> Path:
    """The path if the node shows no socket of the bridge's pod that accepted the request."""
    tunnel, service = to
    if found := view.passes_elsewhere(traffic):
        host, socket = found
        shown = Hop(host, "has the bytes of the request", (f"{socket.local}, {socket.peer}",))
        broken = f"the request did not pass the pod of {bridge}: {host} has it ({socket.local})"
        return Path(tunnel.id, (first, shown), broken)
    here = view.sights[tunnel.host]
    if listening := _names(here, pods):
        ports = ", ".join(sorted({socket.local for socket in listening}))
        return Path(
            tunnel.id,
            (first,),
            f"the request did not pass the pod of {bridge}, which listens on {ports} of "
            f"{tunnel.host} and has not accepted it",
        )
    unseen = Hop(
        bridge.id,
        f"{NOT_SEEN}: {tunnel.host} names no socket as its pod's; what its arguments say (PROD-02) "
        "is the only witness",
        (),
    )
    accepted = _accepted(tunnel, traffic, view)
    return _onward((first, unseen), tunnel, service, accepted, traffic, view)


def _accepted(tunnel: Tunnel, traffic: Traffic, view: View) -> Socket:
    return _one(
        [
            socket
            for socket in view.sights[tunnel.host].connections
            if socket.port == tunnel.listen.port and traffic.server(socket)
        ],
        f"{tunnel.host}: the accepted end of the held request on {tunnel.listen}",
    )


def _onward(
    passed: tuple[Hop, ...],
    tunnel: Tunnel,
    service: Service,
    accepted: Socket,
    traffic: Traffic,
    view: View,
) -> Path:
    """The hops from the socket that the tunnel's listener accepted to the service."""
    here, places = view.sights[tunnel.host], view.places
    holder = _holder(accepted, here, places, tunnel.host)
    hop = Hop(tunnel.host, str(holder), (f"{accepted.peer} → {accepted.local}",))
    if holder.unit is None:
        beyond = (
            (Hop(holder.origin, "the far end of a reverse tunnel", ()),) if holder.origin else ()
        )
        return Path(tunnel.id, (*passed, hop, *beyond), f"{tunnel.listen} is held by {holder}")
    carried = _upstreams(here.connections, holder, tunnel)
    if tunnel.unit != tunnel.own_unit:  # it holds other tunnels, too: then by the process
        carried = [s for s in carried if set(s.processes) & set(accepted.processes)]
    if len(carried) != 1:
        seen = ", ".join(f"{s.local} → {s.peer}" for s in carried) or "none"
        held = f"{holder} holds {len(carried)} SSH connections ({seen}), not one"
        return Path(tunnel.id, (*passed, hop), held)
    upstream = carried[0]
    place = places.name(upstream.peer_ip)
    hop = replace(hop, sockets=(*hop.sockets, f"{upstream.local} → {upstream.peer}"))
    if place not in view.sights:
        hops = (*passed, hop, Hop(place, "not observed", ()))
        return Path(tunnel.id, hops, f"{place} is not looked at")
    return _far_end((*passed, hop), tunnel, service, upstream, traffic, view)


def _far_end(
    passed: tuple[Hop, ...],
    tunnel: Tunnel,
    service: Service,
    upstream: Socket,
    traffic: Traffic,
    view: View,
) -> Path:
    places, place = view.places, view.places.name(upstream.peer_ip)
    there = view.sights[place]
    opened = _one(
        [socket for socket in there.connections if traffic.client(socket)],
        f"{place}: the socket that carries the held request on",
    )
    holder = _holder(opened, there, places, place)
    exact = [s for s in there.connections if (s.near, s.far) == (upstream.far, upstream.near)]
    # SSH is sealed from end to end, so that what opened the socket is at the end of the unit's own
    # connection, under whatever address that arrives.
    arrived = [
        socket
        for socket in exact or there.connections
        if socket.port == upstream.peer_port and _of_connection(opened, socket, there)
    ]
    shown = tuple(f"{socket.peer} → {socket.local}" for socket in exact)
    addresses = sorted({socket.peer_ip for socket in arrived})
    if not addresses:
        hops = (*passed, Hop(place, str(holder), shown))
        return Path(tunnel.id, hops, f"on {place} the request is carried by {holder}")
    second = Hop(place, str(replace(holder, origin=tunnel.host)), shown)
    if not exact:
        origin = places.name(addresses[0])
        arrives = f"{tunnel.host} arrives from {', '.join(addresses)}"
        second = replace(second, holder=f"{second.holder}; {arrives}")
        if len(addresses) > 1:
            raise Inconclusive(f"on {place} {arrives}: one address, and it cannot be told which")
        if origin != tunnel.host and places.knows(origin):
            hops = (*passed, Hop(place, str(holder), shown))
            return Path(tunnel.id, hops, f"on {place} {tunnel.host} arrives from {origin}")
        if origin != tunnel.host and (relay := _relay(upstream, place, view)):
            hops = (*passed, Hop(relay, "relays the SSH connection", ()), second)
            return Path(tunnel.id, hops, f"the SSH connection to {place} goes over {relay}")
    opens = f"{opened.local} → {opened.peer}"
    return Path(tunnel.id, (*passed, second, _service(service, opened, opens, place, view)))


def _relay(upstream: Socket, place: str, view: View) -> str | None:
    """The host that relays the tunnel's connection, if that arrives from an unknown address.

    A relay has a connection from the tunnel's socket, and one to the far end. All connections to
    the far end must be seen to arrive there; otherwise the unknown address may be that host's.
    """
    arrived = {(socket.far, socket.near) for socket in view.sights[place].connections}
    for host, sockets in view.others().items():
        if any(socket.far == upstream.near for socket in sockets):
            return host
        for socket in sockets:
            far = view.places.name(socket.peer_ip) == place
            if far and (socket.near, socket.far) not in arrived:
                raise Inconclusive(
                    f"{place} sees neither {upstream.local} nor {host}'s {socket.local}: addresses "
                    "are translated on the way. Write those under which a host arrives there among "
                    "its `addresses` in the inventory"
                )
    return None


def _of_connection(opened: Socket, arrived: Socket, there: Sight) -> bool:
    """Whether the socket was opened for the SSH connection that arrived.

    The login session's address tells, or the addresses of its name. Without a session of its own
    (sshd without PAM), the control group of the sshd that accepted the connection tells.
    """
    if opened.session:
        session = there.sessions.get(opened.session)
        if session and not session.addresses and session.remote_host:
            raise Inconclusive(
                f"login session {session.id} came from {session.remote_host}, a name without an "
                "address there"
            )
        return session is not None and arrived.peer_ip in session.addresses
    return opened.attributable and opened.cgroup == arrived.cgroup


def _service(service: Service, opened: Socket, opens: str, place: str, view: View) -> Hop:
    cluster_ip = f"{service.cluster_ip}:{service.port}"
    if opened.far == end(str(service.cluster_ip), service.port):
        return Hop(cluster_ip, "the service's ClusterIP", (opens,))
    at = view.places.name(opened.peer_ip)
    if (at == place or not view.places.knows(at)) and view.serves(opened.far):
        # As a kube-proxy does that translates the address before the socket is connected (eBPF).
        return Hop(cluster_ip, f"the service, at its endpoint {opened.peer}", (opens,))
    return Hop(opened.peer, "not the service's ClusterIP", (opens,))


def _upstreams(connections: tuple[Socket, ...], holder: Holder, tunnel: Tunnel) -> list[Socket]:
    return [
        socket
        for socket in connections
        if socket.unit == holder.unit
        and socket.port != tunnel.listen.port
        and not ip_address(socket.ip).is_loopback  # what it accepted on another of its forwards
    ]


def _holder(socket: Socket, sight: Sight, places: Places, host: str) -> Holder:
    if not socket.attributable:
        seen = f"{socket.peer} → {socket.local}"
        raise Inconclusive(f"{host}: whose socket {seen} is cannot be told: ss shows no cgroup")
    return held_by(socket, sight.sessions, places)


def _shown(one: End) -> str:
    address, port = one
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _one(found: list[Socket], what: str) -> Socket:
    if len(found) != 1:
        raise Inconclusive(f"{what} was seen {len(found)} times, not once")
    return found[0]
