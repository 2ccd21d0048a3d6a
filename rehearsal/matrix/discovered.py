"""Whether `discover` writes a fault into an inventory, where no check would see it again.

In each fault, an inventory is discovered from three ssh names. Where it says what fleets/
rehearsal.yaml says, every check is asked and judged as it is without discovery. Where it says
anything else, the fleet is judged by it: a check that must not pass must not pass then, either.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from fleetmesh.discover.edit import Edit
from fleetmesh.discover.rounds import discover
from rehearsal import fleet
from rehearsal.errors import RehearsalError
from rehearsal.faults import FAULTS
from rehearsal.matrix.compare import expected
from rehearsal.matrix.judge import judge, judge_recorded
from rehearsal.matrix.recordings import title
from rehearsal.matrix.stage import DEADLINES, SETTLED_WITHIN
from rehearsal.matrix.take import take
from rehearsal.paths import INVENTORY, RUNBOOK_INVENTORY

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from rehearsal.faults.fault import Fault

_ASIDE = {
    *(("name",), ("reference",), ("ssh_config",), ("limits",)),
    *((("hosts", host, "addresses")) for host in ("railiance01", "workstation")),
    ("hosts", "workstation", "user"),
}
"""What production's inventory leaves out, and what it has otherwise by intent."""


@dataclass
class Tried:
    """A fault, what `discover` made of the fleet in it, and which checks it made blind."""

    fault: type[Fault]
    differs: list[str] = field(default_factory=list)
    """What the discovered inventory has otherwise."""
    laundered: list[str] = field(default_factory=list)
    """Checks that must not pass in the fault, and pass by the discovered inventory."""
    findings: list[str] = field(default_factory=list)
    trouble: str = ""

    def __str__(self) -> str:
        sign = "✕" if self.laundered or self.trouble else "✓"
        lines = [f"{sign} {self.fault.title()}: {len(self.findings)} findings"]
        for kind in ("differs", "laundered", "findings"):
            lines += [f"    {kind}: {each}" for each in getattr(self, kind)]
        return "\n".join(lines + ([f"    trouble: {self.trouble}"] if self.trouble else []))


def sweep(names: Collection[str], folder: Path, say: Callable[[str], None]) -> list[Tried]:
    """Try the faults of these names on the fleet that is up; each heals before the next."""
    tried = []
    for name in names:
        fault = FAULTS[name]
        if fault.ground.name != "after" or fault.impossible(fleet.generations()):
            continue  # other grounds have inventories that the runbook does not begin with
        one = Tried(fault)
        happening = fault()
        try:
            happening.inject()
            _try(one, happening, folder / name)
            happening.heal()
            fleet.forgive()
            with suppress(RehearsalError):
                fleet.wait_until_served(SETTLED_WITHIN)
                if fleet.steady():
                    fleet.wait_until_served(SETTLED_WITHIN)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other faults still run
            one.trouble = f"{type(error).__name__}: {error}"
            fleet.reset("after", lambda _: None)
        tried.append(one)
        say(str(one))
    return tried


def _try(one: Tried, happening: Fault, folder: Path) -> None:
    deadlines = {**DEADLINES, **one.fault.deadlines}
    text, one.findings = _discovered(deadlines, folder)
    found, right = yaml.safe_load(text), yaml.safe_load(INVENTORY.read_text())
    one.differs = list(_differences(found, right, ()))
    if not one.differs:
        return
    ground = one.fault.ground
    before = judge_recorded(title(ground), writes=ground.writes, tests=ground.tests)

    def by_it(document: dict[str, Any]) -> None:
        document.clear()
        document.update(found)

    take(folder, by_it, happening.inventory, writes=ground.writes, deadlines=deadlines)
    judged = judge(folder, writes=ground.writes, tests=ground.tests)
    for check in before:
        must = expected(one.fault, check, before)
        if must.outcome in ("fail", "warn", "inconclusive") and check in judged:
            ended = judged[check]
            if ended.outcome in ("pass", "deferred"):
                one.laundered.append(f"{check} ended in {ended.outcome}, not {must.outcome}")


def _discovered(deadlines: Mapping[str, float], folder: Path) -> tuple[str, list[str]]:
    """The inventory that is discovered from three ssh names, and the findings beside it."""
    file = folder / "discovered.yaml"
    edit = Edit(file, RUNBOOK_INVENTORY.read_text(), "")
    for limit, seconds in deadlines.items():
        edit.set(("limits", limit), seconds, None)
    for host in edit.inventory.hosts:
        edit.set(("hosts", host, "ssh"), host, None)
        edit.open(("hosts", host, "hostname"))
    done = discover(edit)
    return edit.text, [f"{'.'.join(each.place)}: {each.what}" for each in done.findings]


def _differences(found: Any, right: Any, place: tuple[str, ...]) -> Iterator[str]:
    if place in _ASIDE:
        return
    if isinstance(found, dict) and isinstance(right, dict):
        for key in found.keys() | right.keys():
            yield from _differences(found.get(key), right.get(key), (*place, key))
    elif found != right:
        yield f"{'.'.join(place)}: {found!r}, not {right!r}"
