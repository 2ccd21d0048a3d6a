"""Reads foreign YAML by the core schema of YAML 1.2, bounded, with the line of each value.

ruamel.yaml parses; what the words mean is decided here, by the tables of YAML 1.2.2, 10.3.2. So
`022` is 22, while `on`, `2:13`, `8_0_0_0` and `2026-07-03` are plain text.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from fleetmesh.text.legible import brief


@dataclass(frozen=True)
class Bounds:
    """What a document may hold."""

    longest: int
    """Characters."""
    values: int
    """Values, including those that an alias repeats."""


FOREIGN = Bounds(256 * 1024, 10_000)
"""Parsing this much takes less than a second, whatever it is."""
DEEPEST = 48
"""Levels of nested mappings and sequences."""
_DIGITS = 40
"""Characters of a number. Python refuses thousands of digits, and its message repeats them."""

_TAG = "tag:yaml.org,2002:"
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)

_COLON = re.compile(r"[ \t]*:")

# What ruamel.yaml raises; the last three where it trusts a number or a word that was given.
_FAILURES = (YAMLError, ArithmeticError, LookupError, ValueError)


class Malformed(ValueError):
    """What was read cannot be used: why, what to write instead, and where, if known.

    `path` holds the keys and indices that lead there.
    """

    def __init__(
        self, problem: str, line: int | None = None, path: tuple[str | int, ...] = ()
    ) -> None:
        super().__init__(problem)
        self.line = line
        self.path = path


@dataclass
class Node:
    """A value and the line on which it begins, from 1.

    `value` is None, a bool, int, float or str, or a list of Nodes, or pairs of them for a mapping.
    """

    line: int
    value: "bool | int | float | str | list[Node] | tuple[tuple[Node, Node], ...] | None" = None
    values: int = 1
    """How many values it holds, itself included, each alias written out."""
    levels: int = 0
    """How many levels of mappings and sequences lie below it, each alias written out."""
    start: int = 0
    """Where its text begins, with its anchor and tag."""
    end: int = 0
    """Where its text ends, without what is blank behind it."""
    flow: bool = False
    """Whether it stands in brackets or braces."""
    alias: bool = False
    """Whether it is written elsewhere, and repeated here."""

    @property
    def plain(self) -> Any:
        """The value as Python has it; if a key occurs twice, the last one counts."""
        match self.value:
            case list():
                return [node.plain for node in self.value]
            case tuple():
                return {key.value: node.plain for key, node in self.value}
            case _:
                return self.value


def load(text: str) -> Any:
    """The plain value of a document in which no key occurs twice. Raises Malformed."""
    root = compose(text)
    if root is None:
        return None
    _distinct(root)
    return root.plain


def compose(text: str, bounds: Bounds = FOREIGN) -> Node | None:
    """The root of the one document in `text`; None if there is none. Raises Malformed."""
    if len(text) > bounds.longest:
        raise Malformed(f"is longer than {bounds.longest // 1024} KiB; write less")
    composer = _Composer(text, bounds.values)
    try:
        return composer.document()
    except Malformed:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = f"is not valid YAML: {brief(error.problem or error.context or 'unreadable')}"
        raise Malformed(problem, mark.line + 1 if mark else None) from None
    except _FAILURES as error:
        at = getattr(error, "position", None)  # of a character that YAML does not allow
        line = composer.reached if at is None else text.count("\n", 0, at) + 1
        problem = f"is not valid YAML: {brief(str(error).partition(chr(10))[0])}"
        raise Malformed(problem, line) from None


class _Composer:
    def __init__(self, text: str, most: int) -> None:
        self._text = text
        self._most = most
        self._events = YAML(typ="safe", pure=True).parse(text)
        self._anchors: dict[str, Node | None] = {}
        self._path: list[str | int] = []
        self._seen = 0
        self.reached = 1

    def document(self) -> Node | None:
        root = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent) and root is not None:
                raise Malformed("found another document; delete it", _line(event))
            if not isinstance(event, _AROUND):
                root = self._node(event)
        return root

    def _node(self, event: Any) -> Node:
        node = Node(_line(event), start=event.start_mark.index, end=event.end_mark.index)
        self.reached = node.line
        self._seen += 1
        if isinstance(event, AliasEvent):
            return self._alias(str(event.anchor), node)
        self._dive(0)
        if event.anchor:
            self._anchors[event.anchor] = None
        try:
            if isinstance(event, ScalarEvent):
                node.value = _scalar(event)
                node.end = node.start + len(self._text[node.start : node.end].rstrip())
            elif isinstance(event, SequenceStartEvent):
                _untagged(event, "seq")
                node.value = self._items(node)
            else:
                _untagged(event, "map")
                node.value = self._members(node)
        except _Unusable as unusable:
            raise self._malformed(str(unusable)) from None
        self._count(node, 0)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _items(self, node: Node) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            self._path.append(len(items))
            items.append(self._node(event))
            self._count(node, items[-1].values)
            node.levels = max(node.levels, items[-1].levels + 1)
            self._path.pop()
        self._ends(node, event, items)
        return items

    def _members(self, node: Node) -> tuple[tuple[Node, Node], ...]:
        members: list[tuple[Node, Node]] = []
        while not isinstance(event := next(self._events), MappingEndEvent):
            key = self._node(event) if isinstance(event, _WORDLIKE) else None
            if key is None or isinstance(key.value, (list, tuple)):
                raise Malformed("has a key that is no word; write one", _line(event), self.path)
            self._path.append(str(key.value))
            if key.value == "<<":
                raise self._malformed("is a merge, which YAML 1.2 does not have; write it out")
            members.append((key, self._node(next(self._events))))
            self._count(node, key.values + members[-1][1].values)
            node.levels = max(node.levels, members[-1][1].levels + 1)
            self._path.pop()
            self._after(*members[-1])
        self._ends(node, event, [inner for member in members for inner in member])
        return tuple(members)

    def _after(self, key: Node, value: Node) -> None:
        """An empty value stands behind its key's colon; ruamel has it where the next one begins."""
        if value.start == value.end and (colon := _COLON.match(self._text, key.end)):
            value.start = value.end = colon.end()

    def _ends(self, node: Node, event: Event, inner: list[Node]) -> None:
        """Without brackets, a collection ends with the last of what it holds."""
        node.flow = event.end_mark.index > event.start_mark.index
        ends = [each.end for each in inner if each.end > each.start]
        node.end = event.end_mark.index if node.flow else max(ends, default=node.start)

    def _alias(self, name: str, at: Node) -> Node:
        if name not in self._anchors:
            raise self._malformed(f"found undefined alias {brief(name, 80)!r}; write it out")
        meant = self._anchors[name]
        if meant is None:
            raise self._malformed("contains itself; write it out")
        self._dive(meant.levels)
        return replace(at, value=meant.value, values=meant.values, levels=meant.levels, alias=True)

    def _dive(self, levels: int) -> None:
        if len(self._path) + levels > DEEPEST:
            raise self._malformed(f"is nested too deeply, {DEEPEST} levels; write it flat")

    def _count(self, node: Node, values: int) -> None:
        node.values += values
        if max(node.values, self._seen) > self._most:
            raise Malformed(f"holds more than {self._most} values; write less", self.reached)

    def _malformed(self, problem: str) -> Malformed:
        return Malformed(problem, self.reached, self.path)

    @property
    def path(self) -> tuple[str | int, ...]:
        """The keys and indices that lead to what is being read."""
        return tuple(self._path)


