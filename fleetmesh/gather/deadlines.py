"""How long a snapshot may take, whatever has become of the fleet."""

from collections.abc import Iterable

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
