"""What is written gets lost, or is refused."""

from __future__ import annotations

from typing import ClassVar

from rehearsal.faults.clusters import SERVICES, misbehave, restore
from rehearsal.faults.fault import Fault, Ground, fail


class Written(Ground):
    """The fleet after the cutover, and the operator lets the run write."""

    name = "written"
    writes = True


class _Write(Fault):
    ground = Written
    service: ClassVar[tuple[str, int]]
    mode: ClassVar[str]

    def inject(self) -> None:
        misbehave(*self.service, self.mode)

    def heal(self) -> None:
        restore(SERVICES, self.service[0])


class EventLost(_Write):
    """The State Hub accepts an event and loses it."""

    service, mode = ("state-hub", 8000), "loses"
    turns = {"PROD-11.event": fail("kind reads back as None")}


class EventRefused(_Write):
    """The State Hub takes no events."""

    service, mode = ("state-hub", 8000), "refuses"
    turns = {"PROD-11.event": fail("the write was answered 503")}


class RunLost(_Write):
    """Issue-core accepts a run and drops it."""

    service, mode = ("issue-core", 8765), "loses"
    turns = {"PROD-12.run": fail("label reads back as None")}


class RunRelabelled(_Write):
    """Issue-core gives the safe run another label."""

    service, mode = ("issue-core", 8765), "relabels"
    turns = {"PROD-12.run": fail("label reads back as 'production', not 'fleet-mesh-safe'")}


class RunRefused(_Write):
    """Issue-core takes no runs."""

    service, mode = ("issue-core", 8765), "refuses"
    turns = {"PROD-12.run": fail("the write was answered 503")}
