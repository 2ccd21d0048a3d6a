"""Hosts that are this machine: each a session whose commands run in a local shell, recorded."""

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fleetmesh.facts import Fact
from fleetmesh.gather import Fleet
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory, load
from fleetmesh.sessions import Completed, Forwarder, Identity, Target
from fleetmesh.sessions.command import Follow
from fleetmesh.sessions.local import LocalSession
from selftests.inventory import RUNBOOK

ROOT = Path(__file__).parents[2]
LIMIT = 64 * 1024


class HereSession:
    """A Session of a host that is this machine; `events` tells in which order things happened."""

    def __init__(self, name: str, events: list[str], before: str = ":") -> None:
        self.target = Target(name=name, ssh=name)
        self.identity = Identity("192.0.2.1", "tegwick", "ssh-ed25519 AAAA", "SHA256:x")
        self.channels = 0
        self.closed = False
        self.lost: str | None = None
        self._local = LocalSession(self.target)
        self._events = events
        self._before = before

    def prepare(self, command: str) -> None:
        self._local.prepare(command)

    def run(
        self,
        command: str,
        *,
        deadline: float,
        limit: int = LIMIT,
        stdin: bytes = b"",
        follow: Follow | None = None,
    ) -> Completed:
        self.channels += 1
        self._events.append(f"{self.target.name} runs")
        try:
            return self._local.run(
                f"{self._before}; {command}",
                deadline=deadline,
                limit=min(limit, LIMIT),
                stdin=stdin,
                follow=follow,
            )
        finally:
            self._events.append(f"{self.target.name} ran")

    def forward(self, host: str, port: int, **given: Any) -> Forwarder:
        return self._local.forward(host, port, **given)

    def dial(self, host: str, port: int, **given: Any) -> socket.socket:
        return self._local.dial(host, port, **given)

    def answers(self, deadline: float) -> bool:
        return self._local.answers(deadline)

    def close(self) -> None:
        self.closed = True


def fact(name: str, probes: dict[str, Probe]) -> Fact[Transcript]:
    return Fact(name, lambda _: probes, lambda transcript: transcript)


@pytest.fixture
def inventory() -> Inventory:
    """The production inventory with short deadlines; nothing in it is ever contacted."""
    loaded = load(RUNBOOK)
    limits = loaded.limits.model_copy(update={"command": 0.5, "http": 2.0})
    return loaded.model_copy(update={"limits": limits})


@pytest.fixture
def events() -> list[str]:
    return []


@pytest.fixture
def fleet(inventory: Inventory, events: list[str]) -> Iterator[Fleet]:
    with Fleet(inventory) as opened:
        opened.sessions.update({name: HereSession(name, events) for name in inventory.hosts})
        yield opened


Serve = Callable[[type[BaseHTTPRequestHandler]], int]


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Clients that leave early are what some tests are about."""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts an HTTP server on a loopback port, with TLS where the handler has a `context`."""
    running: list[tuple[Server, threading.Thread]] = []

    def start(handler: type[BaseHTTPRequestHandler]) -> int:
        server = Server(("127.0.0.1", 0), handler)
        context: Any = getattr(handler, "context", None)
        if context:
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        running.append((server, thread))
        return server.server_port

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with key and self-signed certificate of 127.0.0.1."""
    return _certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def other_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another such file, of somebody else's."""
    return _certificate(tmp_path_factory.mktemp("tls"))


def _certificate(folder: Path) -> Path:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "1", "-subj", "/CN=api", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", f"{folder}/key", "-out", f"{folder}/crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    both = folder / "both"
    both.write_text((folder / "key").read_text() + (folder / "crt").read_text())
    return both
