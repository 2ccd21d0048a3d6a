"""What runs now is what runs after a reboot."""

from collections.abc import Mapping

from fixtures import Case, Inconclusive, check
from fleetmesh.facts.boot import SystemBoot
from fleetmesh.facts.installed import InstalledFile
from fleetmesh.facts.managers import Manager
from fleetmesh.facts.sockets import Process
from fleetmesh.facts.units import BootUnits
from fleetmesh.inventory import Inventory, Tunnel


@check(
    "PROD-07.linger",
    runbook="Persist across reboot",
    step="linger",
    hint="on {carrier}: sudo loginctl enable-linger $USER",
    mends=True,
)
def test_linger_is_on(
    carrier: str, inventory: Inventory, manager: Manager, linger: Mapping[str, str], case: Case
) -> None:
    """Linger is on for the units' user, unless the system runs them all."""
    by_system = [manager.unit(t).name for t in inventory.tunnels_at(carrier, by_system=True)]
    if not inventory.tunnels_at(carrier, by_system=False):
        case.note(f"the system runs {', '.join(by_system)}, which need no linger")
        return
    assert linger[carrier] == "yes", f"Linger={linger[carrier]} on {carrier}"


@check(
    "PROD-08.enabled",
    runbook="Persist across reboot",
    step="enable",
    hint="on {tunnel.host}: {tunnel:manage} enable {tunnel.unit}",
    mends=True,
)
def test_unit_is_enabled(
    tunnel: Tunnel,
    manager: Manager,
    boot_units: Mapping[str, BootUnits],
    system_boots: Mapping[str, SystemBoot],
) -> None:
    """The fleet unit is enabled, that exact state, and wanted by a target that starts at boot."""
    unit = manager.unit(tunnel)
    assert unit.survives_reboot, (
        f"{unit.name} is {unit.file_state or unit.load}, and only `enabled` survives a reboot"
    )
    host = tunnel.host
    started = system_boots[host].pulled_in if tunnel.by_system else boot_units[host].names
    assert unit.name in started, f"{unit.name} is enabled, but default.target does not pull it in"
    left_out = manager.left_out(tunnel)
    assert left_out is None, left_out


@check(
    "PROD-09.same-after-reboot",
    runbook="Persist across reboot",
    step="start",
    hint="on {tunnel.host}: {tunnel:systemctl} cat {tunnel.unit}\n"
    "on {tunnel.host}: {tunnel:manage} daemon-reload; {tunnel:manage} try-restart "
    "{tunnel.unit}\n"
    "It interrupts the tunnel for a moment, and what is installed runs: see to "
    "CUT-01.installed first.",
    mends=True,
)
def test_running_is_what_would_start(
    tunnel: Tunnel,
    manager: Manager,
    processes: Mapping[str, tuple[Process, ...]],
    installed: Mapping[str, dict[str, InstalledFile | None]],
) -> None:
    """What runs is what would start after a reboot: arguments and age of the process agree."""
    unit = manager.unit(tunnel)
    running = manager.process(tunnel, processes[tunnel.host])
    assert running, f"{unit.name} runs no ssh"
    assert unit.commands, f"{unit.name} is {unit.load}: it runs, but would start nothing"
    assert not unit.need_reload, f"{unit.file} or a drop-in has changed: systemd runs what it was"
    made_from, _ = manager.made_from(tunnel)  # CUT-01 holds it to the reference, CUT-07 what runs
    if running.pid == unit.main_pid:
        now, after_reboot = " ".join(running.argv), unit.commands[-1]
        if now != after_reboot and tunnel.by_system and "$" in after_reboot:
            raise Inconclusive(f"{unit.name} would start what its variables say: {after_reboot}")
        assert now == after_reboot, f"{unit.name} runs `{now}` but would start `{after_reboot}`"
    file, place = installed[tunnel.host][made_from], manager.place(made_from)
    if file is None or unit.started is None:
        raise Inconclusive(f"the ages of {unit.name} and its process cannot be compared")
    if unit.started < file.modified < unit.started + unit.started_within:
        raise Inconclusive(
            f"{unit.name} started in the second in which {place} was changed, and its "
            "systemd tells starts by whole seconds only"
        )
    assert unit.started >= file.modified, f"{place} is newer than the process that runs"


@check(
    "PROD-09.not-replaced",
    runbook="Persist across reboot",
    gate="warn",
    hint="on {carrier}: {carrier:restart_each}\n"
    "It interrupts each tunnel for a moment, one after the other.",
    mends=True,
)
def test_running_is_not_replaced(
    carrier: str,
    inventory: Inventory,
    manager: Manager,
    processes: Mapping[str, tuple[Process, ...]],
    replaced: Mapping[str, dict[int, tuple[str, ...]]],
) -> None:
    """No ssh that runs for the tunnels' user is of programs that an upgrade has replaced since."""
    for tunnel in inventory.tunnels_at(carrier, by_system=True):
        ssh = manager.process(tunnel, processes[carrier])
        if ssh and not ssh.own:
            raise Inconclusive(f"{tunnel.unit} on {carrier} runs as another user: not looked at")
    old = {file: pid for pid, files in replaced[carrier].items() for file in files}
    assert not old, (
        f"on {carrier} ssh (pid {', '.join(map(str, sorted({*old.values()})))}) still runs what "
        f"was {', '.join(sorted(old))}"
    )


@check(
    "PROD-10.few-units",
    runbook="WireGuard evaluation",
    gate="warn",
    hint="on {carrier}: systemctl --user list-unit-files --state=enabled --no-pager\n"
    "The runbook's section WireGuard evaluation says what then.",
)
def test_few_enough_tunnel_units(
    carrier: str, inventory: Inventory, manager: Manager, case: Case
) -> None:
    """Persistent tunnel units do not exceed the WireGuard threshold."""
    persistent = manager.persistent(carrier)
    case.note(f"{len(persistent)} persistent tunnel units: {', '.join(persistent)}")
    limit = inventory.limits.persistent_units
    assert len(persistent) <= limit, f"{len(persistent)} units, more than {limit}: {persistent}"


@check(
    "PROD-13.restarts",
    runbook="–",
    step="install",
    gate="warn",
    hint="on {tunnel.host}: {tunnel:journalctl} -n 50 --no-pager",
)
def test_unit_restarts_rarely(tunnel: Tunnel, inventory: Inventory, manager: Manager) -> None:
    """The fleet unit did not restart more often than the inventory allows since its start."""
    unit = manager.unit(tunnel)
    assert unit.load == "loaded", f"{unit.name} is {unit.load}"
    limit = inventory.limits.restarts
    assert unit.restarts <= limit, f"{unit.name} restarted {unit.restarts} times, more than {limit}"
