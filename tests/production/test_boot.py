"""After a reboot of either machine, production comes up again by itself, over the fleet alone."""

from collections.abc import Mapping

from fixtures import Case, Inconclusive, check
from fleetmesh.facts.boot import (
    KUBERNETES,
    SSHD,
    Route,
    Starting,
    SystemBoot,
    UserBoot,
    awaited,
    needed,
)
from fleetmesh.facts.sockets import Socket
from fleetmesh.facts.units import BootUnits, Unit
from fleetmesh.facts.workstation import Autostarts
from fleetmesh.inventory import Inventory, Login, Tunnel
from fleetmesh.tunnels import ends, takers
from fleetmesh.tunnels.attribution import Places

Units = Mapping[str, dict[str, Unit]]


@check(
    "PROD-18.user-manager",
    runbook="Persist across reboot",
    hint="on {carrier}: systemctl cat --no-pager user@$(id -u).service; findmnt -T ~",
)
def test_user_manager_comes_up_at_boot(
    carrier: str,
    inventory: Inventory,
    user_boots: Mapping[str, UserBoot],
    unit_boots: Mapping[str, UserBoot],
    boot_units: Mapping[str, BootUnits],
    system_boots: Mapping[str, SystemBoot],
    case: Case,
) -> None:
    """At boot the tunnels' user manager waits for nothing foreign, finds its files, and goes on.

    A unit that the system runs needs no user's manager, but its files.
    """
    for tunnel in inventory.tunnels_at(carrier, by_system=True):
        late = unit_boots[tunnel.id].too_late
        assert not late, f"{tunnel.unit} may start without: {'; '.join(late)}"
        case.note(f"the system runs {tunnel.unit}, after the disks of its files")
    if not inventory.tunnels_at(carrier, by_system=False):
        return
    boot = user_boots[carrier]
    ends = boot_units[carrier].objection
    assert ends is None, f"{boot.manager} would start no tunnel: {ends}"
    masked = system_boots[carrier].masked_for(boot.manager)
    assert not masked, f"{boot.manager} would not start: {' and '.join(masked)} is masked"
    assert not boot.held_back, f"{boot.manager} starts only after {'; '.join(boot.held_back)}"
    assert not boot.too_late, f"{boot.manager} may start without: {'; '.join(boot.too_late)}"
    if boot.unreadable:
        raise Inconclusive(f"{carrier}: cannot be read: {', '.join(boot.unreadable)}")
    for file, line in boot.drop_ins:
        case.note(f"{boot.manager} is changed by {file}: {line}")


@check(
    "PROD-18.order",
    runbook="Persist across reboot",
    hint="on {tunnel.host}: {tunnel:systemctl} list-dependencies --after --no-pager {tunnel.unit}",
)
def test_nothing_holds_the_unit_back(
    tunnel: Tunnel,
    inventory: Inventory,
    starting: Mapping[str, dict[str, Starting]],
    system_starting: Mapping[str, dict[str, Starting]],
    units: Units,
    system_units: Units,
    boot_units: Mapping[str, BootUnits],
    system_boots: Mapping[str, SystemBoot],
    user_boots: Mapping[str, UserBoot],
    unit_boots: Mapping[str, UserBoot],
) -> None:
    """At boot nothing else must end before the fleet unit starts, stops it, or takes its port."""
    host, by_system = tunnel.host, tunnel.by_system
    services = (system_starting if by_system else starting)[host]
    own = services[tunnel.unit]
    beside = (system_units if by_system else units)[host]
    drop_ins = beside[tunnel.unit].changed_by
    assert not drop_ins, f"{own.name} is changed by {', '.join(drop_ins)}"
    if own.unread and beside[tunnel.unit].file:
        raise Inconclusive(f"{beside[tunnel.unit].file} on {host} cannot be read")
    shipped = {name for name, unit in beside.items() if unit.is_shipped}
    boots = system_boots[host].pulled_in if by_system else boot_units[host].names
    waits = awaited(own, services, boots, shipped, by_system=by_system)
    assert not waits, f"{own.name} waits until {' and '.join(waits)} is done"
    needs = needed(own, services, shipped)
    if any(name.endswith(".mount") for name in needs):
        # Without the disk of its files a tunnel is nothing, and may well say so.
        files = (unit_boots[tunnel.id] if by_system else user_boots[host]).places
        needs = [name for name in needs if name not in {place.unit for place in files}]
    assert not needs, f"{own.name} does not start without {' and '.join(needs)}"
    against = sorted(own.conflicts - {"shutdown.target"})
    assert not against, f"{own.name} and {' and '.join(against)} stop each other"
    started = [(units[host], boot_units[host].names, not by_system)]
    if host in inventory.system_units:
        started.append((system_units[host], system_boots[host].pulled_in, by_system))
    others = [
        unit
        for found, pulled_in, among in started
        for unit in found.values()
        if not (among and unit.name == tunnel.unit)
        and (unit.survives_reboot or unit.name in pulled_in)
    ]
    port = tunnel.listen.port
    rivals = [u.name for u in others if any(takers.takes(line, port) for line in u.commands)]
    rivals += system_boots[host].takers(port)
    assert not rivals, f"{' and '.join(rivals)} would take {tunnel.listen} at boot"
    unclear = [
        f"{unit.name}: {line}"
        for unit in others
        for line in unit.commands
        if takers.may_take(line, port)
    ]
    if unclear:
        raise Inconclusive(f"whether it takes {tunnel.listen} is not known: {'; '.join(unclear)}")


