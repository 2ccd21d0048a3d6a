"""The marks that stand in place of secrets, and how to find them again."""

import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any

MARK = re.compile(rb"\[REDACTED:([a-z0-9-]+)\]")
FLOOD = "flood"
"""The rule that replaces a text with too many secrets to look at each."""
OVER_LINES = frozenset({"private-key", FLOOD})
"""Rules whose mark may stand for several lines, so that entries may be missing next to it."""


def mark(rule: str) -> bytes:
    """The mark that is written in place of a secret found by `rule`."""
    return b"[REDACTED:%s]" % rule.encode()


def marks(value: object) -> tuple[str, ...]:
    """The rules whose marks are in `value`, at any depth: in data, dataclasses, text or bytes."""
    found: dict[str, None] = {}
    todo: list[Any] = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, str):
            one = one.encode("utf-8", "replace")
        if isinstance(one, bytes):
            found.update(dict.fromkeys(rule.decode() for rule in MARK.findall(one)))
        elif is_dataclass(one):
            todo += (getattr(one, field.name) for field in fields(one))
        elif isinstance(one, dict):
            todo += (*one, *one.values())
        elif isinstance(one, Iterable):
            todo += one
    return tuple(sorted(found))
