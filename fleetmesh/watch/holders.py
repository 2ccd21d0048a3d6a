"""Who holds the tunnels' ports: asked now and then, and whenever something has changed."""

import threading
from collections.abc import Mapping
from dataclasses import replace

from fleetmesh.facts.fact import Fact, NotUnderstood
from fleetmesh.facts.sockets import LISTENERS, SESSIONS
from fleetmesh.gather.fleet import Fleet
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.inventory import Inventory
from fleetmesh.tunnels.attribution import Places, covers, held_by
from fleetmesh.watch.ledger import Ledger
from fleetmesh.watch.link import Link
from fleetmesh.watch.sampler import NotAsked, clock

_EVERY = 10.0
"""Seconds between two looks while nothing changes."""
_AT_LEAST = 0.5
"""Seconds between two looks, whatever happens."""


def asked(inventory: Inventory) -> list[Fact[object]]:
    """The facts that tell it, of the hosts where tunnels listen and of no other."""
    hosts = {tunnel.host for tunnel in inventory.tunnels.values()}

    def there(fact: Fact[object]) -> Fact[object]:
        return replace(
            fact, probes=lambda i: {h: p for h, p in fact.probes(i).items() if h in hosts}
        )

    return [there(LISTENERS), there(SESSIONS)]


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
            seen = fleet.gather(
                [
                    replace(f, probes=lambda i, f=f, h=host: {h: f.probes(i)[h]})  # type: ignore[misc]
                    for f in (LISTENERS, SESSIONS)
                ]
            )
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
            self._ledger.held(f"{host} {tunnel.listen}", told, begin, end)
