"""What runs now is what runs after a reboot."""

from collections.abc import Mapping

from fixtures import Case, Inconclusive, check
from fleetmesh.facts.sockets import Process
from fleetmesh.facts.units import BRIDGE_CONFIG, BootUnits, InstalledFile, Unit
from fleetmesh.inventory import Inventory, Tunnel
from fleetmesh.text import ssh_command
from fleetmesh.tunnels.manager import BridgeStatus, carrying_pid, known_to_bridge, unit_of

Units = Mapping[str, dict[str, Unit]]


@check(
    "PROD-07.linger",
    runbook="Persist across reboot",
    hint="ssh {carrier} 'sudo loginctl enable-linger $(id -un)'",
)
def test_linger_is_on(carrier: str, linger: Mapping[str, str]) -> None:
    """Linger is on for the units' user."""
    assert linger[carrier] == "yes", f"Linger={linger[carrier]} on {carrier}"


@check(
    "PROD-08.enabled",
    runbook="Persist across reboot",
    hint="ssh {tunnel.host} systemctl --user enable {tunnel.unit}",
)
def test_unit_is_enabled(
    tunnel: Tunnel,
    inventory: Inventory,
    units: Units,
    boot_units: Mapping[str, BootUnits],
    bridge_status: BridgeStatus,
) -> None:
    """The fleet unit is enabled, that exact state, and wanted by a target that starts at boot."""
    unit = unit_of(tunnel, units)
    assert unit.survives_reboot, (
        f"{unit.name} is {unit.file_state or unit.load}, and only `enabled` survives a reboot"
    )
    assert unit.name in boot_units[tunnel.host], (
        f"{unit.name} is enabled, but default.target does not pull it in"
    )
    if inventory.manager == "ops-bridge":
        starts = known_to_bridge(tunnel, bridge_status).autostart
        assert starts, f"`bridge` on {tunnel.host} does not start {tunnel} by itself"
        other = units[tunnel.host].get(tunnel.own_unit)
        assert not (other and other.survives_reboot), f"{tunnel.own_unit} would start as well"


@check(
    "PROD-09.same-after-reboot",
    runbook="Persist across reboot",
    hint="ssh {tunnel.host} systemctl --user daemon-reload; systemctl --user restart {tunnel.unit}",
)
def test_running_is_what_would_start(
    tunnel: Tunnel,
    units: Units,
    processes: Mapping[str, tuple[Process, ...]],
    installed: Mapping[str, dict[str, InstalledFile | None]],
    inventory: Inventory,
    bridge_status: BridgeStatus,
) -> None:
    """What runs is what would start after a reboot: arguments and age of the process agree."""
    unit = unit_of(tunnel, units)
    pid = carrying_pid(tunnel, inventory, units, bridge_status)
    running = [process for process in processes[tunnel.host] if process.pid == pid]
    assert running, f"{unit.name} runs no ssh"
    assert unit.commands, f"{unit.name} is {unit.load}: it runs, but would start nothing"
    assert not unit.need_reload, f"{unit.file} or a drop-in has changed: systemd runs what it was"
    if inventory.manager == "ops-bridge":
        made_from = BRIDGE_CONFIG  # CUT-01 holds it to the reference, CUT-07 what runs
    else:
        made_from = f".config/systemd/user/{tunnel.unit}"
        now, after_reboot = " ".join(running[0].argv), unit.commands[-1]
        assert now == after_reboot, f"{unit.name} runs `{now}` but would start `{after_reboot}`"
    file = installed[tunnel.host][made_from]
    if file is None or unit.started is None:
        raise Inconclusive(f"the ages of {unit.name} and its process cannot be compared")
    if unit.started < file.modified < unit.started + unit.started_within:
        raise Inconclusive(
            f"{unit.name} started in the second in which ~/{made_from} was changed, and its "
            "systemd tells starts by whole seconds only"
        )
    assert unit.started >= file.modified, f"~/{made_from} is newer than the process that runs"


@check(
    "PROD-09.not-replaced",
    runbook="Persist across reboot",
    gate="warn",
    hint="ssh {carrier} systemctl --user restart UNIT, for one tunnel after the other",
)
def test_running_is_not_replaced(
    carrier: str, replaced: Mapping[str, dict[int, tuple[str, ...]]]
) -> None:
    """No ssh that runs for the tunnels' user is of programs that an upgrade has replaced since."""
    old = {file: pid for pid, files in replaced[carrier].items() for file in files}
    assert not old, (
        f"on {carrier} ssh (pid {', '.join(map(str, sorted({*old.values()})))}) still runs what "
        f"was {', '.join(sorted(old))}"
    )


@check(
    "PROD-10.few-units",
    runbook="WireGuard evaluation",
    gate="warn",
    hint="the runbook's WireGuard evaluation; CUST-WP-0054-T02",
)
def test_few_enough_tunnel_units(
    carrier: str,
    inventory: Inventory,
    units: Units,
    bridge_status: BridgeStatus,
    case: Case,
) -> None:
    """Persistent tunnel units do not exceed the WireGuard threshold."""
    persistent = sorted(
        unit.name
        for unit in units[carrier].values()
        if unit.survives_reboot
        and any((ssh := ssh_command.parse(c.split())) and ssh.is_tunnel for c in unit.commands)
    )
    if inventory.manager == "ops-bridge":
        listed = bridge_status[carrier].values()
        persistent += sorted(tunnel.name for tunnel in listed if tunnel.autostart)
    case.note(f"{len(persistent)} persistent tunnel units: {', '.join(persistent)}")
    limit = inventory.limits.persistent_units
    assert len(persistent) <= limit, f"{len(persistent)} units, more than {limit}: {persistent}"


@check(
    "PROD-13.restarts",
    runbook="–",
    gate="warn",
    hint="ssh {tunnel.host} journalctl --user -u {tunnel.unit}",
)
def test_unit_restarts_rarely(tunnel: Tunnel, inventory: Inventory, units: Units) -> None:
    """The fleet unit did not restart more often than the inventory allows since its start."""
    unit = unit_of(tunnel, units)
    assert unit.load == "loaded", f"{unit.name} is {unit.load}"
    limit = inventory.limits.restarts
    assert unit.restarts <= limit, f"{unit.name} restarted {unit.restarts} times, more than {limit}"
