"""The workstation carries nothing of production any more, nor will by itself."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatch

from fixtures import Inconclusive, check
from fleetmesh import ssh_command
from fleetmesh.attribution import Places, held_by
from fleetmesh.facts.sockets import LoginSession, Process, Socket
from fleetmesh.facts.workstation import Autostart, BridgeTunnel, mentions
from fleetmesh.inventory import Inventory, RetiredTunnel


@check(
    "PROD-06.retired",
    runbook="Tunnel policy",
    hint="on the workstation: bridge down {retired}, and remove what starts it",
)
def test_retired_tunnel_neither_runs_nor_would_start(
    retired: RetiredTunnel,
    inventory: Inventory,
    bridge_status: Mapping[str, dict[str, BridgeTunnel]],
    autostarts: Mapping[str, tuple[Autostart, ...]],
) -> None:
    """On the workstation the retired tunnel neither runs nor would start by itself."""
    host = inventory.workstation.host
    listed = bridge_status[host].get(retired.id)
    assert listed is None or not listed.up, f"`bridge` on {host} says that {retired} is up"
    assert listed is None or not listed.autostart, f"`bridge` on {host} starts {retired} by itself"
    for entry in autostarts[host]:
        starts = mentions(entry.line, retired.id) or f"{retired.listen.port}:" in entry.line
        assert not starts, f"{entry.source} on {host} would start {retired}: {entry.line.strip()}"


@check(
    "PROD-06.interactive",
    runbook="Tunnel policy",
    hint="on the workstation: ps -C ssh -o pid,args; bridge status",
)
def test_only_interactive_tunnels_run(
    inventory: Inventory,
    bridge_status: Mapping[str, dict[str, BridgeTunnel]],
    processes: Mapping[str, tuple[Process, ...]],
) -> None:
    """Every tunnel that runs on the workstation, or starts with it, is on the interactive list."""
    host = inventory.workstation.host
    for name, tunnel in bridge_status[host].items():
        does = "runs" if tunnel.up else "starts" if tunnel.autostart else None
        assert does is None or _is_interactive(name, inventory), (
            f"`bridge` on {host} {does} {name}, which is not on the interactive list"
        )
    listed = {tunnel.pid for tunnel in bridge_status[host].values() if tunnel.up}
    defined = {str(tunnel.listen) for tunnel in inventory.workstation.interactive.values()}
    for process, command in _tunnels(processes[host]):
        line = f"process {process.pid} on {host}: {' '.join(process.argv)}"
        assert not command.remote, f"a reverse tunnel runs, {line}"
        assert not command.dynamic, f"a proxy runs, {line}"
        known = process.pid in listed or all(f.listen in defined for f in command.local)
        assert known, f"a tunnel that is on no list runs, {line}"


@check(
    "PROD-06.listeners",
    runbook="Tunnel policy",
    hint="ssh {fleet_host} loginctl list-sessions; on the workstation: ps -C ssh -o pid,args",
)
def test_nothing_listens_from_the_workstation(
    fleet_host: str,
    inventory: Inventory,
    listeners: Mapping[str, tuple[Socket, ...]],
    sessions: Mapping[str, dict[str, LoginSession]],
    places: Places,
) -> None:
    """No connection from the workstation listens on the host, on whatever port.

    That would be a reverse tunnel; ssh's configuration or control master can open one which the
    command line of no process shows.
    """
    known, host = sessions[fleet_host], inventory.workstation.host
    holders = {
        socket.local: holder
        for socket in listeners[fleet_host]
        if (holder := held_by(socket, known, places)).session
    }
    guilty = [f"{at} is held by {by}" for at, by in holders.items() if by.origin == host]
    assert not guilty, "; ".join(guilty)
    unknown = [f"{at} is held by {by}" for at, by in holders.items() if not places.knows(by.origin)]
    if unknown:
        raise Inconclusive(
            f"{'; '.join(unknown)}: if that is {host}, add it to its `addresses` in the inventory"
        )


def _tunnels(
    processes: tuple[Process, ...],
) -> Iterator[tuple[Process, ssh_command.SshCommand]]:
    for process in processes:
        command = ssh_command.parse(process.argv)
        if command and command.is_tunnel:
            yield process, command


def _is_interactive(name: str, inventory: Inventory) -> bool:
    workstation = inventory.workstation
    return name in workstation.interactive or any(
        fnmatch(name, pattern) for pattern in workstation.interactive_patterns
    )
