"""What may be ill where a check's case does not hold."""

from collections.abc import Iterator

from fleetmesh.diagnostics.logins import LogIn
from fleetmesh.diagnostics.pods import Workload
from fleetmesh.diagnostics.ports import TunnelPort
from fleetmesh.diagnostics.subject import Subject
from fleetmesh.diagnostics.units import USER_MANAGER, Unit
from fleetmesh.inventory import Inventory


def subjects(inventory: Inventory, case: str) -> tuple[Subject, ...]:
    """The subjects of a case: of what bears this name in the inventory, whatever that is."""
    return tuple(dict.fromkeys(_subjects(inventory, case)))


def every(inventory: Inventory) -> tuple[Subject, ...]:
    """All subjects of all cases."""
    cases = (
        *inventory.tunnels,
        *map(str, inventory.logins),
        *inventory.bridges,
        *inventory.services,
        *inventory.hosts,
        *inventory.workstation.retired,
    )
    return tuple(dict.fromkeys(one for case in cases for one in _subjects(inventory, case)))


def _subjects(inventory: Inventory, case: str) -> Iterator[Subject]:
    if tunnel := inventory.tunnels.get(case):
        yield Unit(tunnel.host, tunnel.unit, tunnel.by_system)
        yield TunnelPort(case)
    for login in inventory.logins:
        if case in (login.id, *map(str, login.tunnels)):
            yield LogIn(login)
    if bridge := inventory.bridges.get(case):
        yield Workload(bridge.cluster, bridge.namespace, case)
    if service := inventory.services.get(case):
        yield Workload(service.cluster, service.namespace, service.name)
    if inventory.tunnels_at(case, by_system=False):
        yield Unit(case, USER_MANAGER, by_system=True)
    retired = inventory.workstation.retired.get(case)
    if retired and retired.unit:
        host = inventory.workstation.host
        yield Unit(host, retired.unit, by_system=retired.by_system)
