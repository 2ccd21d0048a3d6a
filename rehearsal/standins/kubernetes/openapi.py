"""Which fields an object may have, and the part of OpenAPI v3 by which kubectl knows that we check.

kubectl leaves validation to a server whose PATCH takes `fieldValidation`. Schemas there are none,
so `kubectl explain` has nothing to tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import resources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .status import Object

_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string"}}
    for name in ("dryRun", "fieldManager", "fieldValidation", "force")
]


def document(path: str) -> Object | None:
    """The document at /openapi/v3 or below it; None elsewhere."""
    places = {
        f"apis/{group}/{version}" if group else f"api/{version}": group
        for group, version in resources.GROUPS.items()
    }
    if not path.startswith("/openapi/v3"):
        return None
    place = path.removeprefix("/openapi/v3").strip("/")
    if not place:
        return {"paths": {p: {"serverRelativeURL": f"/openapi/v3/{p}"} for p in places}}
    if place not in places:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "stand-in"},
        "paths": dict(_paths(place, places[place])),
    }


def _paths(place: str, group: str) -> Iterator[tuple[str, Object]]:
    for each in resources.RESOURCES:
        if each.group == group:
            kind = {"group": each.group, "version": each.version, "kind": each.kind}
            verb = {"parameters": _PARAMETERS, "x-kubernetes-group-version-kind": kind}
            where = "namespaces/{namespace}/" if each.namespaced else ""
            yield f"/{place}/{where}{each.name}/{{name}}", {"patch": {**verb, "responses": {}}}


def prune(
    model: str, value: Any, fields: Mapping[str, Mapping[str, str]], path: str = ""
) -> list[str]:
    """Take unknown fields out of an object; their paths."""
    if isinstance(value, list):
        items = (prune(model, item, fields, f"{path}[{i}]") for i, item in enumerate(value))
        return [gone for found in items for gone in found]
    if model not in fields or not isinstance(value, dict):
        return []
    lost = []
    for key in list(value):
        at = f"{path}.{key}".lstrip(".")
        if key in fields[model]:
            lost += prune(fields[model][key], value[key], fields, at)
        else:
            del value[key]
            lost.append(at)
    return lost
