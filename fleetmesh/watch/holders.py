"""Who holds the tunnels' ports: asked now and then, and whenever something has changed."""

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from fleetmesh.facts.fact import NotUnderstood
from fleetmesh.facts.sockets import LISTENERS, SESSIONS
from fleetmesh.gather.fleet import Fleet
from fleetmesh.gather.probe import Asking, Probe
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.inventory import Inventory
from fleetmesh.tunnels.attribution import Places, covers, held_by
from fleetmesh.watch.lanes import listener
from fleetmesh.watch.ledger import Ledger
from fleetmesh.watch.link import Link
from fleetmesh.watch.sampler import NotAsked, clock

_EVERY = 30.0
"""Seconds between two looks while nothing changes."""
_AT_LEAST = 0.5
"""Seconds between two looks, whatever happens."""


def asked(inventory: Inventory, hosts: Collection[str] | None = None) -> list[Asking]:
    """The facts that tell it, of `hosts`; by default of those where tunnels listen."""
    wanted = {t.host for t in inventory.tunnels.values()} if hosts is None else hosts
    return [_Of(LISTENERS, wanted), _Of(SESSIONS, wanted)]


@dataclass(frozen=True)
class _Of:
    """A fact of some hosts alone."""

    fact: Asking
    hosts: Collection[str]

    @property
    def name(self) -> str:
        return self.fact.name

    @property
    def probes(self) -> Callable[[Inventory], dict[str, Probe]]:
        return lambda i: {h: p for h, p in self.fact.probes(i).items() if h in self.hosts}


class Holders:
    """Looks until it is stopped."""

    def __init__(
        self,
        inventory: Inventory,
        links: Mapping[str, Link],
        ledger: Ledger,
        wanted: threading.Event,
        stopped: threading.Event,
    ) -> None:
        self._inventory = inventory
        self._links = links
        self._ledger = ledger
        self._wanted = wanted
        self._stopped = stopped
        self._places = Places(inventory)
        self._thread = threading.Thread(target=self._keep, name="holders", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for the last look, once it was stopped."""
        self._wanted.set()
        self._thread.join(5)

    def _keep(self) -> None:
        while not self._stopped.is_set():
            self._wanted.clear()
            self._look()
            self._stopped.wait(_AT_LEAST)
            self._wanted.wait(_EVERY)

    def _look(self) -> None:
        fleet = Fleet(self._inventory)
        for host in {tunnel.host for tunnel in self._inventory.tunnels.values()}:
            try:
                fleet.sessions[host] = self._links[host].session
            except NotAsked:
                continue
            begin = clock()
            seen = fleet.gather(asked(self._inventory, (host,)))
            self._tell(host, seen, begin, clock())

    def _tell(self, host: str, seen: Snapshot, begin: float, end: float) -> None:
        try:
            listeners = LISTENERS.read(seen.of(LISTENERS.name)[host])
            sessions = SESSIONS.read(seen.of(SESSIONS.name)[host])
        except (NotUnderstood, KeyError):
            return
        for tunnel in self._inventory.tunnels.values():
            if tunnel.host != host:
                continue
            ip, port = tunnel.listen.ip, tunnel.listen.port
            sockets = [socket for socket in listeners if covers(socket, ip, port)]
            who = dict.fromkeys(str(held_by(s, sessions, self._places)) for s in sockets)
            told = " and ".join(who) or "nobody"
            self._ledger.held(listener(tunnel), told, begin, end)
