"""From a file to an Inventory, or to the list of everything that is wrong with it."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from ipaddress import ip_address, ip_network
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fleetmesh.inventory import document
from fleetmesh.inventory.contradictions import contradictions
from fleetmesh.inventory.document import Document, InventoryError, Location, Problem
from fleetmesh.inventory.model import Inventory
from fleetmesh.inventory.values import CHECK_ID, not_a_check, shown


def load(file: Path, checks: Collection[str] = (), text: str | None = None) -> Inventory:
    """Read and validate the inventory in `file`, or `text` as if it stood there.

    `checks` are the ids that its waivers and deferrals may name; without any, every well-formed
    one is taken.

    Relative paths in it (`reference`, `ssh_config`) are meant from the file's own folder. Raises
    InventoryError with all problems at once; nothing is contacted.
    """
    read = document.read(file, text)
    data = dict(read.data)
    unseen = set(read.unprintable)
    problems = [read.problem(key, "occurs twice; delete one") for key in read.repeated]
    problems += [
        read.problem(key, "holds a character that cannot be seen; write it anew")
        for key in read.unprintable
    ]
    problems += [
        read.problem((key,), "is not a key of an inventory; delete it")
        for key in ("file", "digest")
        if data.pop(key, None) is not None
    ]
    for key in ("reference", "ssh_config"):
        if isinstance(data.get(key), str):
            try:
                data[key] = file.parent.resolve() / Path(data[key]).expanduser()
            except RuntimeError:
                problems.append(read.problem((key,), f"{data[key]!r}: there is no such user here"))
    data["file"] = file
    data["digest"] = read.digest
    try:
        inventory = Inventory.model_validate(data)
    except ValidationError as error:
        found = [_problem(read, detail) for detail in error.errors(include_url=False)]
        problems += [problem for problem in found if problem.location not in unseen]
    problems += _reference_problems(read)
    problems += _unknown_checks(read, checks)
    problems = problems or contradictions(read)  # which presuppose that everything is well-formed
    if problems:
        problems = list(dict.fromkeys(problems))
        raise InventoryError(sorted(problems, key=lambda problem: problem.line or 0))
    return inventory


def _problem(read: Document, detail: ErrorDetails) -> Problem:
    location = _location(read.data, detail["loc"])
    found = shown(detail["input"])
    match detail["type"]:
        case "missing":
            message = "is missing; write it as fleets/production.yaml does"
            if location[-1] == "host_keys":
                message = (
                    "is missing; write the host's key lines ('ssh-ed25519 AAAA…'), or "
                    "`known_hosts` if your known_hosts file pins it"
                )
        case "extra_forbidden":
            message = f"is not a key that an inventory knows; {_known_keys(location)}"
        case "value_error":
            message = str(detail["ctx"]["error"])
        case "literal_error":
            message = f"{found} is not possible; write {detail['ctx']['expected']}"
        case "string_type" if isinstance(detail["input"], (bool, int, float)):
            message = f"{found} is no text; write it in quotes"
        case "string_type":
            message = f"{found} is no text; write one, on the same line"
        case "tuple_type" if detail["input"] is None:
            message = "is empty; write a list, such as [ONE, OTHER], or delete it"
        case "tuple_type":
            message = f"{found} is no list; write it in brackets: [ONE, OTHER]"
        case "int_type" | "float_type":
            message = f"{found} is no number; write one alone, without quotes or a unit"
        case "too_short":
            message = "is empty; write at least one entry below it"
        case "greater_than" | "greater_than_equal" | "less_than_equal":
            (limit,) = detail["ctx"].values()
            message = f"{found} is not possible; write a number {_LIMITS[detail['type']]} {limit:g}"
        case "dict_type" | "model_type" | "model_attributes_type":
            message = "must be a section; write `KEY: VALUE` below it, on a line each"
        case _:
            message = f"{detail['msg'][0].lower()}{detail['msg'][1:]}; found {found}"
    return read.problem(location, message)


_LIMITS = {
    "greater_than": "above",
    "greater_than_equal": "not below",
    "less_than_equal": "not above",
}


def _location(data: Any, steps: tuple[str | int, ...]) -> Location:
    """Where in the file a problem is: branches of a union stand in pydantic's location, too."""
    location: list[str | int] = []
    for step in steps:
        inside = data.get(step) if isinstance(data, dict) else None
        if isinstance(data, list) and isinstance(step, int) and step < len(data):
            inside = data[step]
        if isinstance(step, str) and "[" in step and not (isinstance(data, dict) and step in data):
            continue
        location.append(step)
        data = inside
    return tuple(location)


def _known_keys(location: Location) -> str:
    model: Any = Inventory
    for step in location[:-1]:
        field = getattr(model, "model_fields", {}).get(step)
        annotation = field.annotation if field else model
        arguments = [a for a in getattr(annotation, "__args__", ()) if hasattr(a, "model_fields")]
        model = arguments[0] if arguments else annotation
    fields = getattr(model, "model_fields", {})
    names = sorted((f.alias or name) for name, f in fields.items() if not f.exclude)
    return f"write one of: {', '.join(names)}" if names else "delete it"


