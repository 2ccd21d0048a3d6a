"""What runs the tunnels on their host: systemd's units, or ops-bridge's one unit."""

from collections.abc import Iterable, Mapping

from fleetmesh.facts.fact import Inconclusive
from fleetmesh.facts.sockets import LoginSession, Socket
from fleetmesh.facts.units import Unit
from fleetmesh.facts.workstation import BridgeTunnel
from fleetmesh.inventory import Inventory, Tunnel
from fleetmesh.tunnels.attribution import Places, held_by

BridgeStatus = Mapping[str, dict[str, BridgeTunnel]]


def unit_of(tunnel: Tunnel, units: Mapping[str, dict[str, Unit]]) -> Unit:
    """The unit that must hold a tunnel. Raises Inconclusive if systemd was not asked about it."""
    try:
        return units[tunnel.host][tunnel.unit]
    except KeyError:
        raise Inconclusive(f"{tunnel.host} was not asked about {tunnel.unit}") from None


def known_to_bridge(tunnel: Tunnel, bridge_status: BridgeStatus) -> BridgeTunnel:
    """A fleet tunnel as ops-bridge on its host knows it. Raises AssertionError if it does not."""
    listed = bridge_status[tunnel.host].get(tunnel.id)
    assert listed is not None, f"`bridge` on {tunnel.host} does not know {tunnel}"
    return listed


def carrying_pid(
    tunnel: Tunnel,
    inventory: Inventory,
    units: Mapping[str, dict[str, Unit]],
    bridge_status: BridgeStatus,
) -> int:
    """The process that carries a tunnel, according to its manager; 0 if it names none."""
    if inventory.manager == "ops-bridge":
        return known_to_bridge(tunnel, bridge_status).pid or 0
    return unit_of(tunnel, units).main_pid


def open_doors(
    tunnel: Tunnel,
    inventory: Inventory,
    listeners: Iterable[Socket],
    sessions: Mapping[str, LoginSession],
    places: Places,
) -> list[str]:
    """Where a tunnel's unit listens, although none of its tunnels should.

    The service of ops-bridge itself may listen; the ssh that it starts may not.
    """
    held = {str(t.listen) for t in inventory.tunnels.values() if t.unit == tunnel.unit}
    ours = tunnel.unit != tunnel.own_unit
    return [
        socket.local
        for socket in listeners
        if held_by(socket, sessions, places).unit == tunnel.unit
        and socket.local not in held
        and not (ours and "ssh" not in [name for name, _ in socket.processes])
    ]
