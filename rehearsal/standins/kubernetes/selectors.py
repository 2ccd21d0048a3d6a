"""Label and field selectors, as the `labelSelector` and `fieldSelector` parameters have them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .status import Object

    Labels = Mapping[str, str]
    Predicate = Callable[[Labels], bool]

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_./-]*[A-Za-z0-9])?"
_SET = re.compile(rf"\s*(?P<name>{_NAME})\s+(?P<word>in|notin)\s*\((?P<values>[^()]*)\)\s*")
_EQUALITY = re.compile(rf"\s*(?P<name>{_NAME})\s*(?P<sign>==|!=|=)\s*(?P<value>[\w.-]*)\s*")
_EXISTS = re.compile(rf"\s*(?P<absent>!?)\s*(?P<name>{_NAME})\s*")
_FIELDS = (
    *("metadata.name", "metadata.namespace", "spec.nodeName", "status.phase", "type", "reason"),
    *("involvedObject.kind", "involvedObject.name", "involvedObject.namespace"),
    "involvedObject.uid",
)


def labels(text: str) -> Predicate:
    """Parse a label selector into a predicate on labels; raises ApiError 400."""
    wanted: list[Predicate] = []
    position = 0
    while position < len(text):
        if position and text[position - 1] != ",":
            raise status.bad_request(f"found '{text[position]}', expected: ',' or 'end of string'")
        predicate, position = _requirement(text, position)
        wanted.append(predicate)
        position += text[position : position + 1] == ","
    return lambda labels: all(predicate(labels) for predicate in wanted)


def matching(selector: Labels) -> Predicate:
    """The predicate of a Service's selector."""
    return lambda labels: all(labels.get(name) == value for name, value in selector.items())


def text(selector: Object) -> str:
    """A LabelSelector of a Deployment or Job as `labels` reads it; raises KeyError."""
    terms = [f"{key}={value}" for key, value in sorted(selector.get("matchLabels", {}).items())]
    for each in selector.get("matchExpressions", []):
        key, values = each["key"], ",".join(each.get("values", []))
        in_words = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})"}
        terms.append((in_words | {"Exists": key, "DoesNotExist": f"!{key}"})[each["operator"]])
    return ",".join(terms)


def fields(text: str) -> Callable[[Object], bool]:
    """Parse a field selector into a predicate on objects; raises ApiError 400."""
    wanted: list[tuple[str, bool, str]] = []
    for part in filter(None, text.split(",")):
        match = re.fullmatch(r"([\w.]+)(==|!=|=)(.*)", part)
        if match is None:
            raise status.bad_request(f'invalid selector: "{part}"; can\'t understand "{part}"')
        if match[1] not in _FIELDS:
            raise status.bad_request(f'field label not supported: "{match[1]}"')
        wanted.append((match[1], match[2] != "!=", match[3]))
    return lambda obj: all((_field(obj, path) == value) is same for path, same, value in wanted)


def _requirement(text: str, position: int) -> tuple[Predicate, int]:
    if match := _SET.match(text, position):
        values = {value.strip() for value in match["values"].split(",")}
        return _membership(match["name"], values, match["word"] == "in"), match.end()
    if match := _EQUALITY.match(text, position):
        return _membership(match["name"], {match["value"]}, match["sign"] != "!="), match.end()
    if match := _EXISTS.match(text, position):
        name, present = match["name"], not match["absent"]
        return (lambda labels: (name in labels) is present), match.end()
    raise status.bad_request(f"unable to parse requirement: found '{text[position:]}'")


def _membership(name: str, values: set[str], inside: bool) -> Predicate:
    return lambda labels: (labels.get(name) in values) is inside


def _field(obj: Object, path: str) -> str:
    value: Any = obj
    for step in path.split("."):
        value = value.get(step, {})
    return value if isinstance(value, str) else ""
