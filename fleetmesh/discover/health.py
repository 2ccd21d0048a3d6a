"""What a healthy answer says: the member by which a service names itself, and that it is well."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fleetmesh.discover.answers import Answers
from fleetmesh.discover.found import Finding, Found, Place, Value
from fleetmesh.discover.questions import HEALTH, OPENAPI, SMOKE, Reply
from fleetmesh.facts.healthy import lacks
from fleetmesh.inventory import Inventory, Service
from fleetmesh.text.legible import brief

_WELL = {"ok", "healthy", "up", "pass", "ready", "alive", "green", "running", "true"}
_STATES = {"status", "state", "health", "healthy", "ok"}
_LONGEST_NAME = 64
_DEEPEST = 3
_AS_TEXT = "if that is healthy, write it as `contains:`, `text:` or `matches:` instead of `json:`"
_ADVICE = "write the member by which it names itself, once somebody who knows has seen the answer"


def answers_of_services(inventory: Inventory, answers: Answers, doubted: set[str]) -> Found:
    """What a healthy answer says, asked at the ClusterIP itself: no tunnel can have given it.

    Nothing is learned at an address that may be another Service's, as it is of those `doubted`.
    """
    for service in inventory.services.values():
        if service.id in doubted or service.health.json_ is None:  # the inventory has other means
            continue
        told = answers.of(HEALTH, service)
        place = ("services", service.id, "health", "json")
        if told is None:
            yield Finding(place, str(answers.cause(HEALTH, service)))
            continue
        reply = told.value
        if why := _unusable(reply, service):
            yield Finding(place, why, told.seen, "PRE-07.healthy judges it")
            continue
        if not isinstance(reply.json(), dict):
            yield Finding(place, _no_object(reply, service), told.seen, _AS_TEXT)
            continue
        body = reply.json()
        if not service_says(body, service):
            found = healthy(body, (service.id, service.name))
            if isinstance(found, str):
                yield Finding(place, f"{service.health.path}: {found}", told.seen, _ADVICE)
            else:
                yield Value(place, found, told.seen)
        else:
            yield Value(place, dict(service.health.json_ or {}), told.seen)


def service_says(body: Any, service: Service) -> bool:
    """Whether the answer already is what the inventory has for healthy, as far as JSON goes."""
    wanted = service.health.json_
    return wanted is not None and lacks(body, wanted) is None


def _unusable(reply: Reply, service: Service) -> str | None:
    path = service.health.path
    if reply.refused:
        return f"{path}: {brief(reply.refused)}"
    if reply.status != HTTPStatus.OK:
        return f"{path} answered {reply.status}; the runbook's path is not proposed to change"
    return None


def _no_object(reply: Reply, service: Service) -> str:
    body = reply.body.decode("utf-8", "replace").strip()
    what = "answered with no JSON object that can be understood in one way alone"
    return f"{service.health.path} {what}: {brief(body, 120) or 'nothing'}"


def healthy(body: dict[str, Any], known_as: tuple[str, ...]) -> dict[str, Any] | str:
    """The members that make an answer the healthy one of that service; or why there are none.

    `known_as` are the service's names, as the runbook and its cluster have them: the answer must
    say one of them, or anything that answers here would be taken for the service.
    """
    members = list(_members(body, ()))
    ill = [(p, v) for p, v in members if p[-1].lower() in _STATES and not _is_well(v)]
    if ill:
        place, value = ill[0]
        return f"it says {'.'.join(place)}: {brief(repr(value), 80)}, which is not healthy"
    names = [(p, v) for p, v in members if isinstance(v, str) and _names(v, known_as)]
    if not names:
        said = ", ".join(".".join(p) for p, v in members if isinstance(v, str))
        return (
            f"no member names {' or '.join(dict.fromkeys(known_as))}; "
            f"it has the texts {brief(said, 120) or 'none'}"
        )
    states = [(p, v) for p, v in members if p[-1].lower() in _STATES]
    proposal: dict[str, Any] = {}
    for place, value in (*states[:1], *names[:1]):
        _put(proposal, place, value)
    return proposal


def _members(value: dict[str, Any], place: Place) -> Iterator[tuple[Place, Any]]:
    for key, held in value.items():
        if isinstance(held, dict) and len(place) < _DEEPEST:
            yield from _members(held, (*place, key))
        elif isinstance(held, (str, bool)):
            yield (*place, key), held


def _is_well(value: Any) -> bool:
    return str(value).lower() in _WELL


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _names(text: str, known_as: tuple[str, ...]) -> bool:
    return len(text) <= _LONGEST_NAME and any(_plain(name) in _plain(text) for name in known_as)


def _put(into: dict[str, Any], place: Place, value: Any) -> None:
    for step in place[:-1]:
        into = into.setdefault(step, {})
    into[place[-1]] = value


_SAYS = {"progress": ("progress", "event"), "emission": ("run", "emission", "emit")}
"""Words of a path to which a smoke of a kind may be posted."""


def smoke_paths(inventory: Inventory, answers: Answers) -> Found:
    """Where the write smoke may be posted: by openapi.json, or since GET alone is refused there."""
    for service in inventory.services.values():
        if not service.smoke:
            continue
        place = ("services", service.id, "smoke", "path")
        path = service.smoke.path
        described = answers.of(OPENAPI, service)
        posts = _posts(described.value) if described else []
        told = answers.of(SMOKE, service)
        if described and posts:
            fitting = [p for p in posts if _says(p, service.smoke.kind)]
            if path in posts or len(fitting) == 1:
                yield Value(place, path if path in posts else fitting[0], described.seen)
                continue
            what = f"openapi.json names for POST: {brief(', '.join(posts), 160)}"
            advice = "write the one that takes the smoke's body"
            yield Finding(place, what, described.seen, advice, matters=False)
        elif told and told.value.status == HTTPStatus.METHOD_NOT_ALLOWED:
            yield Value(place, path, told.seen)
        elif told and told.value.status:
            what = f"GET {path} answered {told.value.status}, which does not tell if POST is known"
            advice = "only --allow-writes needs it: ask who knows the service"
            yield Finding(place, what, told.seen, advice, matters=False)


def _posts(reply: Reply) -> list[str]:
    """The paths without parameters to which openapi.json knows a POST."""
    document = reply.json() if reply.status == HTTPStatus.OK else None
    paths = document.get("paths") if isinstance(document, dict) else None
    return [
        str(path)
        for path, item in (paths.items() if isinstance(paths, dict) else ())
        if isinstance(item, dict) and "post" in item and "{" not in str(path)
    ]


def _says(path: str, kind: str) -> bool:
    return any(word in path.lower() for word in _SAYS[kind])
