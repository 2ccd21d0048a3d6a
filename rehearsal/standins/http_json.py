"""A small JSON server: what the two HTTP stand-ins share."""

from __future__ import annotations

import argparse
import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LARGEST_BODY = 1_000_000


class JsonHandler(BaseHTTPRequestHandler):
    """Routes to `get` and `post`, which return a status and what to answer as JSON."""

    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds a kept-alive connection may be silent

    def get(self, path: str) -> tuple[int, Any]:
        """The answer to GET."""
        raise NotImplementedError

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """The answer to POST with this JSON body."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Answer GET."""
        self._answer(*self.get(self.path))

    def do_POST(self) -> None:
        """Answer POST; a body that is not JSON is the caller's mistake."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self._answer(HTTPStatus.BAD_REQUEST, {"error": "Content-Length is missing or too big"})
            return
        try:
            body = json.loads(self.rfile.read(int(length)))
        except ValueError as error:
            self._answer(HTTPStatus.BAD_REQUEST, {"error": f"the body is not JSON: {error}"})
            return
        self._answer(*self.post(self.path, body))

    def _answer(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "POST")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


NOT_FOUND = (HTTPStatus.NOT_FOUND, {"error": "not found"})
POST_ONLY = (HTTPStatus.METHOD_NOT_ALLOWED, {"error": "method not allowed"})


def serve(handler: type[JsonHandler]) -> None:
    """Serve on the port that the command line names, for ever."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    ThreadingHTTPServer(("", parser.parse_args().port), handler).serve_forever()
