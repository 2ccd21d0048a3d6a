"""What ops-bridge's own status says of its tunnels, in whichever form a fleet's `bridge` has it.

The answer of any other form than the JSON of `bridge status --json` begins with how it is read, so
that a recording can be read without its inventory.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from fleetmesh.facts.fact import Fact, NotUnderstood, succeeded
from fleetmesh.facts.machines import BRIDGE_TOOL, bridge_tool
from fleetmesh.facts.managers import MANAGERS
from fleetmesh.facts.managers.ops_bridge import BridgeTunnel
from fleetmesh.gather.commands import Exec
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Bridging, Inventory
from fleetmesh.text import strict_json
from fleetmesh.text.legible import brief
from fleetmesh.text.shell import quote

_READ_AS = "read as "
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_RULER = re.compile(r"[\s+|:=\u2500-\u257f-]*")
"""A line that only draws: of ASCII, or of Unicode's box drawing."""
_BAR = r"[|│┃║┆┇┊┋╎╏]"


def _bridge_status(inventory: Inventory) -> dict[str, Probe]:
    workstation = inventory.workstation
    own = (*workstation.retired, *workstation.interactive)
    asked = {workstation.host: (workstation.bridge, own)}
    if BRIDGE_STATUS.name in MANAGERS[inventory.manager].reads():
        for host in inventory.carriers:
            names = tuple(tunnel.id for tunnel in inventory.tunnels_at(host))
            asked[host] = (inventory.hosts[host].bridge, names)
    # Asked tunnel by tunnel, it is started as often: what one command may take is too little.
    several = 3 * inventory.limits.command
    return {
        host: Exec(host, _question(bridge, names), several if bridge.status == "exit" else None)
        for host, (bridge, names) in asked.items()
    }


def _question(bridge: Bridging, names: Iterable[str]) -> str:
    if bridge.status == "json" and bridge.columns is None and not (bridge.up or bridge.down):
        return bridge.asks()
    read_as = f"echo {quote(_READ_AS + bridge.model_dump_json(exclude_defaults=True))}"
    if bridge.status == "absent":
        return f"{read_as}; {BRIDGE_TOOL.replace('bridge', quote(bridge.command[0]))}"
    if bridge.status != "exit":
        return f"{read_as}; {bridge.asks()}"
    asked = [read_as]
    for name in names:
        asked.append(f'{bridge.asks(name)} >/dev/null 2>&1; echo "status {name} $?"')
        if bridge.enabled:
            asked.append(f'{bridge.asks_enabled(name)} >/dev/null 2>&1; echo "enabled {name} $?"')
    return "; ".join(asked)


def parse_bridge_status(transcript: Transcript) -> dict[str, BridgeTunnel]:
    """Read what `bridge status` says of each tunnel, as the inventory has it; else as JSON.

    That is an array of objects with name, kind, state, autostart.
    """
    said = succeeded(transcript)
    first, _, rest = said.partition("\n")
    if not first.startswith(_READ_AS):
        return _json(said, Bridging())
    try:
        bridge = Bridging.model_validate_json(first.removeprefix(_READ_AS))
    except ValidationError as error:
        raise NotUnderstood(f"not a way to read a status: {brief(str(error))}") from None
    return read_status(rest, bridge)


def read_status(said: str, bridge: Bridging) -> dict[str, BridgeTunnel]:
    """Each tunnel, by what was printed. Raises NotUnderstood where `bridge` is read otherwise."""
    match bridge.status:
        case "json":
            return _json(said, bridge)
        case "table":
            return _table(said, bridge)
        case "exit":
            return _statuses(said, bridge)
        case "absent":
            tool = bridge_tool(said)
            if tool.kind == "ops-bridge":
                raise NotUnderstood(f"the inventory says that it is absent, and it is {tool.path}")
            return {}


BRIDGE_STATUS = Fact("bridge_status", _bridge_status, parse_bridge_status)


def _json(said: str, bridge: Bridging) -> dict[str, BridgeTunnel]:
    try:
        return _by_name(_tunnel(entry, bridge) for entry in strict_json.loads(said))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotUnderstood(f"not the status that ops-bridge prints: {error!r}") from None


def _table(said: str, bridge: Bridging) -> dict[str, BridgeTunnel]:
    """Rows below a line of headings; cells are parted by two blanks, a tab, or a vertical line.

    Where each heading is one word, by a single blank, too. A cell may be empty if a line, a tab or
    the headings above show that it is.
    """
    lines = [_COLOURS.sub("", line) for line in said.splitlines()]
    lines = [line for line in lines if not _RULER.fullmatch(line)]
    assert bridge.columns is not None
    ways = (_between(lines, _BAR), _between(lines, r"\t"), _below(lines, r"\S+(?: \S+)*"))
    for table in (*ways, _below(lines, r"\S+")):
        headings, *rows = table or [[]]
        if len(headings) > 1 and all(one and not re.match(_BAR, one) for one in headings):
            break
    else:
        raise NotUnderstood("not a table: a line of headings, and rows that have every column")
    columns = {n: c for n, c in bridge.columns.model_dump().items() if c is not None}
    if missing := [column for column in columns.values() if headings.count(column) != 1]:
        raise NotUnderstood(f"no column {missing[0]!r} among {', '.join(map(repr, headings))}")
    try:
        return _by_name(_tunnel(dict(zip(headings, row, strict=True)), bridge) for row in rows)
    except (ValueError, KeyError) as error:
        raise NotUnderstood(f"not a row of its table: {error}") from None


