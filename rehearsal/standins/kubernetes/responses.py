"""HTTP answers as an API server sends them."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from .status import ApiError, Object


def json_response(body: Object, code: int, more: dict[str, str] | None = None) -> web.Response:
    """A JSON object."""
    data = json.dumps(body, separators=(",", ":")).encode() + b"\n"
    headers = {**_audit(), **(more or {})}
    return web.Response(body=data, status=code, content_type="application/json", headers=headers)


def refusal(error: ApiError) -> web.Response:
    """An ApiError; the plain text of a kubelet passes without the API server's headers."""
    if isinstance(error.body, dict):
        return json_response(error.body, error.code, error.headers)
    headers = {**_audit(), **error.headers} if error.code == 404 else error.headers
    return text_response(error.body, error.code, headers)


def text_response(
    text: str, code: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """Plain text."""
    return web.Response(
        text=text, status=code, content_type="text/plain", charset="utf-8", headers=headers
    )


def _audit() -> dict[str, str]:
    return {"Audit-Id": str(uuid.uuid4()), "Cache-Control": "no-cache, private"}
