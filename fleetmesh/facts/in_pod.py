"""Asks one HTTP question from inside a pod, and keeps its connection open until it is told.

This file is no part of the suite's own process. The Python of the pod's image, 3.7 or later, runs
its text: `python -c TEXT '{"host": …, "port": …, "path": …, "size": …, "limit": …, …}'`.

`size` is about how many bytes the request has: up to a hundred more, at random, so that no other
connection has carried as many. `within` is in seconds for the answer's last byte, `limit` in bytes
of its body. Prints a line of JSON: status, body (as Latin-1), the bytes that went each way, and the
socket's ends; at its own end it prints another, whether the service has kept the connection. Where
there is no answer, a sentence says why, and the exit status is 3.

A line on standard input, or its end, lets it end; after `hold` seconds it ends by itself.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import select
import signal
import socket
import sys
import threading
from typing import Any, NoReturn

NO_ANSWER = 3


class Counted(socket.socket):
    """Counts what is received."""

    received = 0

    def recv_into(self, *given: Any) -> int:
        """As socket(7) does, and counts."""
        got = super().recv_into(*given)
        self.received += got
        return got


def give_up(why: str) -> NoReturn:
    """End at once: neither a name that is looked up nor a full pipe can be waited for."""
    os.write(2, (why + "\n").encode())
    os._exit(NO_ANSWER)


def answer(asked: dict[str, Any], stage: dict[str, str]) -> tuple[socket.socket, dict[str, Any]]:
    """Send the request and read the answer; the socket, and what is known of it."""
    host, port, within = asked["host"], asked["port"], f"within {asked['within']:g} s"
    stage["late"] = f"DNS did not answer for {host} {within}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        silent = error.errno == socket.EAI_AGAIN
        give_up(f"DNS did not answer for {host}: {error}" if silent else f"{host}: {error}")
    stage["late"] = f"no connection to {host}:{port} {within}"
    for family, kind, protocol, _, address in found:
        connection = Counted(family, kind, protocol)
        try:
            connection.connect(address)
            break
        except OSError as error:
            refused = error
    else:
        give_up(f"{host}:{port}: {refused}")
    stage["late"] = f"no complete answer {within}"
    head = (
        f"GET {asked['path']} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept-Encoding: identity\r\n"
        "X-Fleetmesh-Trace: "
    )
    length = asked["size"] + secrets.randbelow(100) - len(head) - 4
    request = f"{head}{secrets.token_hex(length)[:length]}\r\n\r\n".encode()
    connection.sendall(request)
    response = http.client.HTTPResponse(connection, method="GET")
    response.begin()
    body = response.read(asked["limit"] + 1)
    if len(body) > asked["limit"]:
        give_up(f"more than {asked['limit']} bytes of body")
    return connection, {
        "status": response.status,
        "body": body.decode("latin-1"),
        "sent": len(request),
        "received": connection.received,
        "local": connection.getsockname()[:2],
        "peer": connection.getpeername()[:2],
    }


def main(asked: dict[str, Any]) -> None:
    """Ask, tell, and wait to be told."""
    # Whatever happens: its default action ends the process, from inside any call.
    signal.alarm(int(asked["within"] + asked["hold"]) + 2)
    stage: dict[str, str] = {}
    watchdog = threading.Timer(asked["within"], lambda: give_up(stage["late"]))
    watchdog.daemon = True
    watchdog.start()
    try:
        connection, known = answer(asked, stage)
    except (OSError, http.client.HTTPException) as error:
        give_up(str(error) or type(error).__name__)
    watchdog.cancel()
    sys.stdout.write(json.dumps(known) + "\n")
    sys.stdout.flush()
    select.select([sys.stdin], [], [], asked["hold"])
    ended, _, _ = select.select([connection], [], [], 0)  # nothing else can be there to be read
    sys.stdout.write(json.dumps({"kept": not ended}) + "\n")
    connection.close()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
