"""The patch formats of the API: merge, strategic merge and JSON patch."""

from __future__ import annotations

import copy
from typing import Any

from . import status

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON = "application/json-patch+json"


def patched(obj: Any, patch: Any, content_type: str) -> Any:
    """A patched copy of `obj`; raises ApiError (unknown format, or a patch that does not fit)."""
    if content_type == JSON:
        return _json(copy.deepcopy(obj), patch)
    if content_type in (MERGE, STRATEGIC):
        return _merge(obj, patch, by_name=content_type == STRATEGIC)
    known = ", ".join((JSON, MERGE, STRATEGIC))
    message = f"the body of the request was in an unknown format - accepted media types: {known}"
    raise status.failure(415, "UnsupportedMediaType", message, {})


def _merge(old: Any, new: Any, *, by_name: bool) -> Any:
    """RFC 7386; with `by_name`, lists of named items (containers, env, ports) merge item by item.

    Strategic merging has merge keys other than `name`; no object here needs them.
    """
    if isinstance(new, dict):
        result = dict(old) if isinstance(old, dict) else {}
        if by_name and "$retainKeys" in new:
            result = {key: result[key] for key in new["$retainKeys"] if key in result}
        for key, value in new.items():
            if by_name and key.startswith("$"):
                continue  # a directive; the order of items is as it comes
            if value is None:
                result.pop(key, None)
            else:
                result[key] = _merge(result.get(key), value, by_name=by_name)
        return result
    if by_name and _named(old) and _named(new):
        items = {item["name"]: item for item in old}
        for item in new:
            if item.get("$patch") == "delete":
                items.pop(item["name"], None)
            else:
                items[item["name"]] = _merge(items.get(item["name"]), item, by_name=True)
        return list(items.values())
    return copy.deepcopy(new)


def _named(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, dict) and "name" in v for v in value)


def _json(document: Any, operations: Any) -> Any:
    """RFC 6902's add, replace, remove and test."""
    try:
        for operation in operations:
            steps = [
                step.replace("~1", "/").replace("~0", "~")
                for step in operation["path"].split("/")[1:]
            ]
            parent = document
            for step in steps[:-1]:
                parent = parent[int(step)] if isinstance(parent, list) else parent[step]
            _operate(operation, parent, steps[-1])
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise status.failure(422, "Invalid", f"the patch does not fit: {error!r}", {}) from error
    return document


def _operate(operation: dict[str, Any], parent: Any, last: str) -> None:
    verb = operation["op"]
    if isinstance(parent, list) and verb == "add":
        parent.insert(len(parent) if last == "-" else int(last), operation["value"])
        return
    where: Any = int(last) if isinstance(parent, list) else last
    if verb == "add":
        parent[where] = operation["value"]
        return
    present = parent[where]  # the other operations need it
    if verb == "replace":
        parent[where] = operation["value"]
    elif verb == "remove":
        del parent[where]
    elif verb != "test":
        raise ValueError(f"operation {verb!r} is not supported")
    elif present != operation["value"]:
        raise ValueError(f"test of {operation['path']} failed")
