"""What a step of the runbook is expected to change: a file that an operator can read.

A list under `changes`. Each entry says why; of which fact (`of`); on which subject (`on`); what
changes; and what it was (`from`) and becomes (`to`). `absent` is what is not there; `not seen` what
nobody could see. `*` stands for any text, and names in braces for the inventory's: an entry with
{tunnel} counts for each tunnel. An entry with `may: true` need not happen.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetmesh.evidence.sums import Refused
from fleetmesh.inventory import Inventory
from fleetmesh.state.changes import Change
from fleetmesh.state.moment import KINDS
from fleetmesh.text import regular_file, yaml12

HERE = Path(__file__).with_name("expected")
_FIELDS = ("of", "on", "what", "from", "to")
_NAME = re.compile(r"\{([a-z.]+)\}")


@dataclass(frozen=True)
class Expected:
    """One change that is expected: patterns, in which `*` stands for any text."""

    why: str
    patterns: tuple[str, ...]
    may: bool

    def is_this(self, change: Change) -> bool:
        """Whether it is the change that happened."""
        happened = (change.fact, change.subject, change.what, change.before, change.after)
        return all(map(_matches, self.patterns, happened))

    def __str__(self) -> str:
        of, on, what, before, after = self.patterns
        return f"{of}[{on}] {what}: {before} → {after} ({self.why})"


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def known() -> list[str]:
    """The names of the expectations that come with the suite."""
    return sorted(file.stem for file in HERE.glob("*.yaml"))


def read(name: str, inventory: Inventory) -> list[Expected]:
    """The expectation of that name, or in the file of that path. Raises Refused."""
    file = Path(name) if name.endswith((".yaml", ".yml")) else HERE / f"{name}.yaml"
    if file.parent == HERE and name not in known():
        raise Refused(f"--expect {name}: write one of {', '.join(known())}, or the path of a file")
    try:
        text = regular_file.read(file, yaml12.FOREIGN.longest).decode("utf-8")
        document = yaml12.load(text)
    except (OSError, UnicodeError) as error:
        raise Refused(f"{file} cannot be read: {error}") from None
    except yaml12.Malformed as error:
        raise Refused(f"{file}: line {error.line}: {error}") from None
    return [expected for entry in _entries(document, file) for expected in _each(entry, inventory)]


def _entries(document: Any, file: Path) -> Iterator[Mapping[str, Any]]:
    listed = document.get("changes") if isinstance(document, dict) else None
    if not isinstance(listed, list) or document.keys() != {"changes"}:
        raise Refused(f"{file}: expected a list under `changes:`, and nothing else")
    for number, entry in enumerate(listed, 1):
        where = f"{file}, entry {number}"
        if not isinstance(entry, dict) or {*_FIELDS, "why"} != entry.keys() - {"may"}:
            raise Refused(f"{where}: give why, {', '.join(_FIELDS)}, and `may: true` if you like")
        if not all(isinstance(entry[name], str) for name in (*_FIELDS, "why")):
            raise Refused(f"{where}: all of it must be text: put it in quotes")
        if entry.get("may", True) is not True:
            raise Refused(f"{where}: `may` is either true or left out")
        if entry["of"] not in KINDS:
            raise Refused(f"{where}: `of: {entry['of']}` is none of {', '.join(KINDS)}")
        yield entry


def _each(entry: Mapping[str, Any], inventory: Inventory) -> Iterator[Expected]:
    text = "\n".join(entry[name] for name in _FIELDS)
    asked = set(_NAME.findall(text))
    rows = [row for row in _rows(inventory) if asked <= row.keys()]
    if not rows:
        names = sorted({name for row in _rows(inventory) for name in row})
        raise Refused(
            f"{entry['why']!r}: nothing in the inventory has {', '.join(sorted(asked))} together; "
            f"names are {', '.join(names)}"
        )
    made = dict.fromkeys(
        tuple(_NAME.sub(lambda m, row=row: row[m[1]], entry[name]) for name in _FIELDS)  # type: ignore[misc]
        for row in rows
    )
    for patterns in made:
        yield Expected(entry["why"], patterns, "may" in entry)


def _rows(inventory: Inventory) -> Iterator[dict[str, str]]:
    """Names and what they stand for, for each thing that an entry can be about."""
    workstation = {"workstation": inventory.workstation.host}
    for tunnel in inventory.tunnels.values():
        service = inventory.services[tunnel.to]
        yield workstation | {
            "tunnel": tunnel.id,
            "tunnel.host": tunnel.host,
            "tunnel.listen": str(tunnel.listen),
            "tunnel.via": tunnel.via,
            "tunnel.unit": tunnel.unit,
            "tunnel.key": tunnel.key,
            "service": service.id,
            "service.address": f"{service.cluster_ip}:{service.port}",
        }
    for login in inventory.logins:
        yield workstation | {
            "login": str(login), "login.host": login.host, "login.via": login.via,
            "login.key": login.key,
        }  # fmt: skip
    for retired in inventory.workstation.retired.values():
        yield workstation | {
            "retired": retired.id,
            "retired.host": retired.host,
            "retired.listen": str(retired.listen),
        }
    for bridge in inventory.bridges.values():
        yield workstation | {
            "bridge": bridge.id,
            "bridge.namespace": bridge.namespace,
            "bridge.cluster": bridge.cluster,
        }
    for carrier in inventory.carriers:
        yield workstation | {"carrier": carrier}
