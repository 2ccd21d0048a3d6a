"""Whether an HTTP answer is the healthy one that the inventory expects, and if not, why."""

from collections.abc import Mapping
from typing import Any

from fleetmesh.facts.fact import Inconclusive
from fleetmesh.inventory import Health
from fleetmesh.inventory.values import compiled
from fleetmesh.text import strict_json
from fleetmesh.text.legible import brief

_SHOWN = 80
"""Bytes of a body that are repeated."""


def differs(body: bytes, headers: Mapping[str, str] | None, health: Health) -> str | None:
    """Where an answer lacks what `health` expects, in one sentence; None where nothing is missing.

    `headers` are by name, in lower case; None where the answer was not recorded with them, which
    raises Inconclusive if they matter.
    """
    if health.headers is not None and (wrong := _headers(headers, health.headers, health.path)):
        return wrong
    if health.json_ is not None and (wrong := _json(body, health.json_, health.path)):
        return wrong
    if health.text is health.contains is health.matches is None:
        return None
    try:
        said = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return f"{health.path} answered with text that is not UTF-8: {body[:_SHOWN]!r}"
    shown = brief(repr(said), _SHOWN)
    if health.text is not None and said.strip() != health.text.strip():
        return f"{health.path} answered {shown}, not {health.text!r}"
    if health.contains is not None and health.contains not in said:
        return f"{health.path} answered {shown}, without {health.contains!r}"
    if health.matches is not None and not compiled(health.matches).search(said):
        return f"{health.path} answered {shown}, which {health.matches!r} does not match"
    return None


def _headers(found: Mapping[str, str] | None, wanted: Mapping[str, str], path: str) -> str | None:
    if found is None:
        raise Inconclusive(f"the headers of the answer to {path} are not known")
    for name, value in wanted.items():
        has = found.get(name.lower())
        if has is None:
            return f"{path} answered without the header {name}, which should be {value!r}"
        if has.strip() != value.strip():
            return f"{path} answered {name}: {brief(repr(has), _SHOWN)}, not {value!r}"
    return None


def _json(body: bytes, wanted: Mapping[str, Any], path: str) -> str | None:
    try:
        found = strict_json.loads(body)
    except strict_json.Ambiguous as error:
        return f"{path} answered with JSON that {error}: {body[:_SHOWN]!r}"
    except strict_json.NotJson:
        return f"{path} did not answer in JSON: {body[:_SHOWN]!r}"
    if not isinstance(found, dict):
        return f"{path} did not answer with a JSON object: {body[:_SHOWN]!r}"
    wrong = lacks(found, wanted)
    return f"{path} answered {wrong}" if wrong else None


def lacks(found: Any, wanted: Any, at: str = "") -> str | None:
    """Where `found` is not at least `wanted`: a list has as many elements, an object may have more.

    An object says where by its members, `checks.database.up`, and a list by its elements, `up[0]`.
    """
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            inner = f"{at}.{key}" if at else key
            if key not in found:
                return f"without {inner!r}, which should be {value!r}"
            if wrong := lacks(found[key], value, inner):
                return wrong
        return None
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(found, wanted, strict=True))
        return next(filter(None, (lacks(f, w, f"{at}[{n}]") for n, (f, w) in pairs)), None)
    if strict_json.same(found, wanted):
        return None
    return f"{at}: {brief(repr(found))}, not {wanted!r}"
