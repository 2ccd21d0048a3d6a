"""Well-formed inventories in which a check could not fail, or would expect what must not be."""

from collections.abc import Iterator
from typing import Any

from fleetmesh.inventory.document import Document, Problem

Section = dict[str, dict[str, Any]]


def contradictions(read: Document) -> list[Problem]:
    """Everything in which the inventory contradicts the runbook, or itself."""
    return [
        *_over_the_workstation(read),
        *_wrong_via(read),
        *_two_keys(read),
        *_retired_nowhere(read),
        *_indistinct_services(read),
        *_no_node_to_ask(read),
    ]


def _section(read: Document, *names: str) -> Section:
    found: Any = read.data
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    entries = found.items() if isinstance(found, dict) else ()
    return {str(key): value for key, value in entries if isinstance(value, dict)}


def _over_the_workstation(read: Document) -> Iterator[Problem]:
    workstation = read.data.get("workstation")
    host = workstation.get("host") if isinstance(workstation, dict) else None
    for name, tunnel in _section(read, "tunnels").items():
        for key in ("host", "via"):
            if host is not None and tunnel.get(key) == host:
                message = f"{host} is the workstation, which must carry nothing; write a fleet host"
                yield read.problem(("tunnels", name, key), message)


def _wrong_via(read: Document) -> Iterator[Problem]:
    services, clusters = _section(read, "services"), _section(read, "clusters")
    for name, tunnel in _section(read, "tunnels").items():
        service = services.get(str(tunnel.get("to")), {})
        host = clusters.get(str(service.get("cluster")), {}).get("host")
        if isinstance(host, str) and isinstance(tunnel.get("via"), str) and host != tunnel["via"]:
            message = f"{tunnel['to']} is reached from its cluster's host; write {host}"
            yield read.problem(("tunnels", name, "via"), message)


def _two_keys(read: Document) -> Iterator[Problem]:
    keys: dict[tuple[str, str], str] = {}
    for name, tunnel in _section(read, "tunnels").items():
        between, key = (str(tunnel.get("host")), str(tunnel.get("via"))), str(tunnel.get("key"))
        if keys.setdefault(between, key) != key:
            message = f"another tunnel between the same hosts uses {keys[between]}; write that key"
            yield read.problem(("tunnels", name, "key"), message)


def _retired_nowhere(read: Document) -> Iterator[Problem]:
    def ends(section: Section) -> dict[str, tuple[str, str]]:
        return {
            name: (str(entry.get("host")), str(entry.get("listen")).rpartition(":")[2])
            for name, entry in section.items()
        }

    production = ends(_section(read, "tunnels"))
    for name, (host, port) in ends(_section(read, "workstation", "retired")).items():
        if production and port.isdigit() and (host, port) not in production.values():
            message = f"no tunnel listens on port {port} of {host}; write the one that replaces it"
            yield read.problem(("workstation", "retired", name, "listen"), message)


def _indistinct_services(read: Document) -> Iterator[Problem]:
    """Two services at one address; two with equal bodies are told apart by the paths to them."""
    taken: dict[tuple[str, str, str], str] = {}
    for name, service in _section(read, "services").items():
        at = (str(service.get("cluster")), str(service.get("cluster_ip")), str(service.get("port")))
        if (other := taken.setdefault(at, name)) != name:
            message = f"is {other}'s, at the same port; write the address of {name}"
            yield read.problem(("services", name, "cluster_ip"), message)


def _no_node_to_ask(read: Document) -> Iterator[Problem]:
    hosts, clusters = _section(read, "hosts"), _section(read, "clusters")
    for name, bridge in _section(read, "bridges").items():
        node = clusters.get(str(bridge.get("cluster")), {}).get("host")
        known = node in hosts and hosts[str(node)].get("addresses")
        if bridge.get("host_port") is not None and not known:
            message = f"needs the address at which pods reach {node}; write it as its `addresses`"
            yield read.problem(("bridges", name, "host_port"), message)