_AROUND = (StreamStartEvent, DocumentStartEvent, DocumentEndEvent, StreamEndEvent)
_WORDLIKE = (ScalarEvent, AliasEvent)


class _Unusable(Exception):
    """A value's text cannot be used."""


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1


def _untagged(event: Any, kind: str) -> None:
    tag = str(event.ctag or "!")
    if tag not in ("!", _TAG + kind):
        raise _Unusable(f"has the tag {_shown(tag)}; write it without")


def _scalar(event: ScalarEvent) -> Any:
    text, tag = str(event.value), str(event.ctag or "")
    if not tag and event.implicit[0]:
        return of_word(text)
    kind = tag.removeprefix(_TAG)
    if tag in ("", "!") or kind == "str":
        return text
    if tag == kind or kind not in ("null", "bool", "int", "float"):
        raise _Unusable(f"has the tag {_shown(tag)}; write it without")
    value = of_word(text)
    if kind == "float" and type(value) is int:
        return float(value)
    if {type(None): "null", bool: "bool", int: "int", float: "float"}.get(type(value)) != kind:
        raise _Unusable(f"{brief(text, 80)!r} is no {kind}; write it without !!{kind}")
    return value


def of_word(text: str) -> Any:
    """What a plain word means: text, or another value."""
    if text in _WORDS:
        return _WORDS[text]
    is_int = _INT.fullmatch(text)
    if not is_int and not _FLOAT.fullmatch(text):
        return text
    if len(text) > _DIGITS:
        raise _Unusable(f"is a number of {len(text)} characters; write a shorter one")
    if is_int:
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    return float(text.replace(".", "") if text[-1].isalpha() else text)


def _shown(tag: str) -> str:
    return brief(tag.replace(_TAG, "!!"), 80)


def _distinct(node: Node) -> None:
    if isinstance(node.value, list):
        for inner in node.value:
            _distinct(inner)
    elif isinstance(node.value, tuple):
        seen = set()
        for key, inner in node.value:
            if (name := str(key.value)) in seen:
                raise Malformed(f"{brief(name, 80)!r} occurs twice; delete one", key.line)
            seen.add(name)
            _distinct(inner)
