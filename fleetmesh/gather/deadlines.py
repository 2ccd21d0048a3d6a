"""How long a snapshot may take, whatever has become of the fleet."""

from collections import defaultdict
from collections.abc import Iterable

from fleetmesh.gather.commands import longest
from fleetmesh.gather.probe import Exec, ExecInPod, Kubernetes, WriteAndReadBack
from fleetmesh.gather.question import Asking
from fleetmesh.inventory import Inventory


def patience(facts: Iterable[Asking], inventory: Inventory) -> float:
    """Seconds within which `facts` are known, or known not to be had, by the limits in force.

    Hosts and clusters are asked side by side, so the slowest of each kind counts.
    """
    limits = inventory.limits
    probes = [probe for fact in facts for probe in fact.probes(inventory).values()]
    batches: dict[str, list[float]] = defaultdict(list)
    clusters: dict[str, float] = defaultdict(float)
    inside = 0.0
    for probe in probes:
        if isinstance(probe, Exec):
            batches[probe.host].append(probe.seconds or limits.command)
        elif isinstance(probe, ExecInPod):
            # A kubeconfig, the Deployment, its pods, the handshake; then the program's line.
            inside = max(inside, limits.command + 3 * limits.http + probe.seconds)
        elif isinstance(probe, Kubernetes):
            clusters[probe.cluster] += limits.http
    beside = [limits.command + seconds for seconds in clusters.values()]
    if any(isinstance(probe, WriteAndReadBack) for probe in probes):
        beside.append(2 * limits.http)
    batches_take = max([0.0, *(longest(one, limits.command) for one in batches.values())])
    in_turn = max(limits.http, inside) + batches_take + (limits.http if inside else 0.0)
    return limits.connect + max([in_turn, *beside])
