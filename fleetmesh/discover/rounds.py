"""The rounds of asking: each edits the inventory, and the next asks by what it then says."""

from dataclasses import dataclass, field
from typing import Any

from fleetmesh.discover import clusters, health, hosts, inside, tunnels, workstation
from fleetmesh.discover.answers import Answers
from fleetmesh.discover.edit import Edit
from fleetmesh.discover.found import Finding, Found, Settled, Value
from fleetmesh.discover.questions import OF_HOSTS, OF_SERVICES
from fleetmesh.facts.answers import SSH_ANSWERS
from fleetmesh.facts.fact import Fact
from fleetmesh.facts.machines import MACHINES
from fleetmesh.facts.sockets import LISTENERS, SESSIONS
from fleetmesh.gather import Fleet
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.inventory import InventoryError
from fleetmesh.redaction import Redactor
from fleetmesh.text.legible import brief, said


@dataclass
class Discovery:
    """An inventory under edit, what was written into it, and what stays out."""

    edit: Edit
    values: list[Value] = field(default_factory=list)
    """Those that the inventory did not have."""
    confirmed: list[Value | Settled] = field(default_factory=list)
    """Those that it had, and whose mark is taken away."""
    findings: list[Finding] = field(default_factory=list)

    def take(self, found: Found) -> None:
        """Write each value whose place is open; what a settled place contradicts is a finding.

        A host may say anything: what breaks on it is a finding, too, and spoils no other.
        """
        try:
            for each in found:
                if isinstance(each, Finding):
                    self.findings.append(each)
                    continue
                try:
                    self._settle(each) if isinstance(each, Settled) else self._value(each)
                except InventoryError as error:
                    self._refused(each, error.problems[0].message)
        except Exception as error:  # noqa: BLE001 - whatever it is, the rest is still worth asking
            what = f"what the fleet said is not understood: {type(error).__name__}: {said(error)}"
            self.findings.append(Finding(("fleet",), what))

    def _settle(self, found: Settled) -> None:
        if self.edit.is_open(found.place):
            self.edit.settle(found.place)
            self.confirmed.append(found)

    def _value(self, found: Value) -> None:
        has = self.edit.value(found.place)
        if has == found.value:
            if self.edit.is_open(found.place):
                self.edit.set(found.place, has, found.seen)
                self.confirmed.append(found)
        elif not self.edit.is_open(found.place):
            what = f"the fleet says {_shown(found.value)}, the inventory {_shown(has)}"
            advice = "it is not marked OPEN: mark it, if the inventory is what is wrong"
            self.findings.append(Finding(found.place, what, found.seen, advice))
        else:
            self.edit.set(found.place, found.value, found.seen)
            self.values.append(found)

    def _refused(self, found: Value | Settled, why: str) -> None:
        told = _shown(found.value) if isinstance(found, Value) else "that it is confirmed"
        what = f"{told} cannot stand in the inventory"
        self.findings.append(Finding(found.place, what, found.seen, brief(why)))


def discover(edit: Edit, redactor: Redactor | None = None) -> Discovery:
    """Ask the fleet of the inventory under edit, and edit it by the answers. Writes no file."""
    done = Discovery(edit)
    answers = Answers(Snapshot(), edit.inventory)
    with Fleet(edit.inventory, redactor) as fleet:

        def ask(*facts: Fact[Any]) -> None:
            fleet.inventory = edit.inventory
            fleet.gather(facts, into=answers.snapshot)

        ask(SSH_ANSWERS, MACHINES, LISTENERS, SESSIONS, *OF_HOSTS)
        done.take(hosts.names(edit.inventory, answers))
        done.take(tunnels.units(edit.inventory, answers))
        done.take(workstation.bridge(edit.inventory, answers))
        done.take(workstation.certificates(edit.inventory, answers))
        looking = clusters.looks(edit.inventory, answers)
        ask(looking)
        ways: clusters.Ways = {}
        done.take(clusters.kubeconfigs(edit.inventory, answers, looking, ways))
        done.take(clusters.services(edit.inventory, ways))
        asked: list[Fact[Any]] = list(OF_SERVICES)
        if at := ways.get(edit.inventory.probe.cluster):
            done.take(inside.deployment(edit.inventory, *at))
            asked.append(inside.PYTHONS)
        ask(*asked)
        doubted = {each.place[1] for each in done.findings if each.place[0] == "services"}
        done.take(health.answers_of_services(edit.inventory, answers, doubted))
        done.take(health.smoke_paths(edit.inventory, answers))
        if inside.PYTHONS in asked:
            done.take(inside.python(edit.inventory, answers))
    return done


def _shown(value: Any) -> str:
    return "nothing" if value is None else brief(str(value), 120)
