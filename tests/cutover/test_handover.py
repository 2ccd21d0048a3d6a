"""The workstation has let go, the fleet has taken over, and the way back is open."""

from collections.abc import Callable, Mapping

from fixtures import Case, Inconclusive, check
from fleetmesh.facts.answers import Answer
from fleetmesh.facts.machines import BridgeTool
from fleetmesh.facts.managers import Manager
from fleetmesh.facts.managers.ops_bridge import BridgeTunnel
from fleetmesh.facts.sockets import LoginSession, Process, Socket
from fleetmesh.facts.units import Unit
from fleetmesh.inventory import Bridge, Inventory, RetiredTunnel, Tunnel
from fleetmesh.tunnels import forwards
from fleetmesh.tunnels.attribution import Places, held_by


@check(
    "CUT-03.down",
    runbook="Cutover 1",
    step="down",
    hint="on {inventory.workstation.host}: {retired:down}",
    mends=True,
)
def test_retired_tunnel_is_down(
    retired: RetiredTunnel,
    inventory: Inventory,
    bridge_status: Mapping[str, dict[str, BridgeTunnel]],
    processes: Mapping[str, tuple[Process, ...]],
    units: Mapping[str, dict[str, Unit]],
    system_units: Mapping[str, dict[str, Unit]],
) -> None:
    """The retired reverse tunnel is down: its `bridge` says so and no process carries it."""
    host = inventory.workstation.host
    if retired.unit:
        unit = (system_units if retired.by_system else units)[host].get(retired.unit)
        assert unit is None or unit.active in ("inactive", "failed"), (
            f"{retired.unit} on {host} is {unit.active}"
        )
    listed = bridge_status[host].get(retired.id)
    assert listed is None or not listed.up, f"`bridge` on {host} says that {retired} is up"
    for process in processes[host]:
        carried = [forward.listen for forward in forwards.of_process(process).remote]
        assert retired.listen not in carried, (
            f"process {process.pid} on {host} carries it: {' '.join(process.argv)}"
        )


@check(
    "CUT-03.no-connection",
    runbook="Cutover 1",
    step="down",
    hint="on {retired.host}: ss -tlnpe 'sport = :{retired.listen.port}'\n"
    "on {retired.host}: loginctl list-sessions --no-pager",
)
def test_retired_tunnel_has_no_connection(
    retired: RetiredTunnel,
    listeners: Mapping[str, tuple[Socket, ...]],
    sessions: Mapping[str, dict[str, LoginSession]],
    places: Places,
) -> None:
    """No connection of the retired reverse tunnel is up on the host where it used to listen.

    From wherever it seems to come: a jump host hides the workstation.
    """
    for socket in listeners[retired.host]:
        if socket.port == retired.listen.port:
            holder = held_by(socket, sessions[retired.host], places)
            assert holder.session is None, f"{socket.local} is still held by {holder}"
            if holder.unattributed:
                raise Inconclusive(f"{socket.local} is held by {holder}")


@check(
    "CUT-06.healthy",
    runbook="Cutover 3",
    step="start",
    hint="on {tunnel.host}: curl -sS -i -m 10 {tunnel:url}\n"
    "on {tunnel.host}: {tunnel:systemctl} status --no-pager {tunnel.unit}",
)
def test_service_answers_through_its_tunnel(
    tunnel: Tunnel,
    inventory: Inventory,
    tunnel_answers: Mapping[str, Answer],
    mistaken: Callable[[Tunnel | Bridge], str | None],
    case: Case,
) -> None:
    """From the node, the service answers healthy through its tunnel, and it is that service."""
    answer = tunnel_answers[tunnel.id]
    case.note(f"answered {answer.status}: {answer.body[:120]!r}")
    unhealthy = answer.unhealthy(inventory.services[tunnel.to].health)
    assert unhealthy is None, unhealthy
    another = mistaken(tunnel)
    assert another is None, another


@check(
    "CUT-08.stop",
    runbook="Rollback",
    step="install",
    gate="warn",
    hint="on {tunnel.host}: {tunnel:systemctl} status --no-pager {tunnel.unit}",
)
def test_fleet_tunnel_can_be_stopped(
    tunnel: Tunnel, manager: Manager, bridge_tools: Mapping[str, BridgeTool], case: Case
) -> None:
    """Rollback is ready: the fleet's tunnel can be stopped where it runs."""
    bridge = bridge_tools[tunnel.host]
    wrong = manager.unstoppable(tunnel)
    assert wrong is None, wrong
    if bridge.kind != "ops-bridge":
        case.note(
            f"the runbook's `bridge down {tunnel}` cannot work on {tunnel.host}, where `bridge` is "
            f"{bridge.kind}; `{tunnel.systemctl} disable --now {tunnel.unit}` does the same"
        )


@check(
    "CUT-08.start",
    runbook="Rollback",
    gate="warn",
    hint="on {inventory.workstation.host}: {inventory.workstation:status}",
)
def test_workstation_tunnel_can_be_started(
    retired: RetiredTunnel,
    inventory: Inventory,
    bridge_status: Mapping[str, dict[str, BridgeTunnel]],
    units: Mapping[str, dict[str, Unit]],
    system_units: Mapping[str, dict[str, Unit]],
) -> None:
    """Rollback is ready: the workstation's `bridge`, or systemd, still knows the retired tunnel."""
    host, known = inventory.workstation.host, bridge_status[inventory.workstation.host]
    if retired.unit and retired.id not in known:
        unit = (system_units if retired.by_system else units)[host].get(retired.unit)
        state = unit.load if unit else "not-found"
        assert state == "loaded", f"{retired.unit} on {host} is {state}"
        return
    if inventory.workstation.bridge.status == "absent":
        raise Inconclusive(f"no `bridge`, and no `unit` in the inventory, starts {retired}")
    assert retired.id in bridge_status[host], f"`bridge` on {host} does not know {retired}"
