"""Raw outputs as files: `<fact>/<case>.yaml`, and what each must be parsed to.

system: Debian 12             where the output comes from
constructed: why              instead of a capture, only where there is none
exit_status: 0                of the command, or the HTTP status
stdout, stderr: …             exact bytes: text, or !!binary
sample: service.json          instead of stdout: the body of an answer in kubernetes_samples/
details, sent, received: …    where the fact uses them
expected: …                   of an object, those attributes that are stated; else all of it
refused: …                    instead: words that the reason must contain
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from fleetmesh.gather.transcript import Transcript

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "kubernetes_samples"
SYSTEMS = (
    "Debian 11",
    "Debian 12",
    "Debian 13",
    "Debian sid",
    "Ubuntu 24.04",
    "Kubernetes 1.36",
    "the suite itself",
)
_KEYS = {
    "system", "constructed", "exit_status", "stdout", "stderr", "sample", "items", "details",
    "sent", "received", "expected", "refused",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One data file."""

    fact: str
    name: str
    given: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.fact}/{self.name}"

    @property
    def refused(self) -> bool:
        """Whether the parser must not understand it."""
        return "refused" in self.given

    @property
    def transcript(self) -> Transcript:
        """What the parser is given."""
        given = self.given
        stdout = given.get("stdout", "")
        if "sample" in given:
            body = _recorded(given["sample"])
            stdout = body if isinstance(body, str) else json.dumps(body)
        elif "items" in given:
            items = [_recorded(name) for name in given["items"]]
            stdout = json.dumps({"kind": "PodList", "items": items})
        return Transcript(
            fact=self.fact,
            subject="railiance01",
            host="railiance01",
            command="as the fact says",
            started=datetime(2026, 11, 24, tzinfo=UTC),
            seconds=0.1,
            exit_status=given["exit_status"],
            stdout=_bytes(stdout),
            stderr=_bytes(given.get("stderr", "")),
            sent=_time(given.get("sent")),
            received=_time(given.get("received")),
            details=given.get("details", {}),
        )


def load() -> list[Case]:
    """Every data file; raises ValueError for one that is not written as said above."""
    return [_read(path) for path in sorted(HERE.glob("*/*.yaml"))]


def read(fact: str, name: str) -> Case:
    """One data file; raises as `load` does."""
    return _read(HERE / fact / f"{name}.yaml")


def _read(path: Path) -> Case:
    given = yaml.safe_load(path.read_text())
    unknown = given.keys() - _KEYS
    if unknown or given.get("system") not in SYSTEMS or "exit_status" not in given:
        raise ValueError(f"{path}: unknown {sorted(unknown)}, or no system or exit_status")
    if ("expected" in given) == ("refused" in given):
        raise ValueError(f"{path}: either expected or refused must be given")
    return Case(path.parent.name, path.stem, given)


def differs(expected: Any, found: Any, where: str = "it") -> str | None:
    """Where `found` is not what the data file says, in one sentence; None where it is."""
    if is_dataclass(found) and isinstance(expected, dict) and expected:
        pairs = [
            (f"{where}.{name}", value, getattr(found, name)) for name, value in expected.items()
        ]
    elif (
        isinstance(found, Mapping)
        and isinstance(expected, dict)
        and found.keys() == expected.keys()
    ):
        pairs = [(f"{where}[{key}]", value, found[key]) for key, value in expected.items()]
    elif isinstance(found, tuple) and isinstance(expected, list) and len(found) == len(expected):
        pairs = [(f"{where}[{i}]", expected[i], found[i]) for i in range(len(found))]
    else:
        plain = _plain(found)
        return (
            None
            if (expected, type(expected)) == (plain, type(plain))
            else (f"{where} is {plain!r}, not {expected!r}")
        )
    return next((text for path, e, f in pairs if (text := differs(e, f, path))), None)


def _plain(found: Any) -> Any:
    if isinstance(found, frozenset):
        return sorted(found)
    if isinstance(found, datetime):
        return found.isoformat()
    if isinstance(found, bytes):
        try:
            return found.decode()
        except UnicodeDecodeError:
            return found
    return found


def _recorded(name: str) -> Any:
    recorded = json.loads((SAMPLES / name).read_text())
    return recorded.get("body", recorded)


def _bytes(given: str | bytes) -> bytes:
    return given if isinstance(given, bytes) else given.encode()


def _time(given: str | None) -> datetime | None:
    return datetime.fromisoformat(given) if given else None
