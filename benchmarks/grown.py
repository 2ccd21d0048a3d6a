"""A fleet of any size, made from the recording of the sound rehearsal fleet, to be replayed.

Its cell is a pair of hosts: one where tunnels listen, and one that they lead to. The fleet has as
many cells as its hosts allow, and one workstation. Its tunnels, each with a service, a bridge and a
retired tunnel of its own, are dealt out to the cells in turn.

What a host says is cut into records: lines, blocks, items of JSON. A record about one of the two
recorded tunnels is said again for each tunnel of that kind, with its own names, ports, addresses,
processes and byte counts; whatever else a host says, it says once. The same sizes make the same
fleet.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from rehearsal.matrix.recordings import Entry, Place, patch, patched, whole
from rehearsal.paths import INVENTORY

_RAIL, _COUL, _DESK = "railiance01", "coulombcore", "workstation"
_BLOCKS = dict.fromkeys(("sessions", "units", "starting"), r"(?<=\n\n)")
_CUT = _BLOCKS | {"processes": r"(?<=\n)(?=== )", "logins": r"(?<=\n)(?=tunnel )"}
"""Where what a fact says is cut into records; other text is cut into lines."""
_LINES = r"(?<=\n)"
_TUNNELS_YAML = r"(?<=\n)(?=  \S|#)"
_FILE = re.compile(r"== \d+ ([\d.]+) (\S+)\n(.*?)\n(?=== |\Z)", re.DOTALL)
_UUID = re.compile(r"[0-9a-f]{8}([-_])[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}")
_BYTES = re.compile(r"(bytes_(?:sent|acked|received):|\"(?:sent|received)\": \"?)(\d+)")
_END = re.compile(r"(\d:|\", )([345]\d{4})\b")
"""A client's port, in the lists of ss and in what a pod is told."""


@dataclass(frozen=True)
class Kind:
    """One of the two recorded tunnels, and what else a host calls it by."""

    name: str
    listen: str
    port: str
    service_ip: str
    bridge_ip: str
    pid: str
    session: str
    pod: str
    end: str

    @cached_property
    def marks(self) -> re.Pattern[str]:
        """What only a record about it holds."""
        words = (self.name, self.name.replace("-", "_").upper(), self.service_ip, self.bridge_ip)
        numbers = rf"\b({self.listen}|{self.end})\b|(session-|\bId=){self.session}\b"
        return re.compile(f"{'|'.join(map(re.escape, (*words, self.pod)))}|{numbers}")

    @classmethod
    def of(cls, document: Mapping[str, Any], told: Mapping[Place, Entry], name: str) -> "Kind":
        """By what was recorded of the tunnel to the service `name`."""
        service = document["services"][name]
        tunnel = document["tunnels"][f"fleet-{name}-{_COUL}"]
        bridge = f"actcore-{name}-bridge"

        def seen(pattern: str, fact: str, subject: str) -> str:
            found = re.search(pattern, told[fact, subject]["stdout"])
            assert found, f"the recording has no {fact} of {subject} as expected"
            return found[1]

        ip, port = service["cluster_ip"], str(service["port"])
        pid = seen(rf"MainPID=(\d+)\n(?:.+\n)*Id=fleet-{name}-{_COUL}", "units", _RAIL)
        sent = told["tunnel_answers", f"fleet-{name}-{_COUL}"]["details"]["sent"]
        return cls(
            name=name,
            listen=tunnel["listen"].rpartition(":")[2],
            port=port,
            service_ip=ip,
            bridge_ip=seen('"clusterIP":"([^"]+)"', "bridge_services", bridge),
            pid=pid,
            session=seen(
                rf"{re.escape(ip)}:{port} .*session-(c\d+)\..*bytes_sent:{sent} ",
                "connections",
                _COUL,
            ),
            pod=seen('"kind":"Pod".*?"uid":"([^"]+)"', "bridge_endpoints", bridge).replace(
                "-", "_"
            ),
            end=seen(rf":(\d+) +\S+:22 .*\"ssh\",pid={pid},", "connections", _RAIL),
        )


