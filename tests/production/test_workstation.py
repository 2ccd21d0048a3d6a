"""The workstation carries nothing of production any more, nor will by itself."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatch

from fixtures import check
from fleetmesh import ssh_command
from fleetmesh.facts.sockets import Process
from fleetmesh.facts.workstation import Autostart, BridgeTunnel, mentions
from fleetmesh.inventory import Inventory, RetiredTunnel


@check(
    "PROD-06",
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
    "PROD-06",
    runbook="Tunnel policy",
    hint="on the workstation: ps -C ssh -o pid,args; bridge status",
)
def test_only_interactive_tunnels_run(
    inventory: Inventory,
    bridge_status: Mapping[str, dict[str, BridgeTunnel]],
    processes: Mapping[str, tuple[Process, ...]],
) -> None:
    """Every tunnel that runs on the workstation is on the interactive list."""
    host = inventory.workstation.host
    for name, tunnel in bridge_status[host].items():
        assert not tunnel.up or _is_interactive(name, inventory), (
            f"`bridge` on {host} runs {name}, which is not on the interactive list"
        )
    listed = {tunnel.pid for name, tunnel in bridge_status[host].items() if tunnel.pid}
    defined = {str(tunnel.listen) for tunnel in inventory.workstation.interactive.values()}
    for process, command in _tunnels(processes[host]):
        line = f"process {process.pid} on {host}: {' '.join(process.argv)}"
        assert not command.remote, f"a reverse tunnel runs, {line}"
        assert not command.dynamic, f"a proxy runs, {line}"
        known = process.pid in listed or all(f.listen in defined for f in command.local)
        assert known, f"a tunnel that is on no list runs, {line}"


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
