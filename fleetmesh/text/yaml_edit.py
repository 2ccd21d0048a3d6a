"""Exchanges one value in a text of YAML; every other character stays, byte for byte."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fleetmesh.text import yaml12
from fleetmesh.text.yaml12 import Malformed, Node

Place = tuple[str, ...]
"""The keys that lead to a value."""
Span = tuple[int, int]
"""Where something begins and ends in a text."""

_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
_HEADER = re.compile(rf"{_PROPERTIES.pattern}[|>][-+0-9]*")
"""What a block of text begins with; a comment may stand behind it."""
_COMMENT = re.compile(r"[&!][^\s,\[\]{}]*|#[^\n\r\x85\u2028\u2029]*")
"""A comment, or an anchor or tag, in which a `#` is none."""
# Three dots make no number and no date of it, whichever YAML reads it.
_PLAIN = re.compile(r"(?:[A-Za-z_/]|(?:~|\.\.?)/|\d+\.\d+\.\d+\.)[\w./~@+=-]*", re.ASCII)
_WORDS_OF_YAML_1_1 = {"yes", "no", "on", "off", "y", "n"}
"""Text for YAML 1.2, and so for the suite; a reader who knows 1.1 takes them for true and false."""


def written(value: Any) -> str:
    """Plain data as YAML on one line, in quotes where a word could mean something else."""
    match value:
        case dict():
            members = (f"{written(key)}: {written(held)}" for key, held in value.items())
            return f"{{{', '.join(members)}}}"
        case list():
            return f"[{', '.join(map(written, value))}]"
        case str() if _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_YAML_1_1:
            if yaml12.of_word(value) == value:
                return value
    seen = isinstance(value, str) and value.isprintable()
    return json.dumps(value, ensure_ascii=not seen)


def same(one: Any, other: Any) -> bool:
    """Whether two values are one; true is not 1, and the order of keys is free."""
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
        case list(), list():
            return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


@dataclass(frozen=True)
class _Change:
    at: Span
    new: str


class Outline:
    """A text of YAML, and where its values and comments stand. Raises Malformed if it is none."""

    def __init__(self, text: str, bounds: yaml12.Bounds = yaml12.FOREIGN) -> None:
        self.text = text
        self.root = yaml12.compose(text, bounds) or Node(1)

    def find(self, place: Place) -> tuple[Node, Node] | None:
        """Key and value at a place, if it exists."""
        found = self.root, self.root
        for step in place:
            inside = found[1].value if isinstance(found[1].value, tuple) else ()
            members = [member for member in inside if str(member[0].value) == step]
            if not members:
                return None
            found = members[0]
        return found

    def value(self, place: Place) -> Any:
        """The value at a place, as plain data; None if there is none."""
        found = self.find(place)
        return found[1].plain if found else None

    def beside(self, place: Place) -> list[Place]:
        """Each place whose key stands on the same line, itself included."""
        found = self.find(place)
        line = found[0].line if found else None
        return [each for each, key in _keys(self.root, ()) if key.line == line]

    def line(self, at: int) -> Span:
        """The line that has the character `at`, without its break."""
        found = _BREAK.search(self.text, at)
        return self._starts[self.number(at) - 1], found.start() if found else len(self.text)

    def number(self, at: int) -> int:
        """The number of the line that has the character `at`, from 1."""
        return bisect_right(self._starts, at)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(each.end() for each in _BREAK.finditer(self.text))]

    @cached_property
    def comments(self) -> list[Span]:
        """Each comment, from its `#` to the end of its line."""
        found: list[Span] = []
        at = 0
        for start, end in (*self._leaves(self.root), (len(self.text), 0)):
            between = _COMMENT.finditer(self.text, at, start)
            found += [each.span() for each in between if each[0].startswith("#")]
            at = end
        return found

    def comment(self, place: Place) -> Span | None:
        """The comment that ends the line on which a place's key stands."""
        found = self.find(place)
        if found is None:
            return None
        start, end = found[0].start, self.line(found[0].start)[1]
        return next((each for each in self.comments if start < each[0] < end), None)

    def put(self, place: Place, value: Any, after: str | None = None) -> str:
        """The text with another value at a place; a new key stands behind `after`, or last.

        Raises Malformed where more than this value would have to change.
        """
        self.own(place)
        found, entry = self.find(place), self.find(place[:-1])
        if entry is None or not isinstance(entry[1].value, tuple):
            raise Malformed("has no section to stand in; write it", self.root.line)
        if found:
            changes = list(self._changes(found[1], value))
        else:
            changes = [self._inserted(entry[1], {place[-1]: value}, after)]
        text = self.text
        for change in sorted(changes, key=lambda each: each.at, reverse=True):
            text = text[: change.at[0]] + change.new + text[change.at[1] :]
        return text

    def own(self, place: Place) -> None:
        """Raise Malformed if what stands at a place is written elsewhere."""
        for steps in range(1, len(place)):
            found = self.find(place[:steps])
            if found and found[1].alias:
                name = self.text[found[1].start : found[1].end]
                raise Malformed(f"repeats another value by {name}; write it out", found[1].line)

    def _changes(self, node: Node, value: Any) -> Iterator[_Change]:
        """What is to be changed: as little of a mapping as possible, else the value whole."""
        if same(node.plain, value):
            return
        if isinstance(node.value, tuple) and not node.alias and isinstance(value, dict):
            has = {str(key.value): inner for key, inner in node.value}
            if has and has.keys() <= value.keys():
                for name, inner in has.items():
                    yield from self._changes(inner, value[name])
                if new := {name: value[name] for name in value if name not in has}:
                    yield self._inserted(node, new, None)
                return
        properties = _PROPERTIES.match(self.text, node.start, node.end)
        start = properties.end() if properties else node.start
        if any(start <= each[0] < node.end for each in self.comments):
            why = "holds comments, which would be lost; write them above it"
            raise Malformed(why, node.line)
        # Behind a colon there is a blank; a list may stand as far left as its key, its value not.
        block = isinstance(node.value, list) and not node.flow and not node.alias
        blank = "  " if block else " " if start == node.end else ""
        yield _Change((start, node.end), blank + written(value))

    def _inserted(self, entry: Node, new: Mapping[str, Any], after: str | None) -> _Change:
        """New members of a mapping, each on a line of its own if the others are."""
        members = entry.value if isinstance(entry.value, tuple) else ()
        texts = [f"{written(name)}: {written(value)}" for name, value in new.items()]
        if not members:
            return _Change((entry.end - 1, entry.end - 1), ", ".join(texts))
        last = next((v for key, v in members if key.value == after), members[-1][1])
        if entry.flow:
            return _Change((last.end, last.end), "".join(f", {text}" for text in texts))
        first = members[0][0].start
        broken = _BREAK.search(self.text)
        lead = (broken[0] if broken else "\n") + " " * (first - self.line(first)[0])
        end = self.line(last.end)[1]
        return _Change((end, end), "".join(lead + text for text in texts))

    def _leaves(self, node: Node) -> Iterator[Span]:
        """Where words and texts stand, in which a `#` begins no comment."""
        match None if node.alias else node.value:
            case tuple(members):
                for key, value in members:
                    yield from self._leaves(key)
                    yield from self._leaves(value)
            case list(items):
                for item in items:
                    yield from self._leaves(item)
            case _:
                header = _HEADER.match(self.text, node.start, node.end)
                yield self.line(header.end())[1] if header else node.start, node.end


def _keys(node: Node, place: Place) -> Iterator[tuple[Place, Node]]:
    if isinstance(node.value, tuple) and not node.alias:
        for key, value in node.value:
            inner = (*place, str(key.value))
            yield inner, key
            yield from _keys(value, inner)
