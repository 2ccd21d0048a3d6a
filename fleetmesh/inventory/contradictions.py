"""Well-formed inventories in which a check could not fail, or would expect what must not be."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from fleetmesh.inventory.document import Document, Problem

Section = dict[str, dict[str, Any]]


def contradictions(read: Document) -> list[Problem]:
    """Everything in which the inventory contradicts the runbook, or itself."""
    return [
        *_two_users(read),
        *_over_the_workstation(read),
        *_wrong_via(read),
        *_wrong_units(read),
        *_useless_bridges(read),
        *_shared_addresses(read),
        *_retired_nowhere(read),
        *_indistinct_services(read),
        *_no_node_to_ask(read),
        *_no_debug_container(read),
    ]


def _section(read: Document, *names: str) -> Section:
    found: Any = read.data
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    entries = found.items() if isinstance(found, dict) else ()
    return {str(key): value for key, value in entries if isinstance(value, dict)}


def _two_users(read: Document) -> Iterator[Problem]:
    """A log-in as one user that says another; one of them would be forgotten silently."""
    for name, host in _section(read, "hosts").items():
        said, at, _ = str(host.get("ssh")).rpartition("@")
        user = host.get("user")
        if at and user is not None and said != user:
            message = f"logs in as {said}, and `user` is {user}; write one of them, and once"
            yield read.problem(("hosts", name, "ssh"), message)


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


def _wrong_units(read: Document) -> Iterator[Problem]:
    """A unit that cannot be a tunnel's, or not this one's alone."""
    by_ops_bridge = read.data.get("manager") == "ops-bridge"
    taken: dict[tuple[str, str, str], str] = {}
    for name, tunnel in _section(read, "tunnels").items():
        host, scope = str(tunnel.get("host")), str(tunnel.get("scope", "user"))
        unit = str(tunnel.get("unit", "" if by_ops_bridge else f"{name}.service"))
        if by_ops_bridge and scope == "system":
            message = "ops-bridge runs its tunnels in a user unit; delete it, or `manager: systemd`"
            yield read.problem(("tunnels", name, "scope"), message)
        if unit.partition("@")[0].partition(".")[0] in ("ssh", "sshd", "user"):
            message = f"{unit} is the host's own, and runs no tunnel; write the tunnel's unit"
            yield read.problem(("tunnels", name, "unit"), message)
        other = taken.setdefault((host, scope, unit), name)
        if other != name and not by_ops_bridge:
            message = f"{unit} is already {other}'s; write the unit that holds this tunnel alone"
            yield read.problem(("tunnels", name, "unit"), message)
    held: dict[tuple[str, str], str] = {}
    for name, retired in _section(read, "workstation", "retired").items():
        if "unit" in retired:
            unit = str(retired["unit"])
            other = held.setdefault((str(retired.get("scope", "user")), unit), name)
            if other != name:
                message = f"{unit} is already {other}'s; write the unit that holds this tunnel"
                yield read.problem(("workstation", "retired", name, "unit"), message)
        elif "scope" in retired:
            message = "is that of `unit`, which is missing; write both, or none"
            yield read.problem(("workstation", "retired", name, "scope"), message)


def _useless_bridges(read: Document) -> Iterator[Problem]:
    """How ops-bridge is called, where nobody calls it; or nowhere to be called, though it runs."""
    carriers = {str(tunnel.get("host")) for tunnel in _section(read, "tunnels").values()}
    for name, host in _section(read, "hosts").items():
        if "bridge" not in host:
            continue
        where = ("hosts", name, "bridge")
        if name == (read.data.get("workstation") or {}).get("host"):
            yield read.problem(
                where, "the workstation's stands under `workstation:`; write it there"
            )
        elif read.data.get("manager") != "ops-bridge" or name not in carriers:
            message = "is called only where `manager: ops-bridge` runs tunnels; delete it"
            yield read.problem(where, message)
        elif isinstance(host["bridge"], dict) and host["bridge"].get("status") == "absent":
            message = "ops-bridge runs the tunnels; write how it is called, or `manager: systemd`"
            yield read.problem(where, message)


def _shared_addresses(read: Document) -> Iterator[Problem]:
    """An address by which two hosts would be told apart, and cannot."""
    owners: dict[str, str] = {}
    hosts = _section(read, "hosts")
    for name, host in hosts.items():
        for index, address in enumerate(host.get("addresses") or ()):
            other = owners.setdefault(str(ip_address(address)), name)
            if other != name:
                message = (
                    f"{address} is {other}'s; write each host's own, and one that is shared by a "
                    "router under `nat` of both"
                )
                yield read.problem(("hosts", name, "addresses", index), message)
    for name, host in hosts.items():
        for index, address in enumerate(host.get("nat") or ()):
            other = owners.get(str(ip_address(address)), name)
            if other != name:
                message = f"{address} is {other}'s own address; write the one that the others see"
                yield read.problem(("hosts", name, "nat", index), message)


def _retired_nowhere(read: Document) -> Iterator[Problem]:
    def ends(section: Section) -> dict[str, tuple[str, str]]:
        return {
            name: (str(entry.get("host")), str(entry.get("listen")).rpartition(":")[2])
            for name, entry in section.items()
        }

    production = set(ends(_section(read, "tunnels")).values())
    for name, (host, port) in ends(_section(read, "workstation", "retired")).items():
        if production and port.isdigit() and (host, port) not in production:
            message = f"no tunnel listens on port {port} of {host}; write the one that replaces it"
            yield read.problem(("workstation", "retired", name, "listen"), message)


def _indistinct_services(read: Document) -> Iterator[Problem]:
    """Two services at one address; two with equal bodies are told apart by the paths to them."""
    taken: dict[tuple[str, str, str], str] = {}
    for name, service in _section(read, "services").items():
        ip = str(ip_address(service["cluster_ip"]))
        at = (str(service.get("cluster")), ip, str(service.get("port")))
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


def _no_debug_container(read: Document) -> Iterator[Problem]:
    """A debug container beside what cannot be together with it."""
    probe = read.data.get("probe")
    if not isinstance(probe, dict) or probe.get("debug") is None:
        return
    if probe.get("container") is not None:
        message = "is not asked where `debug` names the image of another; delete one of the two"
        yield read.problem(("probe", "container"), message)
    cluster = str(probe.get("cluster"))
    if _section(read, "clusters").get(cluster, {}).get("kubectl") is not None:
        message = f"is added over the API alone; write {cluster}'s `kubeconfig:`, or delete it"
        yield read.problem(("probe", "debug"), message)
