"""After a rollback the workstation's hub serves both services again."""

from collections.abc import Callable, Mapping

from fixtures import check
from fleetmesh.facts.answers import Answer
from fleetmesh.facts.managers.ops_bridge import BridgeTunnel
from fleetmesh.facts.units import Unit
from fleetmesh.inventory import Bridge, Inventory, RetiredTunnel, Tunnel
from fleetmesh.tunnels.path import Path


@check(
    "ROLL-01.up",
    step="return",
    runbook="Rollback",
    hint="on {inventory.workstation.host}: {retired:up}",
)
def test_reverse_tunnel_is_up(
    retired: RetiredTunnel,
    inventory: Inventory,
    bridge_status: Mapping[str, dict[str, BridgeTunnel]],
    units: Mapping[str, dict[str, Unit]],
    system_units: Mapping[str, dict[str, Unit]],
) -> None:
    """On the workstation, `bridge`, or its unit, has the reverse tunnel up again."""
    host = inventory.workstation.host
    listed = bridge_status[host].get(retired.id)
    up, down = (
        listed is not None and listed.up,
        f"`bridge` on {host} does not say that {retired} is up",
    )
    if retired.unit and listed is None:
        unit = (system_units if retired.by_system else units)[host].get(retired.unit)
        state = unit.active if unit else "not-found"
        up, down = state == "active", f"{retired.unit} on {host} is {state}"
    assert up, down


@check(
    "ROLL-01.path",
    step="return",
    runbook="Rollback",
    hint="on {tunnel.host}: ss -tlnpe sport = :{tunnel.listen.port}",
)
def test_the_path_leads_to_the_workstation(
    tunnel: Tunnel, inventory: Inventory, paths: Callable[[str], Path]
) -> None:
    """A request to the port on the node leaves by a log-in session that came from the workstation.

    What the workstation does with it, its own sockets do not show; ROLL-01.healthy does.
    """
    expected = (tunnel.host, inventory.workstation.host)
    path = paths(tunnel.id)
    assert path.route == expected, f"the path is {path}, not {' → '.join(expected)}"


@check(
    "ROLL-01.healthy",
    runbook="Rollback",
    hint="on {tunnel.host}: curl -sS -i {tunnel:url}\n"
    "on {inventory.workstation.host}: {inventory.workstation:status}",
)
def test_service_answers_through_the_hub(
    tunnel: Tunnel,
    inventory: Inventory,
    tunnel_answers: Mapping[str, Answer],
    mistaken: Callable[[Tunnel | Bridge], str | None],
) -> None:
    """From the node, the service answers healthy on the port where the bridges look for it."""
    unhealthy = tunnel_answers[tunnel.id].unhealthy(inventory.services[tunnel.to].health)
    wrong = unhealthy or mistaken(tunnel)
    assert wrong is None, wrong
