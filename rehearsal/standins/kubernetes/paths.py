"""A request's path and method, read as Kubernetes does: a verb on a resource."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ITEM_VERBS = {
    "GET": "get",
    "HEAD": "get",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_COLLECTION_VERBS = {**_ITEM_VERBS, "GET": "list", "DELETE": "deletecollection"}
_OF_NAMESPACE = ("status", "finalize")  # what follows a namespace's name without being a resource


@dataclass(frozen=True)
class Attributes:
    """What a request wants: a verb on a resource (`resource` empty: a path such as /version)."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


def attributes(method: str, path: str, query: Mapping[str, str]) -> tuple[Attributes, str]:
    """What the request wants, and the API version; `resource` is empty for other paths."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"]:
        parts = ["apis", "", *parts[1:]]
    if parts[:1] != ["apis"] or len(parts) < 4:
        return Attributes(method.lower()), ""
    _, group, version, *rest = parts
    namespace = ""
    if rest[0] == "namespaces" and len(rest) >= 2:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _OF_NAMESPACE:
            rest = rest[2:]
    resource, name, subresource = (*rest, "", "")[:3]
    verb = (_ITEM_VERBS if name else _COLLECTION_VERBS).get(method, method.lower())
    if verb == "list" and query.get("watch", "").lower() in ("true", "1"):
        verb = "watch"
    return Attributes(verb, group, resource, subresource, namespace, name), version
