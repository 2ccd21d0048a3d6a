"""Production's path leads over the fleet alone."""

from collections.abc import Callable, Mapping

from fixtures import Inconclusive, check
from fleetmesh.facts.sockets import LoginSession, Socket
from fleetmesh.inventory import Bridge, Inventory, Tunnel
from fleetmesh.tunnels.attribution import Holder, Places, held_by
from fleetmesh.tunnels.path import Path


@check(
    "PROD-04.path",
    runbook="Goal, After",
    step="start",
    hint="on {tunnel.host}: ss -tnpe 'sport = :{tunnel.listen.port}'\n"
    "on {tunnel.via}: ss -tnpe state established",
)
def test_live_path_leads_over_the_fleet(
    tunnel: Tunnel, inventory: Inventory, paths: Callable[[str], Path]
) -> None:
    """The live path of the tunnel, hop by hop, leads over its hosts to the service's ClusterIP."""
    service = inventory.services[tunnel.to]
    expected = (tunnel.host, tunnel.via, f"{service.cluster_ip}:{service.port}")
    path = paths(tunnel.id)
    assert (path.route, path.broken) == (expected, None), (
        f"the path is {path}, not {' → '.join(expected)}"
    )
    carrier = path.hops[0].holder
    assert carrier == str(Holder.wanted(tunnel)), f"on {tunnel.host} it is carried by {carrier}"


@check(
    "PROD-04.from-pod",
    runbook="Goal, After",
    step="start",
    hint="in {bridge.cluster}: -n {bridge.namespace} get pods -o wide\n"
    "on {bridge.cluster:host}: ss -tnpe state established",
)
def test_path_from_inside_leads_over_the_bridge(
    bridge: Bridge, inventory: Inventory, inside_paths: Callable[[str], Path]
) -> None:
    """Asked from inside, the path leads over the bridge's pod and the tunnel to the ClusterIP."""
    tunnel = inventory.tunnels[bridge.tunnel]
    service = inventory.services[tunnel.to]
    within = (inventory.probe.deployment, bridge.id)
    expected = (*within, tunnel.host, tunnel.via, f"{service.cluster_ip}:{service.port}")
    path = inside_paths(bridge.id)
    assert (path.route, path.broken) == (expected, None), (
        f"the path is {path}, not {' → '.join(expected)}"
    )
    carrier = path.hops[len(within)].holder
    assert carrier == str(Holder.wanted(tunnel)), f"on {tunnel.host} it is carried by {carrier}"


@check(
    "PROD-05.ports",
    runbook="Tunnel policy",
    step="down",
    hint="on {inventory.workstation.host}: {inventory.workstation:all_down}",
    mends=True,
)
def test_no_production_port_is_held_from_the_workstation(
    fleet_host: str,
    inventory: Inventory,
    listeners: Mapping[str, tuple[Socket, ...]],
    sessions: Mapping[str, dict[str, LoginSession]],
    places: Places,
) -> None:
    """No production port on the host is held by a log-in session, of the workstation or another."""
    ports = {tunnel.listen.port for tunnel in inventory.tunnels.values()}
    guilty, unattributed = [], []
    for socket in listeners[fleet_host]:
        if socket.port in ports:
            holder = held_by(socket, sessions[fleet_host], places)
            if holder.session is not None:
                guilty.append(f"{socket.local} is held by {holder}")
            elif holder.unattributed:
                unattributed.append(f"{socket.local} is held by {holder}")
    assert not guilty, "; ".join(guilty)
    if unattributed:
        raise Inconclusive("; ".join(unattributed))