def _unknown_checks(read: Document, checks: Collection[str]) -> Iterator[Problem]:
    """Waivers and deferrals that name no check, or a family of them."""
    waivers, deferrals = read.data.get("waivers"), read.data.get("deferrals")
    named: list[tuple[Location, Any]] = [
        (("waivers", index, "check"), waiver.get("check"))
        for index, waiver in enumerate(waivers if isinstance(waivers, list) else ())
        if isinstance(waiver, dict)
    ]
    named += [
        (("deferrals", key), key) for key in (deferrals if isinstance(deferrals, dict) else ())
    ]
    for location, check in named:
        known = check in checks if checks else CHECK_ID.fullmatch(str(check))
        if isinstance(check, str) and not known:
            yield read.problem(location, not_a_check(check, checks))


def _entries(read: Document, section: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The well-formed entries of a section, whatever else is wrong with the file."""
    found = read.data.get(section)
    if isinstance(found, dict):
        yield from ((str(k), v) for k, v in found.items() if isinstance(v, dict))


def _reference_problems(read: Document) -> list[Problem]:
    """Names that lead nowhere and addresses that clash.

    Worked out on the plain data, so that these are reported together with malformed fields.
    """
    problems: list[Problem] = []
    hosts = dict(_entries(read, "hosts"))
    # A section that is none is a problem of its own, and the cause of those of its names.
    names = {
        section: {str(key): None for key in sorted(map(str, known))}
        for section, known in read.data.items()
        if isinstance(known, dict)
    }

    def must_exist(location: Location, name: Any, section: str) -> None:
        known = names.get(section)
        if isinstance(name, str) and known is not None and name not in known:
            some = ", ".join(islice(known, 50)) or "(none defined)"
            message = f"{shown(name)} is not among the {section}; write one of: {some}"
            problems.append(read.problem(location, message))

    for name, cluster in _entries(read, "clusters"):
        must_exist(("clusters", name, "host"), cluster.get("host"), "hosts")
    for name, service in _entries(read, "services"):
        must_exist(("services", name, "cluster"), service.get("cluster"), "clusters")
    for name, bridge in _entries(read, "bridges"):
        must_exist(("bridges", name, "cluster"), bridge.get("cluster"), "clusters")
        must_exist(("bridges", name, "tunnel"), bridge.get("tunnel"), "tunnels")
    probe = read.data.get("probe")
    if isinstance(probe, dict):
        must_exist(("probe", "cluster"), probe.get("cluster"), "clusters")
    problems += _clashes(read) + _outside_cidr(read)
    for name, tunnel in _entries(read, "tunnels"):
        must_exist(("tunnels", name, "host"), tunnel.get("host"), "hosts")
        must_exist(("tunnels", name, "via"), tunnel.get("via"), "hosts")
        must_exist(("tunnels", name, "to"), tunnel.get("to"), "services")
        via = hosts.get(str(tunnel.get("via")))
        if tunnel.get("host") is not None and tunnel.get("host") == tunnel.get("via"):
            problems.append(
                read.problem(
                    ("tunnels", name, "via"),
                    f"the tunnel leads from {tunnel['host']} to itself; write the other host",
                )
            )
        elif via is not None and not via.get("addresses"):
            problems.append(
                read.problem(
                    ("hosts", str(tunnel["via"])),
                    "needs `addresses`, since tunnels lead through it; "
                    "write the address that their ssh command names",
                )
            )
    workstation = read.data.get("workstation")
    if isinstance(workstation, dict):
        must_exist(("workstation", "host"), workstation.get("host"), "hosts")
        for kind, key, section in (("retired", "host", "hosts"), ("interactive", "to", "services")):
            group = workstation.get(kind)
            for name, entry in group.items() if isinstance(group, dict) else ():
                if isinstance(entry, dict):
                    must_exist(("workstation", kind, name, key), entry.get(key), section)
    return problems


def _outside_cidr(read: Document) -> list[Problem]:
    clusters = dict(_entries(read, "clusters"))
    problems = []
    for name, service in _entries(read, "services"):
        cidr = clusters.get(str(service.get("cluster")), {}).get("service_cidr")
        try:
            outside = ip_address(service["cluster_ip"]) not in ip_network(str(cidr))
        except (ValueError, KeyError):
            continue  # malformed or missing: already a problem of its own
        if outside:
            problems.append(
                read.problem(
                    ("services", name, "cluster_ip"),
                    f"{service['cluster_ip']} is outside {cidr}, the cluster's service_cidr; "
                    "write the ClusterIP that `kubectl get svc` shows",
                )
            )
    return problems


def _clashes(read: Document) -> list[Problem]:
    taken: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    problems = []
    for name, tunnel in _entries(read, "tunnels"):
        port = str(tunnel.get("listen")).rpartition(":")[2]
        holders = taken[(str(tunnel.get("host")), port)]
        if holders:
            problems.append(
                read.problem(
                    ("tunnels", name, "listen"),
                    f"port {port} on {tunnel.get('host')} already belongs to {holders[0]}; "
                    "write a free port",
                )
            )
        holders.append(name)
    return problems
