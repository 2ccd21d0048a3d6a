"""The stand-in services on a bad day: everybody but the kubelet is answered as a mode says.

So readiness stays green while the service is broken, which is when nothing but an honest smoke
notices.
"""

from __future__ import annotations

import argparse
import gzip
import socket
import struct
import time
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from . import issue_core, state_hub

if TYPE_CHECKING:
    from collections.abc import Callable

    from .http_json import JsonHandler

HANG = 30  # seconds, longer than anybody waits
LARGE = 50_000_000  # bytes
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of socket(7): close with RST
PAGE = b"<!doctype html><title>Router</title><h1>Please log in</h1>"


def fails(handler: JsonHandler) -> None:
    """A 500 with words."""
    _send(handler, HTTPStatus.INTERNAL_SERVER_ERROR, b'{"error": "database is locked"}')


def unhealthy(handler: JsonHandler) -> None:
    """Status 200, and a body that says otherwise."""
    _send(handler, HTTPStatus.OK, b'{"status": "degraded", "service": "state-hub"}')


def another(handler: JsonHandler) -> None:
    """A healthy answer of some other service."""
    _send(handler, HTTPStatus.OK, b'{"status": "ok", "service": "inventory-hub"}')


def nameless(handler: JsonHandler) -> None:
    """A healthy answer that does not say of what."""
    _send(handler, HTTPStatus.OK, b'{"status": "ok"}')


def says_two_things(handler: JsonHandler) -> None:
    """A body that is well to whoever takes the last of two members, and not to the other."""
    _send(handler, HTTPStatus.OK, b'{"status": "down", "service": "state-hub", "status": "ok"}')


def in_utf_16(handler: JsonHandler) -> None:
    """A healthy body, in an encoding that JSON does not have."""
    _send(handler, HTTPStatus.OK, '{"status": "ok", "service": "state-hub"}'.encode("utf-16"))


def compresses(handler: JsonHandler) -> None:
    """A healthy body, compressed although nobody asked for it: 50 MB in 50 kB."""
    blanks = gzip.compress(b" " * 2**20) * (LARGE // 2**20)  # one after the other is one, RFC 1952
    begin = gzip.compress(b'{"status": "ok", "service": "state-hub"')
    body = begin + blanks + gzip.compress(b"}")
    _send(handler, HTTPStatus.OK, body, {"Content-Encoding": "gzip"})


def hangs(handler: JsonHandler) -> None:  # noqa: ARG001 - a mode is given the request
    """The request is taken, and nothing comes back."""
    time.sleep(HANG)


def trickles(handler: JsonHandler) -> None:
    """A healthy answer, a byte at a time: never silent, and never done in time."""
    body = b'{"status": "ok", "service": "state-hub"}'
    _head(handler, HTTPStatus.OK, len(body))
    for byte in body:
        handler.wfile.write(bytes([byte]))
        time.sleep(0.25)


def resets(handler: JsonHandler) -> None:
    """The connection is reset instead of an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    handler.rfile.close()
    handler.wfile.close()
    handler.connection.close()


def shows_a_page(handler: JsonHandler) -> None:
    """HTML of some other program, with status 200."""
    _send(handler, HTTPStatus.OK, PAGE, {"Content-Type": "text/html"})


def redirects(handler: JsonHandler) -> None:
    """Whoever follows it meets a healthy answer, but not here."""
    if handler.path.startswith("/elsewhere/"):
        _send(handler, HTTPStatus.OK, b'{"status": "ok", "service": "state-hub"}')
    else:
        _send(handler, HTTPStatus.FOUND, b"", {"Location": f"/elsewhere{handler.path}"})


def floods(handler: JsonHandler) -> None:
    """A healthy answer with 50 MB of padding in front."""
    body = b'{"padding": "%s", "status": "ok", "service": "state-hub"}' % (b"x" * LARGE)
    _send(handler, HTTPStatus.OK, body)


READS: dict[str, Callable[[JsonHandler], None]] = {
    mode.__name__: mode
    for mode in (
        fails, unhealthy, another, nameless, says_two_things, in_utf_16, compresses, hangs,
        trickles, resets, shows_a_page, redirects, floods,
    )
}  # fmt: skip


def loses(kept: dict[str, Any], answer: tuple[int, Any]) -> tuple[int, Any]:
    """What was accepted is not there any more."""
    kept.clear()
    return answer


def relabels(kept: dict[str, Any], answer: tuple[int, Any]) -> tuple[int, Any]:
    """What was accepted bears another label."""
    for run in kept.values():
        run["label"] = "production"
    return answer


def refuses(kept: dict[str, Any], answer: tuple[int, Any]) -> tuple[int, Any]:  # noqa: ARG001
    """Nothing is accepted: reads go on."""
    kept.clear()
    return HTTPStatus.SERVICE_UNAVAILABLE, {"error": "read-only for maintenance"}


WRITES = {mode.__name__: mode for mode in (loses, relabels, refuses)}
SERVICES: dict[str, tuple[type[JsonHandler], dict[str, dict[str, Any]]]] = {
    "state-hub": (state_hub.StateHub, state_hub.events),
    "issue-core": (issue_core.IssueCore, issue_core.runs),
}


def _head(
    handler: JsonHandler, status: int, length: int, headers: dict[str, str] | None = None
) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(length), **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()


def _send(
    handler: JsonHandler, status: int, body: bytes, headers: dict[str, str] | None = None
) -> None:
    _head(handler, status, len(body), headers)
    handler.wfile.write(body)


def misbehaving(service: str, mode: str) -> type[JsonHandler]:
    """The handler of `service`, with one thing wrong."""
    sound, kept = SERVICES[service]

    class Misbehaving(sound):  # type: ignore[misc, valid-type]
        """Sound towards the kubelet, and wherever the mode has nothing to say."""

        def do_GET(self) -> None:
            """Answer GET."""
            asked_by_kubelet = self.headers.get("User-Agent", "").startswith("kube-probe")
            if mode in READS and not asked_by_kubelet:
                READS[mode](self)
            else:
                super().do_GET()

        def post(self, path: str, body: Any) -> tuple[int, Any]:
            """Answer POST."""
            answer: tuple[int, Any] = super().post(path, body)
            return WRITES[mode](kept, answer) if mode in WRITES else answer

    return Misbehaving


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("mode", choices=[*READS, *WRITES])
    wanted = parser.parse_args()
    ThreadingHTTPServer(("", wanted.port), misbehaving(wanted.service, wanted.mode)).serve_forever()


if __name__ == "__main__":
    main()
