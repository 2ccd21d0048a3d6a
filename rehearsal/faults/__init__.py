"""Everything that we know can go wrong, by name; each fault proves the checks that it turns."""

from __future__ import annotations

from rehearsal.faults import (
    addresses,
    api,
    autostart,
    boot,
    bridge_services,
    bridges,
    carriers,
    certificates,
    clusters,
    ended,
    harmless,
    hosts,
    identity,
    inside,
    keys,
    kubernetes_new,
    machines,
    ops_bridge,
    options,
    policy,
    reference,
    rogues,
    services,
    ssh_config,
    tunnels,
    units,
    unseen,
    workstation,
    writes,
)
from rehearsal.faults.fault import Fault, Ground, Turn

FAULTS: dict[str, type[Fault]] = {
    fault.title(): fault
    for module in (
        *(keys, identity, ssh_config, tunnels, carriers, units, options, reference),
        *(workstation, rogues, autostart, unseen, services, bridges, bridge_services, clusters),
        *(inside, api, hosts, machines, policy, certificates, ops_bridge, writes, addresses),
        *(harmless, boot, ended, kubernetes_new),
    )
    for fault in vars(module).values()
    if isinstance(fault, type)
    and issubclass(fault, Fault)
    and fault.__module__ == module.__name__
    and not fault.__name__.startswith("_")
}

__all__ = ["FAULTS", "Fault", "Ground", "Turn"]
