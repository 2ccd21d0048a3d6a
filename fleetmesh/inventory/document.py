"""A YAML file with the line of every value, so that a problem can be pointed at."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an inventory, and what to write instead."""

    file: Path
    location: Location
    line: int | None
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        path = ".".join(str(step) for step in self.location)
        return f"{place}: {path}: {self.message}" if path else f"{place}: {self.message}"


class InventoryError(Exception):
    """The inventory cannot be used; carries every problem that was found, not only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Document:
    """The plain data of a YAML file, the line of each value, and keys that stand twice."""

    file: Path
    data: dict[str, Any]
    lines: dict[Location, int]
    repeated: tuple[Location, ...]

    def problem(self, location: Location, message: str) -> Problem:
        """A problem at `location`, or at its nearest parent that stands in the file."""
        known = location
        while known and known not in self.lines:
            known = known[:-1]
        return Problem(self.file, location, self.lines.get(known), message)


def read(file: Path) -> Document:
    """Read `file`; raises InventoryError where there is no YAML mapping to work with."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InventoryError([Problem(file, (), None, "no such file; see fleets/")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InventoryError([Problem(file, (), None, f"cannot be read: {error}")]) from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        cause = getattr(error, "problem", None) or str(error)
        raise InventoryError([Problem(file, (), line, f"is not valid YAML: {cause}")]) from None
    if not isinstance(data, dict) or not isinstance(root, yaml.MappingNode):
        raise InventoryError(
            [Problem(file, (), None, "must be a mapping that starts with `name:`; see fleets/")]
        )
    lines: dict[Location, int] = {}
    repeated: list[Location] = []
    _walk(root, (), lines, repeated)
    return Document(file, data, lines, tuple(repeated))


def _walk(
    node: yaml.Node, location: Location, lines: dict[Location, int], repeated: list[Location]
) -> None:
    lines.setdefault(location, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            inner = (*location, str(key.value))
            if inner[-1] in seen:
                repeated.append(inner)
            seen.add(str(key.value))
            lines[inner] = key.start_mark.line + 1
            _walk(value, inner, lines, repeated)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*location, index), lines, repeated)