@dataclass(frozen=True)
class Tunnel:
    """The tunnel of this number in the fleet, the `place`th of its cell."""

    number: int
    cell: int
    place: int
    kind: Kind

    def of(self, text: str) -> str:
        """What was said of the tunnel of its kind, said of this one."""
        kind, high, low = self.kind, self.place // 200 + 1, self.place % 200 + 2
        name = f"{kind.name}-{self.number:04}"
        for old, new in (
            (kind.name, name),
            (kind.name.replace("-", "_").upper(), name.replace("-", "_").upper()),
            (kind.service_ip, f"10.{64 + self.cell}.{high}.{low}"),
            (kind.bridge_ip, f"10.{self.cell}.{high}.{low}"),
        ):
            text = text.replace(old, new)
        text = _END.sub(lambda end: f"{end[1]}{int(end[2]) + 16 * self.place}", text)
        for shape, said in (
            (rf"\b{kind.listen}\b", f"{20000 + self.place}"),
            (rf"127\.0\.0\.1:{kind.port}\b", f"127.0.0.1:{40000 + self.number}"),
            (rf"\b{kind.port}\b", f"{30000 + self.place}"),
            (rf"(pid=|PID=|== ){kind.pid}\b", rf"\g<1>{2000 + self.place}"),
            (rf"(session-|Id=){kind.session}\b", rf"\g<1>c{1000 + self.place}"),
        ):
            text = re.sub(shape, said, text)
        text = _BYTES.sub(lambda count: f"{count[1]}{int(count[2]) + 1000 * self.place}", text)
        return _of_cell(_uuids(text, self.number), self.cell)


def _of_cell(text: str, cell: int) -> str:
    """What was said in the recorded cell, said in this one."""
    for old, new in (
        (_RAIL, f"railiance{cell + 1:02}"),
        (_COUL, f"coulombcore{cell:02}" if cell else _COUL),
        ("198.19.42.0/24", f"10.{cell}.0.0/16"),
        ("198.19.43.0/24", f"10.{64 + cell}.0.0/16"),
        ("198.19.12.", f"10.{128 + cell}.0."),
        ("198.19.13.", f"10.{192 + cell}.0."),
        ("198.18.77.11", f"172.16.{cell}.11"),
        ("198.18.77.12", f"172.16.{cell}.12"),
    ):
        text = text.replace(old, new)
    text = re.sub(r"(machine_id=)(\w+)", lambda m: m[1] + _digest(m[2], cell)[:32], text)
    return _uuids(text, cell)


def _uuids(text: str, number: int) -> str:
    """`text` with other UUIDs, the same for the same."""

    def other(found: re.Match[str]) -> str:
        digest = _digest(found[0].replace("_", "-"), number)
        cuts = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
        return found[1].join(digest[start:end] for start, end in cuts)

    return _UUID.sub(other, text)


def _digest(text: str, number: int) -> str:
    return sha256(f"{text} {number}".encode()).hexdigest()


@dataclass(frozen=True)
class Cell:
    """A pair of hosts, and what is to be said of them; of the workstation, that of all cells."""

    number: int
    tunnels: Sequence[Tunnel]
    kinds: Sequence[Kind]

    def about(self, text: str) -> Sequence[Tunnel] | None:
        """The tunnels of which a record is to be said; None if it is about both kinds, or none."""
        kinds = [kind for kind in self.kinds if kind.marks.search(text)]
        if len(kinds) != 1:
            return None
        return [tunnel for tunnel in self.tunnels if tunnel.kind is kinds[0]]

    def of(self, text: str) -> str:
        """What was said in the recorded cell, said in this one."""
        return _of_cell(text, self.number)

    def more(self, text: str, cut: str) -> str:
        """`text`, with each record said as often as there are tunnels that it is about."""
        told = ""
        for record in re.split(cut, text):
            about = self.about(record)
            told += self.of(record) if about is None else "".join(t.of(record) for t in about)
        return told

    def more_json(self, value: Any) -> Any:
        """Likewise of JSON, whose records are the items of its lists."""
        if isinstance(value, dict):
            return {key: self.more_json(inner) for key, inner in value.items()}
        if not isinstance(value, list):
            return json.loads(self.of(json.dumps(value)))
        told: list[Any] = []
        for item in value:
            text = json.dumps(item)
            if (about := self.about(text)) is None:
                told.append(self.more_json(item))
            else:
                told += (json.loads(tunnel.of(text)) for tunnel in about)
        return told

    def files(self, text: str) -> str:
        """Likewise of the files that `installed` frames, each with its size."""
        told = ""
        for changed, name, content in _FILE.findall(text):
            about = self.about(name)
            files = (
                [(self.of(name), self.more(content, _TUNNELS_YAML))]
                if about is None
                else [(tunnel.of(name), tunnel.of(content)) for tunnel in about]
            )
            for file, said in files:
                told += f"== {len(said.encode())} {changed} {file}\n{said}\n"
        return told

    def said(self, entry: Entry) -> Iterator[Entry]:
        """What is said here of what was said in the recorded cell."""
        fact, subject, text = entry["fact"], entry["subject"], entry.get("stdout", "")
        if (about := self.about(subject)) is not None:
            yield from (json.loads(tunnel.of(json.dumps(entry))) for tunnel in about)
            return
        told: Entry = json.loads(self.of(json.dumps(entry | {"stdout": "", "command": ""})))
        told["command"] = self.more(entry["command"], _LINES)
        if fact == "installed":
            told["stdout"] = self.files(text)
        elif fact == "reference_tunnels" or subject.endswith(".yaml"):
            told["stdout"] = self.more(text, _TUNNELS_YAML)
        else:
            try:
                found = self.more_json(json.loads(text))
                told["stdout"] = json.dumps(found, separators=(",", ":"))
            except ValueError:
                text = f"{text.rstrip()}\n\n" if fact in _BLOCKS else text
                told["stdout"] = self.more(text, _CUT.get(fact, _LINES))
        yield told


