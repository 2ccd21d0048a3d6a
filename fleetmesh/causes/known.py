"""What a snapshot tells for sure, as an aid to explain what it does not: nothing is consulted."""

from functools import cached_property
from typing import Any, TypeVar

from fleetmesh.facts import FACTS, Fact, Observed
from fleetmesh.facts.fact import Inconclusive
from fleetmesh.facts.machines import MACHINES
from fleetmesh.facts.managers import MANAGERS, Manager
from fleetmesh.facts.sockets import LISTENERS, PROCESSES, SESSIONS
from fleetmesh.facts.units import SYSTEM_UNITS, UNITS, Unit
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.inventory import Inventory, Tunnel
from fleetmesh.tunnels.attribution import Holder, Places, held_by

T = TypeVar("T")


class Known:
    """The facts of a snapshot, where they were observed and understood."""

    def __init__(self, snapshot: Snapshot, inventory: Inventory) -> None:
        self.snapshot = snapshot
        self.inventory = inventory
        self._read: dict[str, dict[str, Any]] = {}

    def of(self, fact: Fact[T]) -> dict[str, T]:
        """What is known of a fact, by subject; of others, nobody knows."""
        if fact.name not in self._read:
            self._read[fact.name] = self._observed(fact).known()
        return self._read[fact.name]

    def unit(self, tunnel: Tunnel) -> Unit | None:
        """The unit that must hold a tunnel; None if it is not known."""
        try:
            return self._manager.unit(tunnel)
        except Inconclusive:
            return None

    def units(self, tunnel: Tunnel) -> list[Unit]:
        """That unit, and the one that would hold this tunnel alone, if both are known."""
        beside = self.of(SYSTEM_UNITS if tunnel.by_system else UNITS).get(tunnel.host, {})
        found = [beside.get(name) for name in {tunnel.unit, tunnel.own_unit}]
        return [unit for unit in found if unit] if all(found) else []

    def down(self, tunnel: Tunnel) -> bool:
        """Whether the manager says that a tunnel is not up."""
        try:
            return self._manager.down(tunnel) is not None
        except (Inconclusive, AssertionError):
            return False

    def runs_no_ssh(self, tunnel: Tunnel) -> bool:
        """Whether it is known that no ssh carries a tunnel."""
        try:
            return self._manager.process(tunnel, self.of(PROCESSES)[tunnel.host]) is None
        except (KeyError, Inconclusive, AssertionError):
            return False

    def holders(self, host: str, port: int) -> list[Holder] | None:
        """Who holds a port of a host; None if that is not known."""
        listeners, sessions = self.of(LISTENERS).get(host), self.of(SESSIONS).get(host)
        if listeners is None or sessions is None:
            return None
        return [held_by(one, sessions, self.places) for one in listeners if one.port == port]

    @cached_property
    def places(self) -> Places:
        """Which host an address belongs to."""
        found = Places(self.inventory)
        for host, machine in self.of(MACHINES).items():
            found.learn(host, machine.addresses)
        return found

    @cached_property
    def _manager(self) -> Manager:
        kind = MANAGERS[self.inventory.manager]
        return kind(**{name: self._observed(FACTS[name]) for name in kind.reads()})

    def _observed(self, fact: Fact[T]) -> Observed[T]:
        taken = self.snapshot
        return Observed(
            fact,
            taken.of(fact.name),
            lambda _: None,
            recorded=taken.recorded,
            read=taken.readings.setdefault(fact.name, {}),
        )
