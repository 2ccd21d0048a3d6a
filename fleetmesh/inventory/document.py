"""A YAML file with the line of every value, so that a problem can be pointed at."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Location = tuple[str | int, ...]

_SURPRISING = {"tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"}


class _Loader(yaml.SafeLoader):
    """Reads `on`, `no` and `2026-07-03` as the text they are; only true and false are booleans."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _SURPRISING]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), ["t", "f"])


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
        return Problem(self.file, location, self.lines.get(known), message)


def read(file: Path) -> Document:
    """Read `file`; raises InventoryError where there is no YAML mapping to work with."""
    try:
        content = file.read_bytes()
        text = content.decode("utf-8")
    except FileNotFoundError:
        raise InventoryError([Problem(file, (), None, "no such file; see fleets/")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InventoryError([Problem(file, (), None, f"cannot be read: {error}")]) from None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        data = loader.construct_document(root) if root else None
    except RecursionError:
        raise InventoryError([Problem(file, (), None, "is nested too deeply")]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        cause = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise InventoryError([Problem(file, (), line, f"is not valid YAML: {cause}")]) from None
    if not isinstance(data, dict) or not isinstance(root, yaml.MappingNode):
        raise InventoryError(
            [Problem(file, (), None, "must be a mapping that starts with `name:`; see fleets/")]
        )
    document = Document(file, hashlib.sha256(content).hexdigest(), data)
    _walk(root, (), document, {})
    return document


def _walk(node: yaml.Node, location: Location, document: Document, walked: dict[int, bool]) -> None:
    document.lines.setdefault(tuple(map(str, location)), node.start_mark.line + 1)
    if id(node) in walked:  # an alias; what it stands for has been looked at, or holds the alias
        if not walked[id(node)]:
            raise InventoryError([document.problem(location, "contains itself; write it out")])
        return
    walked[id(node)] = False
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            inner = (*location, str(key.value))
            if inner[-1] in seen:
                document.repeated.append(inner)
            seen.add(str(key.value))
            document.lines[tuple(map(str, inner))] = key.start_mark.line + 1
            _walk(value, inner, document, walked)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*location, index), document, walked)
    elif not re.sub(r"[\t\n]", "", node.value).isprintable():
        document.unprintable.append(location)
    walked[id(node)] = True