def _broken(fact: str, entry: Entry) -> Entry:
    """The same where no tunnel is up: what its unit held is gone, and nothing answers."""
    text = entry.get("stdout", "")
    if fact in ("listeners", "connections"):
        kept = [line for line in text.splitlines(True) if "/fleet-" not in line]
        return entry | {"stdout": "".join(kept)}
    if fact == "units":
        return entry | {"stdout": text.replace("=active", "=failed").replace("=running", "=failed")}
    if fact == "tunnel_answers":
        return entry | {"exit_status": 503, "stdout": "no upstream\n"}
    return entry


def _own_words(text: str) -> str:
    """With names that tell a service from its namespace, and an interactive tunnel from both."""
    text = re.sub(r"(-n |namespaces/|coulombcore/)state-hub\b", r"\1hub", text)
    text = re.sub(r'("namespace": ?\\?")state-hub\b', r"\1hub", text)
    text = re.sub(r'(\\"namespace\\": ?\\")state-hub\b', r"\1hub", text)
    text = re.sub(r"\bstate-hub-primary\b", "state-hub-desk", text)
    text = re.sub(r"(?<!fleet-)\bissue-core-coulombcore\b", "issue-core-desk", text)
    if f'"host": "{_DESK}"' in text:  # its own port there is that of the tunnel on the fleet
        port = r'(-L.{1,6}127.0.0.1:|issue-core-desk\b[^}]*?"listen\\?": \\?"127.0.0.1:)18765'
        text = re.sub(port, r"\g<1>8765", text)
    return text


def _sections(document: dict[str, Any], tunnels: Sequence[Tunnel], hosts: int) -> dict[str, Any]:
    """The recorded inventory with all hosts, tunnels, services and what belongs to them."""

    def more(section: dict[str, Any], some: Sequence[Tunnel]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for tunnel in some:
            for name, entry in section.items():
                if tunnel.kind.marks.search(name):
                    found |= json.loads(tunnel.of(json.dumps({name: entry})))
        return found

    def every(section: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for cell in range(cells + 1):
            for name, entry in section.items():
                if name == _DESK or (cell == cells and (odd == 0 or name != _COUL)):
                    continue
                found |= json.loads(_of_cell(json.dumps({name: entry}), cell))
        return found | {name: entry for name, entry in section.items() if name == _DESK}

    cells, odd = divmod(hosts - 1, 2)
    desk = document["workstation"]
    return document | {
        "hosts": every(document["hosts"]),
        "clusters": every(document["clusters"]),
        **{name: more(document[name], tunnels) for name in ("services", "tunnels", "bridges")},
        "probe": json.loads(_of_cell(json.dumps(document["probe"]), 0)),
        "workstation": desk
        | {
            "retired": more(desk["retired"], tunnels),
            "interactive": more(desk["interactive"], tunnels),
        },
        "limits": document["limits"] | {"persistent_units": len(tunnels)},
    }


def write(folder: Path, hosts: int, tunnels: int, *, failing: bool = False) -> None:
    """Write what `pytest --replay` reads into `folder`, which is there.

    Of a fleet of at least three hosts and two tunnels; if it is `failing`, no tunnel is up.
    """
    ground = whole("ground-after")
    base = yaml.safe_load(INVENTORY.read_text())
    document = json.loads(_own_words(json.dumps(patched(base, ground.inventory))))
    sound = {
        place: json.loads(_own_words(json.dumps(entry)))
        for place, entry in ground.transcripts.items()
    }
    kinds = [Kind.of(document, sound, name) for name in document["services"]]
    told = [_broken(place[0], entry) if failing else entry for place, entry in sound.items()]
    cells, odd = divmod(hosts - 1, 2)
    dealt = [
        Tunnel(n, n // 2 % cells, n // 2 // cells * 2 + n % 2, kinds[n % 2]) for n in range(tunnels)
    ]
    made: dict[Place, Entry] = {}
    for cell in range(cells + odd):
        own = [tunnel for tunnel in dealt if tunnel.cell == cell]
        for entry in told:
            desk = entry["host"] == _DESK
            if (cell == cells and entry["host"] != _COUL) or (cell and desk):
                continue  # the odd host stands alone; the workstation speaks of all tunnels
            for said in Cell(cell, dealt if desk else own, kinds).said(entry):
                made[said["fact"], said["subject"]] = said
    inventory = patch(base, _sections(document, dealt, hosts))
    replace(ground, inventory=inventory, transcripts=made).unpack(folder)
