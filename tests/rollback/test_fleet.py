"""After a rollback the fleet's tunnels are stopped, and stay stopped."""

from collections.abc import Mapping

from fixtures import Inconclusive, check
from fleetmesh.facts.managers import Manager
from fleetmesh.facts.sockets import LoginSession, Process, Socket
from fleetmesh.facts.units import BootUnits
from fleetmesh.facts.workstation import Autostarts
from fleetmesh.inventory import Inventory, Tunnel
from fleetmesh.tunnels import forwards, takers
from fleetmesh.tunnels.attribution import Places, held_by


@check(
    "ROLL-02.stopped",
    step="stop",
    runbook="Rollback",
    hint="on {tunnel.host}: {tunnel:manage} disable --now {tunnel.unit}",
)
def test_fleet_tunnel_is_stopped(
    tunnel: Tunnel, manager: Manager, processes: Mapping[str, tuple[Process, ...]]
) -> None:
    """The fleet's tunnel is stopped: its unit neither runs nor tries, and no process carries it."""
    running = manager.running(tunnel)
    assert running is None, running
    for process in processes[tunnel.host]:
        carried = [forward.listen for forward in forwards.of_process(process).local]
        assert str(tunnel.listen) not in carried, (
            f"process {process.pid} on {tunnel.host} carries it: {' '.join(process.argv)}"
        )


@check(
    "ROLL-02.boot",
    step="stop",
    runbook="Rollback",
    hint="on {tunnel.host}: {tunnel:manage} disable --now {tunnel.unit}",
)
def test_boot_does_not_start_the_unit(
    tunnel: Tunnel, manager: Manager, boot_units: Mapping[str, BootUnits]
) -> None:
    """A boot does not start the fleet's unit: it is disabled, and nothing pulls it in."""
    returns = manager.returns(tunnel, boot_units[tunnel.host])
    assert returns is None, returns


@check(
    "ROLL-02.no-rival",
    runbook="Rollback",
    hint="on {tunnel.host}: crontab -l; {tunnel:systemctl} list-unit-files --state=enabled",
)
def test_nothing_else_starts_it(
    tunnel: Tunnel,
    manager: Manager,
    boot_units: Mapping[str, BootUnits],
    autostarts: Mapping[str, Autostarts],
) -> None:
    """Nothing else that starts by itself starts the fleet's unit, or takes the workstation's port.

    Units of the user, timers, cron, profiles: what an ordinary user can read of them.
    """
    host, boot, found = tunnel.host, boot_units[tunnel.host], autostarts[tunnel.host]
    own = {tunnel.unit, tunnel.own_unit}
    names = {name.removesuffix(".service") for name in own}
    started = [
        unit
        for unit in manager.units[host].values()
        if unit.name not in own and (unit.survives_reboot or unit.name in boot)
    ]
    port = tunnel.listen.port
    rivals = [u.name for u in started if any(takers.takes(line, port) for line in u.commands)]
    lines = [entry for entry in found.lines if entry.source not in manager.units[host]]
    rivals += [
        f"{entry.source}: {entry.line}"
        for entry in lines
        if forwards.starts_unit(entry, names) or takers.takes(entry.command, port)
    ]
    assert not rivals, f"on {host}, {tunnel.listen} would be taken by {'; '.join(rivals)}"
    unread = [f"{entry.source}: {entry.line}" for entry in found.unread if not entry.is_for_root]
    unread += [f"{u.name}: {c}" for u in started for c in u.commands if takers.may_take(c, port)]
    unread += [f"{e.source}: {e.line}" for e in lines if takers.may_take(e.command, port)]
    if unread:
        raise Inconclusive(f"{host}: what starts by itself is not all known: {'; '.join(unread)}")


@check(
    "ROLL-03.ports",
    step="stop",
    runbook="Rollback",
    hint="on {tunnel.host}: ss -tlnpe sport = :{tunnel.listen.port}",
)
def test_nothing_of_the_fleet_holds_the_port(
    tunnel: Tunnel,
    inventory: Inventory,
    listeners: Mapping[str, tuple[Socket, ...]],
    sessions: Mapping[str, dict[str, LoginSession]],
    places: Places,
) -> None:
    """Nothing of the fleet's holds the port, on any address; the workstation's log-ins alone do."""
    for socket in listeners[tunnel.host]:
        if socket.port == tunnel.listen.port:
            holder = held_by(socket, sessions[tunnel.host], places)
            if holder.unseen or holder.unattributed:
                raise Inconclusive(f"{socket.local} is held by {holder}")
            assert holder.origin == inventory.workstation.host, (
                f"{socket.local} is held by {holder}"
            )
