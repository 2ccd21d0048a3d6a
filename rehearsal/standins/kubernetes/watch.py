"""Watches: changes of a resource as a stream of JSON lines."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from aiohttp import web

from . import status
from .store import Expired

if TYPE_CHECKING:
    from collections.abc import Callable

    from .resources import Resource
    from .status import Object
    from .store import Store

_LONGEST = 3600.0  # seconds; a client starts again


async def stream(
    request: web.Request,
    store: Store,
    resource: Resource,
    matches: Callable[[Object], bool],
    render: Callable[[Object], Object],
) -> web.StreamResponse:
    """Send events until `timeoutSeconds` or the client leaves.

    From `resourceVersion`, or from the present with an ADDED for each object there is; with
    `sendInitialEvents`, a bookmark stands after these.
    """
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)

    async def send(kind: str, obj: Object) -> None:
        line = json.dumps({"type": kind, "object": obj}, separators=(",", ":"))
        await response.write(line.encode() + b"\n")

    since = request.query.get("resourceVersion", "")
    version = int(since) if since.isdigit() and since != "0" else 0
    known: set[str] = set()  # uids the client has been told of
    present = [obj for obj in store.all(resource.name) if matches(obj)]
    whole = request.query.get("sendInitialEvents") == "true"
    if whole or not version:
        version = store.version
        for obj in present:
            await send("ADDED", render(obj))
    if whole:
        marks = {"k8s.io/initial-events-end": "true"}
        metadata = {"resourceVersion": str(version), "annotations": marks}
        kind = {"kind": resource.kind, "apiVersion": resource.api_version}
        await send("BOOKMARK", {**kind, "metadata": metadata})
    known = {obj["metadata"]["uid"] for obj in present}
    limit = float(request.query.get("timeoutSeconds") or _LONGEST)

    async def follow(version: int) -> None:
        while True:
            for event in store.since(version, resource.name):
                told = _kind(event.type, known, event.object, matches)
                if told:
                    await send(told, render(event.object))
            version = store.version
            await store.newer_than(version)

    try:
        await asyncio.wait_for(follow(version), limit)
    except asyncio.TimeoutError:
        pass
    except Expired:
        gone = status.failure(410, "Expired", f"too old resource version: {version}")
        assert isinstance(gone.body, dict)
        await send("ERROR", gone.body)
    except ConnectionError:
        return response
    await response.write_eof()
    return response


def _kind(kind: str, known: set[str], obj: Object, matches: Callable[[Object], bool]) -> str:
    """The event as seen through a selector: what no longer matches is DELETED for the client."""
    uid = obj["metadata"]["uid"]
    if kind == "DELETED" or not matches(obj):
        if uid in known:
            known.discard(uid)
            return "DELETED"
        return "DELETED" if kind == "DELETED" and matches(obj) else ""
    new = uid not in known
    known.add(uid)
    return "ADDED" if new else kind
