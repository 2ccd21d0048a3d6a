"""Nobody unexpected sits on the addresses where the tunnels are to listen."""

from collections.abc import Mapping

from fixtures import Case, Inconclusive, check
from fleetmesh.facts.sockets import LoginSession, Socket
from fleetmesh.inventory import Inventory, Tunnel
from fleetmesh.tunnels.attribution import Holder, Places, covers, held_by


@check(
    "PRE-11.listen-address",
    runbook="Cutover",
    hint="on {tunnel.host}: ss -tlnpe 'sport = :{tunnel.listen.port}'\n"
    "on {tunnel.host}: loginctl list-sessions --no-pager",
)
def test_listen_address_is_free_or_ours(
    tunnel: Tunnel,
    inventory: Inventory,
    listeners: Mapping[str, tuple[Socket, ...]],
    sessions: Mapping[str, dict[str, LoginSession]],
    places: Places,
    case: Case,
) -> None:
    """The listen address is free, or held by its fleet unit or the tunnel to be retired."""
    holders = [
        held_by(socket, sessions[tunnel.host], places)
        for socket in listeners[tunnel.host]
        if covers(socket, tunnel.listen.ip, tunnel.listen.port)
    ]
    case.note(f"{tunnel.listen} is held by {', '.join(map(str, holders)) or 'nobody'}")
    to_be_retired = any(
        retired.host == tunnel.host and retired.listen == tunnel.listen
        for retired in inventory.workstation.retired.values()
    )
    for holder in holders:
        ours = holder == Holder.wanted(tunnel)
        retiring = to_be_retired and holder.origin == inventory.workstation.host
        if holder.unattributed:
            raise Inconclusive(f"{tunnel.listen} on {tunnel.host} is held by {holder}")
        assert ours or retiring, f"{tunnel.listen} on {tunnel.host} is held by {holder}"
