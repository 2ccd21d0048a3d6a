"""What asking demands: how long it may take, and what a key must be allowed on each host."""

from collections.abc import Iterable, Sequence

from fleetmesh.gather.permit import API, Permit
from fleetmesh.gather.probe import Asking, errands, questions
from fleetmesh.inventory import Inventory


def patience(facts: Iterable[Asking], inventory: Inventory) -> float:
    """Seconds within which `facts` are known, or known not to be had, by the limits in force.

    Errands of one kind run side by side, so the slowest of each counts.
    """
    begins = batches = ends = beside = 0.0
    for errand, asked in errands(questions(facts, inventory)):
        begin, answers = errand.takes(asked, inventory.limits)
        if errand.held:
            begins, ends = max(begins, begin), max(ends, answers)
        elif errand.batch:
            batches = max(batches, answers)
        else:
            beside = max(beside, answers)
    return inventory.limits.connect + max(begins + batches + ends, beside)


def permits(
    runs: Iterable[tuple[str, Sequence[Asking]]], inventory: Inventory, api: str = API
) -> dict[str, Permit]:
    """By host, what `runs` ask, each given by its name and its facts; `api` is ADDRESS:PORT."""
    found = {host: Permit(api) for host in inventory.hosts}
    for name, facts in runs:
        for errand, asked in errands(questions(facts, inventory)):
            if host := asked[0].host:
                found[host].run = name
                errand.permit(asked, inventory, found[host])
    return found
