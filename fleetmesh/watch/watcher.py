"""Starts all that samples, and ends it."""

import threading
from types import TracebackType
from typing import Any, Self

from fleetmesh.facts.answers import headers
from fleetmesh.gather.fleet import Fleet
from fleetmesh.inventory import Inventory
from fleetmesh.outages.stretches import Sample
from fleetmesh.outages.watched import INSIDE
from fleetmesh.watch.holders import Holders
from fleetmesh.watch.inside import Asked, Inside
from fleetmesh.watch.lanes import Spot, lacking, spots
from fleetmesh.watch.ledger import Ledger
from fleetmesh.watch.link import Link, NotYet, dialler
from fleetmesh.watch.sampler import NotAsked, Pace, Sampler, get


class Watcher:
    """Samples for as long as the `with` block lasts, into its ledger."""

    def __init__(self, inventory: Inventory, budget: float | None) -> None:
        self.inventory = inventory
        self.spots = spots(inventory)
        self.ledger = Ledger(self.spots, budget)
        self.look = threading.Event()
        """Set it to have the ports looked at now."""
        self._pace = Pace()
        self._stopped = threading.Event()
        self._joined: list[Any] = []

    def __enter__(self) -> Self:
        self._links = {host: self._link(host) for host in self._hosts()}
        for spot in self.spots:
            if spot.place != INSIDE:
                self._start(spot)
        self._joined.append(self._inside([spot for spot in self.spots if spot.place == INSIDE]))
        self._joined.append(
            Holders(self.inventory, self._links, self.ledger, self.look, self._stopped)
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        for one in (*self._joined, *self._links.values()):
            one.join()

    def _hosts(self) -> list[str]:
        inside = self.inventory.clusters[self.inventory.probe.cluster].host
        return list(dict.fromkeys([*(s.place for s in self.spots if s.place != INSIDE), inside]))

    def _link(self, host: str) -> Link:
        target = Fleet(self.inventory).target(host)
        return Link(target, lambda why: self._noted(host, why), self._stopped)

    def _noted(self, place: str, why: str | None) -> None:
        if not self._stopped.is_set():  # then it is our own doing
            self.ledger.noted(place, why)

    def _start(self, spot: Spot) -> None:
        judged = _Judge(spot)

        def told(begin: float, end: float, found: Any) -> None:
            if isinstance(found, NotAsked):
                if not isinstance(found, NotYet):
                    self._noted(spot.place, str(found))
                return
            self.ledger.heard(spot.lane, Sample(begin, end, judged(found)))

        dial = dialler(self._links[spot.place], spot.host, spot.port)
        request = get(spot.host, spot.port, spot.health.path)
        sampler = Sampler(dial, request, spot.lane.kept, told, self._pace, self._stopped)
        thread = threading.Thread(target=sampler.run, name=str(spot.lane), daemon=True)
        thread.start()
        self._joined.append(_Joined(thread))

    def _inside(self, inside: list[Spot]) -> Inside:
        named = {str(spot.lane): spot for spot in inside}
        asked = {
            name: Asked(spot.host, spot.port, spot.health.path, spot.lane.kept)
            for name, spot in named.items()
        }
        return Inside(
            self.inventory,
            self._links[self.inventory.clusters[self.inventory.probe.cluster].host],
            asked,
            lambda name, sample: self.ledger.heard(named[name].lane, sample),
            lambda name, answer: lacking(named[name].health, *answer),
            lambda why: self._noted(INSIDE, why),
            self._stopped,
        )


class _Joined:
    def __init__(self, thread: threading.Thread) -> None:
        self._thread = thread

    def join(self) -> None:
        self._thread.join(3)


class _Judge:
    """Judges an answer, the same one as before at no cost."""

    def __init__(self, spot: Spot) -> None:
        self._health = spot.health
        self._last: Any = None
        self._lacks: str | None = None

    def __call__(self, found: Any) -> str | None:
        if isinstance(found, str):
            return found
        status, head, body = found
        known = headers(head.decode("latin-1").split("\r\n")[1:]) if self._health.headers else {}
        if (key := (status, body, known)) != self._last:
            self._last, self._lacks = key, lacking(self._health, status, known, body)
        return self._lacks
