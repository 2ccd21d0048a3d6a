"""The lines of history.jsonl: a run says only what is otherwise than in an earlier one.

Most runs see what the one before saw. So 5000 of them are a few megabytes instead of a hundred, and
the checks that are alike are in memory once.
"""

import json
from dataclasses import asdict, fields
from typing import Any

from pydantic import TypeAdapter

from fleetmesh.evidence.entry import CheckSeen, Entry
from fleetmesh.evidence.files import json_object
from fleetmesh.gather import plain

_ENTRY = TypeAdapter(Entry)
_CHECKS = TypeAdapter(tuple[CheckSeen, ...])
_LEFT_OUT = {"open", "checks"}
_HEAD = [field.name for field in fields(Entry) if field.name not in _LEFT_OUT]


class Lines:
    """Reads lines and writes new ones, in the order of the file; `entries` has each run's last."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self._last: dict[tuple[object, ...], Entry] = {}

    def read(self, line: bytes) -> None:
        """Take one in. Raises ValueError, LookupError, TypeError or AttributeError."""
        given = json_object(line)
        checks = _CHECKS.validate_python(given["checks"])
        if "as" in given:
            base = self.entries[given["as"]].checks
            otherwise = {seen.check: seen for seen in checks}
            if not otherwise.keys() <= {seen.check for seen in base}:
                raise ValueError("a check that the other run has not")
            checks = tuple(otherwise.get(seen.check, seen) for seen in base)
        self._keep(
            _ENTRY.validate_python(
                {
                    **{name: given[name] for name in _HEAD},
                    "started": plain.moment(given["started"]),
                    "finished": plain.moment(given["finished"]) if given["finished"] else None,
                    "checks": checks,
                }
            )
        )

    def written(self, entry: Entry) -> bytes:
        """The line of `entry`, which comes next."""
        told: dict[str, Any] = {name: getattr(entry, name) for name in _HEAD}
        told["started"] = plain.rfc3339(entry.started)
        told["finished"] = plain.rfc3339(entry.finished) if entry.finished else None
        base = self._last.get(_alike(entry))
        otherwise = _otherwise(base, entry) if base else None
        if base and otherwise is not None:
            told["as"] = base.run
        else:
            otherwise = entry.checks
        told["checks"] = [asdict(seen) for seen in otherwise]
        self._keep(entry)
        return json.dumps(told, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"

    def _keep(self, entry: Entry) -> None:
        self.entries[entry.run] = self._last[_alike(entry)] = entry


def _alike(entry: Entry) -> tuple[object, ...]:
    """Whose runs build on each other. A month stands for itself, so it can be taken away."""
    month = (entry.started.year, entry.started.month)
    return (entry.fleet, entry.kind, entry.phases, *month)


def _otherwise(base: Entry, entry: Entry) -> tuple[CheckSeen, ...] | None:
    """What differs; None where the two have not the same checks, each once."""
    names = [seen.check for seen in entry.checks]
    if [seen.check for seen in base.checks] != names or len(set(names)) != len(names):
        return None
    pairs = zip(base.checks, entry.checks, strict=True)
    return tuple(seen for earlier, seen in pairs if seen != earlier)