@check(
    "PROD-18.undisturbed",
    runbook="Persist across reboot",
    hint="on {tunnel.host}: crontab -l; {tunnel:systemctl} list-timers --all --no-pager",
)
def test_nothing_ends_the_unit_or_takes_its_port(
    tunnel: Tunnel,
    inventory: Inventory,
    autostarts: Mapping[str, Autostarts],
    units: Units,
    system_units: Units,
    case: Case,
) -> None:
    """Nothing that starts by itself stops, disables or masks the fleet unit, or takes its port.

    Whether another unit takes it, PROD-18.order says.
    """
    host, found, unknown = tunnel.host, autostarts[tunnel.host], []
    ours = {*units[host], *(system_units[host] if host in inventory.system_units else ())}
    names = {tunnel.unit, tunnel.unit.removesuffix(".service"), tunnel.id}
    for entry in found.lines:
        told = f"{entry.source} on {host}: {entry.line}"
        try:
            ended = ends.ends(entry, names, by_system=tunnel.by_system)
        except Inconclusive as error:
            unknown.append(f"{told}: {error}")
            continue
        if ended and ends.starts_again(entry, names, found, by_system=tunnel.by_system):
            case.note(f"it is ended, and started again, by {told}")
        else:
            assert not ended, f"{tunnel.unit} would be ended by {told}"
        if entry.source in ours:
            continue
        taken = takers.takes(entry.command, tunnel.listen.port)
        assert not taken, f"{tunnel.listen} would be taken by {told}"
        if takers.may_take(entry.command, tunnel.listen.port):
            unknown.append(f"{told}: whether it takes {tunnel.listen} is not known")
    for entry in found.unread:
        if entry.is_for_root:
            case.note(f"root alone could look: {entry.source}: {entry.line}")
        else:
            unknown.append(f"{entry.source} on {host}: {entry.line}")
    if unknown:
        raise Inconclusive(f"what starts by itself is not all known: {'; '.join(unknown)}")


@check(
    "PROD-18.restart",
    runbook="Persist across reboot",
    step="install",
    hint="on {tunnel.host}: {tunnel:systemctl} show {tunnel.unit} -p Restart -p RestartUSec -p "
    "StartLimitBurst -p StartLimitIntervalUSec",
)
def test_a_dead_tunnel_is_started_again(
    tunnel: Tunnel,
    starting: Mapping[str, dict[str, Starting]],
    system_starting: Mapping[str, dict[str, Starting]],
) -> None:
    """A tunnel that dies is started again, however often the far host stays away."""
    unit = (system_starting if tunnel.by_system else starting)[tunnel.host][tunnel.unit]
    assert unit.stays_dead is None, f"{unit.name} stays dead: {unit.stays_dead}"


@check(
    "PROD-18.services",
    runbook="Persist across reboot",
    hint="on {fleet_host}: systemctl list-unit-files --no-pager 'ssh*' 'k3s*' 'rke2*' 'kubelet*'",
)
def test_the_host_brings_up_what_production_needs(
    fleet_host: str,
    inventory: Inventory,
    listeners: Mapping[str, tuple[Socket, ...]],
    system_boots: Mapping[str, SystemBoot],
    case: Case,
) -> None:
    """At boot the host starts the sshd that tunnels lead to, and the Kubernetes that it runs."""
    of_system = [s for s in listeners[fleet_host] if s.unit and "/user@" not in (s.cgroup or "")]
    boot, production = system_boots[fleet_host], list[str]()
    if any(tunnel.via == fleet_host for tunnel in inventory.tunnels.values()):
        port = inventory.hosts[fleet_host].port or 22
        at_port = sorted(s.unit for s in of_system if s.unit and s.port == port)
        # Another address of the host may have another server at that port.
        sshd = [unit for unit in at_port if unit in SSHD] or at_port
        production.append(sshd[0] if sshd else boot.sshd)
    if any(cluster.host == fleet_host for cluster in inventory.clusters.values()):
        kubernetes = sorted({s.unit for s in of_system if s.unit in KUBERNETES})
        if not kubernetes:
            raise Inconclusive(
                f"{fleet_host}: no unit that is known to run Kubernetes listens there"
            )
        production += kubernetes
    wrong = [objection for unit in production if (objection := boot.objection(unit))]
    wrong += [
        f"{unit} starts only after {line}" for unit in production for line in boot.held_back(unit)
    ]
    assert not wrong, f"after a reboot of {fleet_host}: {'; '.join(wrong)}"
    if untold := [what for unit in production for what in boot.untold(unit)]:
        raise Inconclusive(f"{fleet_host}: what a restart would bring is not known: {untold[0]}")
    case.note(f"a boot starts {', '.join(production) or 'nothing that production needs'}")
    case.note("whether their configuration is valid, root alone could tell: it is not looked at")


@check(
    "PROD-19.route",
    runbook="Goal, After",
    hint="on {login.host}: ip route get {login.via:address}; ip neigh",
)
def test_packets_do_not_pass_the_workstation(
    login: Login,
    inventory: Inventory,
    routes: Mapping[str, Route],
    links: Mapping[str, frozenset[str]],
    places: Places,
    case: Case,
) -> None:
    """Between the tunnels' hosts, in both directions, the next hop is not the workstation."""
    workstation = inventory.workstation.host
    for here, there in ((login.host, login.via), (login.via, login.host)):
        if not inventory.hosts[there].addresses:
            continue
        route = routes[f"{here}-{there}"]
        hop = route.gateway or route.peer
        over = hop and places.name(hop)
        case.note(f"{here} → {there}: {route.device}{f' over {hop}' if hop else ''}")
        assert over != workstation, f"{here} reaches {there} over {hop}, the workstation"
        if route.tunnelled and not hop:
            case.note(f"{route.device} is a tunnel; where it ends, root alone could tell")
        assert route.mac is None or route.mac not in links[workstation], (
            f"{here} reaches {there} over the workstation, whose {route.mac} answers for it"
        )
