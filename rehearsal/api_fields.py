"""The fields of the API's objects, as the official client has them: what a server checks bodies by.

The client is not installed on the machines, so the stand-in is told.
"""

from __future__ import annotations

import re
from typing import Any

from kubernetes import client

from rehearsal.standins.kubernetes.resources import RESOURCES

_ITEM = re.compile(r"List\[(.*)\]")


def known() -> dict[str, dict[str, str]]:
    """The fields of each model, and the model of each field, empty where it is free or a value.

    A resource's model is found by its kind.
    """
    found: dict[str, dict[str, str]] = {}
    todo = [(each.kind, _model(each.kind)) for each in RESOURCES]
    while todo:
        name, model = todo.pop()
        if name not in found and model is not None:
            kinds = {model.attribute_map[key]: of for key, of in model.openapi_types.items()}
            inner = {field: _ITEM.sub(r"\1", of) for field, of in kinds.items()}
            models = {field: getattr(client, of, None) for field, of in inner.items()}
            found[name] = {
                field: of if hasattr(models[field], "openapi_types") else ""
                for field, of in inner.items()
            }
            todo += [(of, models[field]) for field, of in inner.items() if found[name][field]]
    return found


def _model(kind: str) -> Any:
    return getattr(client, f"V1{kind}", None) or getattr(client, f"CoreV1{kind}", None)
