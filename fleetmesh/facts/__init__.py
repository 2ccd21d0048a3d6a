"""What can be known about a fleet: every fact, by the name under which a check asks for it.

May import: text, inventory, redaction, gather.
"""

from typing import Any

from fleetmesh.facts import (
    answers,
    boot,
    bridge_status,
    cluster_services,
    clusters,
    installed,
    keys,
    logins,
    machines,
    next_start,
    pins,
    pods,
    reference,
    renewals,
    sockets,
    units,
    workloads,
    workstation,
)
from fleetmesh.facts.fact import Fact, NotUnderstood, Observed

FACTS: dict[str, Fact[Any]] = {
    fact.name: fact
    for module in (
        machines,
        units,
        installed,
        sockets,
        keys,
        next_start,
        logins,
        pins,
        renewals,
        workstation,
        bridge_status,
        answers,
        cluster_services,
        pods,
        clusters,
        workloads,
        reference,
        boot,
    )
    for fact in vars(module).values()
    if isinstance(fact, Fact)
}

__all__ = ["FACTS", "Fact", "NotUnderstood", "Observed"]
