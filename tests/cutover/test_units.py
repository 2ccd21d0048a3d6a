"""The fleet's units run, hold their own ports and forward what the inventory says."""

from collections.abc import Mapping
from datetime import UTC, datetime

from fixtures import Case, Inconclusive, check
from fleetmesh.facts.machines import ClockOffset, Machine
from fleetmesh.facts.managers import Manager
from fleetmesh.facts.next_start import NextStart
from fleetmesh.facts.sockets import LoginSession, Process, Socket
from fleetmesh.inventory import Inventory, Tunnel
from fleetmesh.text import ssh_command
from fleetmesh.tunnels.attribution import Holder, Places, covers, held_by, open_doors

# What makes the tunnel's ssh fail loudly, and never ask or trust blindly; ssh_config(5).
_LOUD = {
    "ExitOnForwardFailure": "yes",
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "IdentitiesOnly": "yes",
}


@check(
    "CUT-04.steady",
    runbook="Cutover 2",
    step="start",
    hint="on {tunnel.host}: {tunnel:systemctl} status --no-pager {tunnel.unit}; "
    "{tunnel:journalctl} -n 20 --no-pager\n"
    "on {tunnel.host}: ss -Htln 'sport = :{tunnel.listen.port}' | grep . || {tunnel:manage} "
    "enable --now {tunnel.unit}\n"
    "The second command starts the unit, unless somebody holds its port.",
    mends=True,
)
def test_unit_is_running_and_steady(
    tunnel: Tunnel,
    inventory: Inventory,
    manager: Manager,
    clocks: Mapping[str, ClockOffset],
    case: Case,
) -> None:
    """The fleet unit is running, since a time that is stated, and not just between two restarts."""
    unit = manager.unit(tunnel)
    down = manager.down(tunnel)
    assert down is None, down
    if unit.started is None:
        raise Inconclusive(f"{unit.name} does not say since when it runs")
    since = datetime.fromtimestamp(unit.started, UTC)
    case.note(f"running since {since:%Y-%m-%d %H:%M:%SZ}, {unit.restarts} restarts")
    if unit.restarts:  # tried again and again, it looks for moments as if it ran for ever
        age = clocks[tunnel.host].last - unit.started
        window = inventory.limits.unit_restart_window
        restarted = f"{unit.name} restarted {since:%H:%M:%SZ}, restarts so far: {unit.restarts}"
        if age < 0:
            told = f"the clock of {tunnel.host} was set back since {unit.name} started; {restarted}"
            raise Inconclusive(case.steady(since, window, told))
        assert age >= window, case.steady(since, window, restarted)


@check(
    "CUT-05.port",
    runbook="Cutover 2",
    step="start",
    hint="on {tunnel.host}: ss -tlnpe 'sport = :{tunnel.listen.port}'\n"
    "on {tunnel.host}: loginctl list-sessions --no-pager",
)
def test_port_is_held_by_its_own_unit(
    tunnel: Tunnel,
    listeners: Mapping[str, tuple[Socket, ...]],
    sessions: Mapping[str, dict[str, LoginSession]],
    places: Places,
) -> None:
    """The listen port is held by its own fleet unit, on loopback only."""
    held = [socket for socket in listeners[tunnel.host] if socket.port == tunnel.listen.port]
    at = tunnel.listen
    assert any(covers(one, at.ip, at.port) for one in held), (
        f"nobody listens on {at} of {tunnel.host}"
    )
    for socket in held:
        holder = held_by(socket, sessions[tunnel.host], places)
        if holder.unseen:
            raise Inconclusive(f"{socket.local} is held by {holder}")
        assert holder == Holder.wanted(tunnel), f"{socket.local} is held by {holder}"
        assert socket.local in at.shown_as, (
            f"{tunnel.unit} listens on {socket.local}, not only on {at}"
        )


@check(
    "CUT-07.forwards",
    runbook="Cutover 2",
    step="start",
    hint="on {tunnel.host}: {tunnel:systemctl} cat {tunnel.unit}; ps -C ssh -o pid,args\n"
    "If only the process is wrong, PROD-09.same-after-reboot mends it.",
)
def test_running_ssh_forwards_what_it_should(
    tunnel: Tunnel,
    inventory: Inventory,
    manager: Manager,
    processes: Mapping[str, tuple[Process, ...]],
    machines: Mapping[str, Machine],
) -> None:
    """The running ssh forwards exactly what the inventory says, and fails loudly."""
    running = manager.process(tunnel, processes[tunnel.host])
    command = ssh_command.parse(running.argv) if running else None
    assert command is not None, f"{tunnel.unit} runs no ssh"
    service, via = inventory.services[tunnel.to], inventory.hosts[tunnel.via]
    home = machines[tunnel.host].home
    forwards = [(forward.listen, forward.target) for forward in command.local]
    wanted = [(str(tunnel.listen), f"{service.cluster_ip}:{service.port}")]
    assert forwards == wanted, f"the running ssh forwards {forwards}, not {wanted}"
    assert not command.remote, f"the running ssh also forwards back: {command.remote}"
    assert not command.dynamic, f"the running ssh is also a proxy: {command.dynamic}"
    assert command.host == via.target, f"the running ssh goes to {command.host}, not {via.target}"
    user = tunnel.far_user
    assert command.user == user, f"the running ssh logs in as {command.user}, not {user}"
    assert command.jump is None, f"the running ssh goes through {command.jump}"
    keys = [key.replace("~", home, 1) for key in command.keys]
    assert keys == [tunnel.key.replace("~", home, 1)], f"the running ssh uses {command.keys}"
    for option, value in _LOUD.items():
        found = command.switch(option)
        assert found == value, f"the running ssh has {option}={found or '(not set)'}, not {value}"
    for option in ("ServerAliveInterval", "ServerAliveCountMax"):
        found = command.option(option)
        often = ssh_command.seconds(found or "")
        assert often is not None, f"the running ssh has {option}={found or '(not set)'}"
        assert often != 0, f"the running ssh has {option}={found}, which turns it off"


@check(
    "CUT-07.settings",
    runbook="Cutover 2",
    step="install",
    hint="on {tunnel.host}: ssh -G {tunnel:far_end}\n"
    "It reads ~/.ssh/config and /etc/ssh/ssh_config.",
)
def test_ssh_config_changes_nothing(
    tunnel: Tunnel,
    inventory: Inventory,
    next_starts: Mapping[str, NextStart],
    machines: Mapping[str, Machine],
    case: Case,
) -> None:
    """With all that ssh_config adds, the tunnel's ssh does what the inventory says, and no more."""
    start = next_starts[tunnel.id]
    for command in start.commands:
        case.note(f"ssh_config decides by a command, and may decide otherwise then: {command}")
    wrong = start.departures(tunnel, inventory, machines[tunnel.host].home)
    assert not wrong, f"{'; '.join(wrong)} (by the arguments of its {start.source})"


@check(
    "CUT-07.listeners",
    runbook="Cutover 2",
    hint="on {tunnel.host}: ss -tlnpe; ssh -G {tunnel:far_end} | grep -i forward",
)
def test_unit_listens_nowhere_else(
    tunnel: Tunnel,
    inventory: Inventory,
    listeners: Mapping[str, tuple[Socket, ...]],
    sessions: Mapping[str, dict[str, LoginSession]],
    places: Places,
) -> None:
    """The fleet unit listens on its tunnel's address and nowhere else, whatever ssh_config adds."""
    doors = open_doors(tunnel, inventory, listeners[tunnel.host], sessions[tunnel.host], places)
    assert not doors, f"{tunnel.unit} also listens on {', '.join(doors)}"