def _between(lines: list[str], mark: str) -> list[list[str]]:
    """The cells between marks; nothing if a row has others than the headings.

    A mark at the edge of the headings is the frame's, and then the rows have it as well.
    """
    rows = [[cell.strip() for cell in re.split(mark, line)] for line in lines]
    headings = rows[0] if rows else []
    first, last = int(headings[:1] == [""]), len(headings) - int(headings[-1:] == [""])
    for row in rows:
        if len(row) != len(headings) or any(row[:first] + row[last:]):
            return []
    return [row[first:last] for row in rows]


def _below(lines: list[str], cell: str) -> list[list[str]]:
    """The cells with blanks between them; nothing if one belongs to no heading, or to several.

    In a row that lacks some, each begins or ends where its heading does.
    """
    rows = [[*re.finditer(cell, line.expandtabs())] for line in lines]
    table = []
    for row in rows:
        texts = [found[0] for found in row]
        if len(row) != len(rows[0]):
            under = [
                [
                    found[0]
                    for found in row
                    if found.start() == at.start() or found.end() == at.end()
                ]
                for at in rows[0]
            ]
            if [text for found in under for text in found] != texts or max(map(len, under)) > 1:
                return []
            texts = ["".join(found) for found in under]
        table.append(texts)
    return table


def _tunnel(entry: Mapping[str, Any], bridge: Bridging) -> BridgeTunnel:
    """One tunnel by its members. Raises ValueError for what is said otherwise than expected."""
    columns = bridge.columns
    if columns is None:  # as ops-bridge has it
        kind, autostart = entry["kind"], {True: True, False: False}[entry["autostart"]]
        return BridgeTunnel(
            entry["name"], kind, _up(entry["state"], bridge), autostart, entry.get("pid")
        )
    if blank := [c for c in (columns.name, columns.kind) if c and entry[c] == ""]:
        raise ValueError(f"nothing stands under {blank[0]!r}")
    kind = entry[columns.kind] if columns.kind else None
    pid = entry[columns.pid] if columns.pid else None
    return BridgeTunnel(
        name=entry[columns.name],
        kind="forward" if kind in bridge.forward else kind,
        up=_up(entry[columns.state], bridge),
        autostart=_autostart(entry[columns.autostart], bridge) if columns.autostart else None,
        pid=int(str(pid)) if str(pid).isdecimal() else None,
        tells_pid=columns.pid is not None,
    )


def _up(said: object, bridge: Bridging) -> bool:
    return _either(said, bridge.up or ("up",), bridge.down or ("down",), "state")


def _autostart(said: object, bridge: Bridging) -> bool:
    if isinstance(said, bool) and not bridge.autostart:
        return said
    return _either(said, bridge.autostart, bridge.manual, "autostart")


def _either(said: object, yes: Iterable[object], no: Iterable[object], what: str) -> bool:
    if said in yes or said in no:
        return said in yes
    raise ValueError(f"{what} {said!r} is none of {', '.join(map(repr, (*yes, *no)))}")


def _by_name(tunnels: Iterable[BridgeTunnel]) -> dict[str, BridgeTunnel]:
    found: dict[str, BridgeTunnel] = {}
    for tunnel in tunnels:
        if tunnel.name in found:
            raise ValueError(f"{tunnel.name!r} stands there twice")
        found[tunnel.name] = tunnel
    return found


def _statuses(said: str, bridge: Bridging) -> dict[str, BridgeTunnel]:
    """Lines `status NAME NUMBER`, and `enabled NAME NUMBER` where that is asked, too."""
    numbers: dict[str, dict[str, int]] = {}
    for line in said.splitlines():
        match = re.fullmatch(r"(status|enabled) (\S+) (\d{1,3})", line)
        if not match:
            raise NotUnderstood(f"expected a tunnel and an exit status, found {brief(line)!r}")
        numbers.setdefault(match[2], {})[match[1]] = int(match[3])
    found = {}
    for name, its in numbers.items():
        if its.get("status") in bridge.unknown:
            continue
        try:
            up = _either(its.get("status"), bridge.up, bridge.down, f"the exit status for {name}:")
            autostart = _autostart(its.get("enabled"), bridge) if bridge.enabled else None
        except ValueError as error:
            raise NotUnderstood(str(error)) from None
        found[name] = BridgeTunnel(name, None, up, autostart, tells_pid=False)
    return found
