"""The workstation carries nothing of production any more, nor will by itself."""

from collections.abc import Mapping

from fixtures import Case, Inconclusive, check
from fleetmesh.facts.managers.ops_bridge import BridgeTunnel
from fleetmesh.facts.sockets import LoginSession, Process, Socket
from fleetmesh.facts.units import Unit
from fleetmesh.facts.workstation import Autostarts
from fleetmesh.inventory import Inventory, RetiredTunnel
from fleetmesh.tunnels import forwards
from fleetmesh.tunnels.attribution import Places, harmless_in_a_session, held_by, may_be_a_login

_AT_REST = ("inactive", "failed")
_ENABLED = ("enabled", "enabled-runtime", "linked", "linked-runtime")


@check(
    "PROD-06.retired",
    runbook="Tunnel policy",
    step="down",
    hint="on {inventory.workstation.host}: {retired:down}\n"
    "What the reason says would start it has to be removed there.",
    mends=True,
)
def test_retired_tunnel_neither_runs_nor_would_start(
    retired: RetiredTunnel,
    inventory: Inventory,
    bridge_status: Mapping[str, dict[str, BridgeTunnel]],
    autostarts: Mapping[str, Autostarts],
    units: Mapping[str, dict[str, Unit]],
    system_units: Mapping[str, dict[str, Unit]],
    case: Case,
) -> None:
    """On the workstation the retired tunnel neither runs nor would start by itself."""
    host = inventory.workstation.host
    listed, unit = bridge_status[host].get(retired.id), None
    if retired.unit:
        unit = (system_units if retired.by_system else units)[host].get(retired.unit)
    assert unit is None or unit.active in _AT_REST, f"{retired.unit} on {host} is {unit.active}"
    assert unit is None or unit.file_state not in _ENABLED, (
        f"{retired.unit} on {host} is {unit.file_state}"
    )
    assert listed is None or not listed.up, f"`bridge` on {host} says that {retired} is up"
    assert listed is None or not listed.autostart, f"`bridge` on {host} starts {retired} by itself"
    found, tool = autostarts[host], inventory.workstation.bridge.program
    for entry in found.lines:
        starts = forwards.starts(entry, retired, found, tool)
        assert not starts, f"{entry.source} on {host} would start {retired}: {entry.line}"
    case.note(f"{len(found.lines)} lines concern a tunnel, {found.passed_over} do not")
    for entry in found.aside:
        case.note(f"not looked at, {entry.source}: {entry.line}")
    unknown = [f"{entry.source}: {entry.line}" for entry in found.unread] + [
        f"{entry.source}: {reason}: {entry.line}"
        for entry in found.lines
        if (reason := forwards.unresolved(entry, retired, found, tool))
    ]
    if listed is not None and listed.autostart is None:
        unknown.append(f"`bridge` does not say whether it starts {retired}")
    if unknown:
        raise Inconclusive(f"{host}: what starts by itself is not all known: {'; '.join(unknown)}")


