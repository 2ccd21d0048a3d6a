"""Rehearsal stand-in for issue-core: its health, and runs with a safe label in memory."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any

from .http_json import NOT_FOUND, POST_ONLY, JsonHandler, serve

SAFE_LABEL = "fleet-mesh-safe"
runs: dict[str, dict[str, Any]] = {}


class IssueCore(JsonHandler):
    """The part of issue-core's API that the runbook touches."""

    def get(self, path: str) -> tuple[int, Any]:
        """GET /healthz, GET /runs/ID."""
        if path == "/healthz":
            return HTTPStatus.OK, {"status": "ok", "service": "issue-core"}
        if path == "/runs":
            return POST_ONLY
        parent, _, run = path.rpartition("/")
        if parent == "/runs" and run in runs:
            return HTTPStatus.OK, runs[run]
        return NOT_FOUND

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """POST /runs: a run with the safe label, and with no other."""
        if path != "/runs":
            return NOT_FOUND
        label = body.get("label") if isinstance(body, dict) else None
        if label != SAFE_LABEL:
            return HTTPStatus.UNPROCESSABLE_ENTITY, {"error": f"label must be {SAFE_LABEL}"}
        received = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        run = {"id": str(uuid.uuid4()), "label": label, "state": "accepted", "received": received}
        runs[run["id"]] = run
        return HTTPStatus.CREATED, run


if __name__ == "__main__":
    serve(IssueCore)
