"""The few bodies that kubectl sends as protobuf, whatever else a server would take.

Fields and their numbers are those of `generated.proto` in k8s.io/api.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .status import Object

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"
# Of each message the fields by their numbers: a name, and what it holds where that is no text.
_MESSAGES: dict[str, dict[int, tuple[str, str]]] = {
    "Unknown": {1: ("type", "TypeMeta"), 2: ("raw", "bytes")},
    "TypeMeta": {1: ("apiVersion", ""), 2: ("kind", "")},
    "Namespace": {1: ("metadata", "ObjectMeta")},
    "ObjectMeta": {1: ("name", "")},
    "SelfSubjectAccessReview": {2: ("spec", "SelfSubjectAccessReviewSpec")},
    "SelfSubjectAccessReviewSpec": {
        1: ("resourceAttributes", "ResourceAttributes"),
        2: ("nonResourceAttributes", "NonResourceAttributes"),
    },
    "ResourceAttributes": {
        number: (name, "")
        for number, name in enumerate(
            ("namespace", "verb", "group", "version", "resource", "subresource", "name"), 1
        )
    },
    "NonResourceAttributes": {1: ("path", ""), 2: ("verb", "")},
    "SelfSubjectRulesReview": {2: ("spec", "SelfSubjectRulesReviewSpec")},
    "SelfSubjectRulesReviewSpec": {1: ("namespace", "")},
    "TokenRequest": {2: ("spec", "TokenRequestSpec")},
    "TokenRequestSpec": {4: ("expirationSeconds", "number")},
}


def decode(content: bytes) -> Object:
    """The object of a body; raises ValueError for what is malformed or of another kind."""
    if not content.startswith(_MAGIC):
        raise ValueError("no k8s envelope")
    envelope = _message("Unknown", content[len(_MAGIC) :])
    kind = envelope["type"]["kind"]
    if kind not in _MESSAGES:
        raise ValueError(f"a {kind} as protobuf is not understood here")
    return {**envelope["type"], **_message(kind, envelope.get("raw", b""))}


def _message(name: str, content: bytes) -> Object:
    found: Object = {}
    for number, value in _fields(content):
        field, holds = _MESSAGES[name].get(number, ("", ""))
        if field and isinstance(value, bytes):
            inner = _message(holds, value) if holds in _MESSAGES else value
            found[field] = inner if holds else value.decode()
        elif field:
            found[field] = value
    return found


def _fields(content: bytes) -> Iterator[tuple[int, bytes | int]]:
    position = 0
    while position < len(content):
        key, position = _number(content, position)
        value, position = _number(content, position)
        if key & 7 == 0:
            yield key >> 3, value
        elif key & 7 == 2:
            yield key >> 3, content[position : position + value]
            position += value
        else:
            raise ValueError(f"wire type {key & 7}")


def _number(content: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