@check(
    "PROD-06.interactive",
    runbook="Tunnel policy",
    step="down",
    hint="on {inventory.workstation.host}: ps -ef | grep '[s]sh'; {inventory.workstation:status}",
)
def test_only_interactive_tunnels_run(
    inventory: Inventory,
    bridge_status: Mapping[str, dict[str, BridgeTunnel]],
    processes: Mapping[str, tuple[Process, ...]],
    listeners: Mapping[str, tuple[Socket, ...]],
    connections: Mapping[str, tuple[Socket, ...]],
    places: Places,
    autostarts: Mapping[str, Autostarts],
    case: Case,
) -> None:
    """Every tunnel that runs on the workstation, or starts with it, is on the interactive list.

    A program of whatever name that listens there and is connected to an sshd of the fleet is one.
    """
    host = inventory.workstation.host
    for name, tunnel in bridge_status[host].items():
        does = "runs" if tunnel.up else "starts" if tunnel.autostart else None
        assert does is None or inventory.workstation.keeps(name), (
            f"`bridge` on {host} {does} {name}, which is not on the interactive list"
        )
        assert does is None or tunnel.kind in ("forward", None), (
            f"`bridge` on {host} {does} {name}, a {tunnel.kind} tunnel: none is interactive"
        )
    listed = {tunnel.pid for tunnel in bridge_status[host].values() if tunnel.up} - {None}
    interactive = inventory.workstation.interactive.values()
    defined = {str(tunnel.listen) for tunnel in interactive}
    doors = {at for tunnel in interactive for at in tunnel.listen.shown_as}
    hidden = []
    for process in processes[host]:
        opened = forwards.of_process(process)
        line = f"process {process.pid} on {host}: {' '.join(process.argv)}"
        assert not opened.remote, f"a reverse tunnel runs, {line}"
        assert not opened.dynamic, f"a proxy runs, {line}"
        known = process.pid in listed or all(f.listen in defined for f in opened.local)
        assert known, f"a tunnel that is on no list runs, {line}"
        held = [socket.local for socket in listeners[host] if socket.is_of(process.pid)]
        unlisted = [at for at in held if process.pid not in listed and at not in doors]
        assert not unlisted, f"a tunnel that is on no list listens on {unlisted[0]}, {line}"
        if process.own and not forwards.tells_itself(process):
            case.note(f"its arguments are not shown, {line}; it listens on {held or 'nothing'}")
        elif process.settings is None:
            if process.own or any(process.may_hold(socket) for socket in listeners[host]):
                hidden.append(line)
            else:
                case.note(f"its configuration is another user's, who listens on nothing, {line}")
    clients = {process.pid for process in processes[host]} | listed
    servers = {(name, inventory.hosts[name].port or 22) for name in inventory.fleet_hosts}
    led = [s for s in connections[host] if (places.name(s.peer_ip), s.peer_port) in servers]
    for connection in led:
        for name, pid in connection.processes:
            held = [socket.local for socket in listeners[host] if socket.is_of(pid)]
            unlisted = [at for at in held if pid not in clients and at not in doors]
            assert not unlisted, (
                f"a tunnel that is on no list listens on {unlisted[0]}: {name} (pid {pid}) on "
                f"{host} is connected to {connection.peer}"
            )
    found = autostarts[host]
    for entry in found.lines:
        opened = forwards.of_line(entry, found)
        line = f"{entry.source} on {host}: {entry.line}"
        assert not opened.remote, f"a reverse tunnel would start by itself, {line}"
        assert not opened.dynamic, f"a proxy would start by itself, {line}"
        known = all(f.listen in defined for f in opened.local)
        assert known, f"a tunnel that is on no list would start by itself, {line}"
    if hidden:
        raise Inconclusive(f"what it forwards is not known: {'; '.join(hidden)}")


@check(
    "PROD-06.listeners",
    runbook="Tunnel policy",
    step="down",
    hint="on {fleet_host}: ss -tlnpe; loginctl list-sessions --no-pager\n"
    "on {inventory.workstation.host}: ps -ef | grep '[s]sh'",
)
def test_nothing_listens_from_the_workstation(
    fleet_host: str,
    inventory: Inventory,
    listeners: Mapping[str, tuple[Socket, ...]],
    sessions: Mapping[str, dict[str, LoginSession]],
    places: Places,
    case: Case,
) -> None:
    """No connection from the workstation listens on the host, on whatever port.

    That would be a reverse tunnel; ssh's configuration or control master can open one which the
    command line of no process shows. A server that somebody runs in a log-in is none.
    """
    known, host = sessions[fleet_host], inventory.workstation.host
    ports = {tunnel.listen.port for tunnel in inventory.tunnels.values()}
    guilty, unknown = [], []
    for socket in listeners[fleet_host]:
        holder = held_by(socket, known, places)
        held = f"{socket.local} is held by {holder}"
        harmless = harmless_in_a_session(socket)
        if holder.session and harmless and socket.port not in ports:
            case.note(f"{held}: {harmless}")
        elif holder.session:
            if holder.origin == host:
                guilty.append(held)
            elif not places.knows(holder.origin):
                unknown.append(held)
        elif may_be_a_login(socket, holder):
            unknown.append(held)
    assert not guilty, "; ".join(guilty)
    if unknown:
        raise Inconclusive(
            f"{'; '.join(unknown)}: if that is {host}, add it to its `addresses` in the inventory"
        )
