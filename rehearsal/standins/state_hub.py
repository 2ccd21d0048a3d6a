"""Rehearsal stand-in for the State Hub: its health, and progress events in memory."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any

from .http_json import NOT_FOUND, POST_ONLY, JsonHandler, serve

events: dict[str, dict[str, Any]] = {}


class StateHub(JsonHandler):
    """The part of the State Hub's API that the runbook touches."""

    def get(self, path: str) -> tuple[int, Any]:
        """GET /state/health, GET /progress/ID."""
        if path == "/state/health":
            return HTTPStatus.OK, {"status": "ok", "service": "state-hub", "events": len(events)}
        if path == "/progress":
            return POST_ONLY
        parent, _, event = path.rpartition("/")
        if parent == "/progress" and event in events:
            return HTTPStatus.OK, events[event]
        return NOT_FOUND

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """POST /progress: an event of any content."""
        if path != "/progress":
            return NOT_FOUND
        if not isinstance(body, dict):
            return HTTPStatus.UNPROCESSABLE_ENTITY, {"error": "an event is a JSON object"}
        received = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        event = {**body, "id": str(uuid.uuid4()), "received": received}
        events[event["id"]] = event
        return HTTPStatus.CREATED, event


if __name__ == "__main__":
    serve(StateHub)
