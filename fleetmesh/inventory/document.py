"""A YAML file with the line of every value, so that a problem can be pointed at."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleetmesh.text import regular_file, yaml12
from fleetmesh.text.legible import brief, cut, legible

Location = tuple[str | int, ...]

BOUNDS = yaml12.Bounds(1024 * 1024, 100_000)
"""A hundred hosts and a thousand tunnels need four fifths of it; reading that takes seconds."""

_LONGEST = 1000
"""Characters of a problem's message."""
_MOST = 100
"""Problems that are told; whoever mends them is told the others."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an inventory, and what to write instead."""

    file: Path
    location: Location
    line: int | None
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        path = brief(".".join(str(step) for step in self.location))
        text = f"{place}: {path}: {self.message}" if path else f"{place}: {self.message}"
        return legible(text.replace("\n", " "))


class InventoryError(Exception):
    """The inventory cannot be used; carries every problem that was found, not only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        told = [str(problem) for problem in problems[:_MOST]]
        if more := len(problems) - len(told):
            told.append(f"{legible(str(problems[0].file))}: and {more} more problems")
        super().__init__("\n".join(told))
        self.problems = problems


@dataclass(frozen=True)
class Document:
    """The plain data of a YAML file, the line of each value, and what no file should hold."""

    file: Path
    digest: str
    data: dict[str, Any]
    lines: dict[tuple[str, ...], int] = field(default_factory=dict)
    repeated: list[Location] = field(default_factory=list)
    unprintable: list[Location] = field(default_factory=list)

    def problem(self, location: Location, message: str) -> Problem:
        """A problem at `location`, or at its nearest parent that stands in the file."""
        known = tuple(str(step) for step in location)
        while known and known not in self.lines:
            known = known[:-1]
        return Problem(self.file, location, self.lines.get(known), cut(message, _LONGEST))


def read(file: Path, text: str | None = None) -> Document:
    """Read `file`, or `text` as if it stood there.

    Raises InventoryError where there is no YAML mapping to work with.
    """

    def refused(message: str, line: int | None = None, at: Location = ()) -> InventoryError:
        return InventoryError([Problem(file, at, line, message)])

    try:
        content = regular_file.read(file, BOUNDS.longest) if text is None else text.encode()
        text = content.decode("utf-8")
    except FileNotFoundError:
        raise refused("no such file; see fleets/") from None
    except OSError as error:
        why = error.strerror or "unreadable"
        raise refused(f"cannot be read: {why}; write the path of an inventory") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refused(f"cannot be read: {error}; write it in UTF-8", line) from None
    except ValueError as error:  # a NUL in the path
        raise refused(f"cannot be read: {error}; write the path of an inventory") from None
    try:
        root = yaml12.compose(text, BOUNDS)
    except yaml12.Malformed as malformed:
        raise refused(str(malformed), malformed.line, malformed.path) from None
    if root is None or not isinstance(root.value, tuple):
        raise refused("must be a mapping that starts with `name:`; see fleets/")
    document = Document(file, hashlib.sha256(content).hexdigest(), root.plain)
    _walk(root, (), document)
    return document


def _walk(node: yaml12.Node, location: Location, document: Document) -> None:
    document.lines.setdefault(tuple(map(str, location)), node.line)
    match node.value:
        case tuple():
            seen: set[str] = set()
            for key, value in node.value:
                name = str(key.value)
                inner = (*location, name)
                if name in seen:
                    document.repeated.append(inner)
                seen.add(name)
                document.lines[tuple(map(str, inner))] = key.line
                if not name.isprintable():
                    document.unprintable.append(inner)
                _walk(value, inner, document)
        case list():
            for index, value in enumerate(node.value):
                _walk(value, (*location, index), document)
        case str() if not re.sub(r"[\t\n]", "", node.value).isprintable():
            document.unprintable.append(location)
