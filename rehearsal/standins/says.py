"""Rehearsal stand-in for any service: says the same to whatever GET asks, the kubelet included."""

from __future__ import annotations

import argparse
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--header", default="", help="NAME: VALUE")
    parser.add_argument("body")
    wanted = parser.parse_args()
    name, _, value = wanted.header.partition(": ")

    class Says(BaseHTTPRequestHandler):
        """Answers every GET."""

        protocol_version = "HTTP/1.1"
        timeout = 60  # seconds a kept-alive connection may be silent

        def do_GET(self) -> None:
            """Answer GET."""
            body = wanted.body.encode()
            self.send_response(HTTPStatus.OK)
            if name:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    ThreadingHTTPServer(("", wanted.port), Says).serve_forever()


if __name__ == "__main__":
    main()
