"""HTTP: held open while the batches run, and written only to be read back."""

import json
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from fleetmesh.gather import Fleet
from fleetmesh.gather.commands import ReadFile, WhileHeld
from fleetmesh.gather.services import Get, WriteAndReadBack
from fleetmesh.sessions import Forwarder
from fleetmesh.sessions.target import ChannelRefused
from selftests.gather.conftest import HereSession, Serve, fact

if TYPE_CHECKING:
    from fleetmesh.gather.probe import Probe

HOST = "railiance01"


class Service(BaseHTTPRequestHandler):
    """Answers 200 and notes when its client leaves."""

    protocol_version = "HTTP/1.1"
    events: list[str]
    left: threading.Semaphore
    kept: dict[str, Any]
    id: str | int = "e1"
    forgets = False

    def do_GET(self) -> None:
        found = self.kept.get(unquote(self.path.rpartition("/")[2]))
        self.answer(200 if self.path == "/health" or found else 404, found or {"status": "ok"})
        self.events.append("answered")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.forgets:
            self.kept[str(self.id)] = {**body, "id": self.id}
        self.answer(201, {"id": self.id} if not self.forgets else {"queued": True})

    def answer(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def finish(self) -> None:
        super().finish()
        self.events.append("left")
        self.left.release()

    def log_message(self, format: str, *arguments: object) -> None:
        """Be quiet."""


@pytest.fixture
def service(events: list[str]) -> type[Service]:
    return type("Kept", (Service,), {"events": events, "left": threading.Semaphore(0), "kept": {}})


def test_requests_stay_open_while_the_batches_run(
    fleet: Fleet, serve: Serve, service: type[Service], events: list[str]
) -> None:
    port = serve(service)
    gets: dict[str, Probe] = {str(n): Get(HOST, "127.0.0.1", port, "/health") for n in range(3)}
    # Sockets of both ends are there for every host's ss(8) to see.
    count = f"ss -Htn state established '( dport = :{port} )' | wc -l"
    runs: dict[str, Probe] = {h: WhileHeld(h, count) for h in (HOST, "coulombcore")}
    found = fleet.gather([fact("counts", runs), fact("answers", gets)])
    for _ in range(3):
        assert service.left.acquire(timeout=5)
    assert events[:3] == ["answered"] * 3
    assert sorted(events[3:7]) == sorted(
        f"{h} {did}" for h in (HOST, "coulombcore") for did in ("runs", "ran")
    )
    assert events[7:] == ["left"] * 3
    for transcript in found.of("counts").values():
        assert int(transcript.stdout) == 3
    sizes = [int(t.details["sent"]) for t in found.of("answers").values()]
    assert len(set(sizes)) == 3, "each request is of a size of its own"
    assert sizes == sorted(sizes)


def test_an_answer_as_it_came(fleet: Fleet, serve: Serve, service: type[Service]) -> None:
    port = serve(service)
    probes: dict[str, Probe] = {
        path: Get(HOST, "127.0.0.1", port, f"/{path}") for path in ("health", "nowhere")
    }
    found = fleet.gather([fact("f", probes)]).of("f")
    assert (found["health"].exit_status, found["health"].stdout) == (200, b'{"status": "ok"}')
    assert "content-length: 16" in found["health"].err
    assert found["nowhere"].exit_status == 404
    assert found["health"].command == (
        f"ssh tegwick@railiance01 'curl -sS -i http://127.0.0.1:{port}/health'"
    )
    assert all(transcript.lost is None for transcript in found.values())


def test_a_service_that_refuses_shows_itself(fleet: Fleet, serve: Serve) -> None:
    class Cut(BaseHTTPRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf")

    port = serve(Cut)
    probes: dict[str, Probe] = {
        "closed": Get(HOST, "127.0.0.1", 1, "/"),
        "cut": Get(HOST, "127.0.0.1", port, "/"),
    }
    found = fleet.gather([fact("f", probes)]).of("f")
    assert found["closed"].exit_status is None
    assert "Connection refused" in found["closed"].details["refused"]
    assert (found["cut"].exit_status, found["cut"].stdout) == (200, b"half")
    assert "peer closed connection" in found["cut"].details["refused"]
    assert found["cut"].lost is None


def test_a_forwarding_that_is_forbidden_hides_the_service(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dial(_: object) -> Any:
        raise ChannelRefused("administratively prohibited: open failed")

    monkeypatch.setattr(HereSession, "forward", lambda *_, **__: Forwarder(dial))
    found = fleet.gather([fact("f", {"x": Get(HOST, "127.0.0.1", 1, "/")})]).of("f")["x"]
    assert found.lost == ("railiance01: not connected: administratively prohibited: open failed")


def write(port: int) -> WriteAndReadBack:
    return WriteAndReadBack(HOST, "127.0.0.1", port, "/events", {"kind": "smoke"}, "id")


@pytest.mark.parametrize("id", ["e1", "a b/../c?d#e", "\r\nX: y", "ä\x00", 17])
def test_what_is_written_is_read_back(
    fleet: Fleet, serve: Serve, service: type[Service], id: str | int
) -> None:
    service.id = id
    found = fleet.gather([fact("writes", {"x": write(serve(service))})]).of("writes")["x"]
    both = json.loads(found.stdout)
    assert both["id"] == service.id
    assert both["written"] == {"kind": "smoke"}
    assert both["read"] == {**both["written"], "id": service.id}
    assert (found.exit_status, found.err) == (200, "POST 201, GET 200\n")


def test_what_gets_no_id_is_not_read_back(
    fleet: Fleet, serve: Serve, service: type[Service], events: list[str]
) -> None:
    service.forgets = True
    found = fleet.gather([fact("writes", {"x": write(serve(service))})]).of("writes")["x"]
    assert (found.exit_status, found.stdout) == (201, b'{"queued": true}')
    assert "answered" not in events


def test_nothing_of_a_file_that_cannot_be_read(fleet: Fleet, tmp_path: Path) -> None:
    found = fleet.gather([fact("f", {"dir": ReadFile(tmp_path)})]).of("f")["dir"]
    assert (found.exit_status, found.stdout, found.host) == (1, b"", "here")
    assert "Is a directory" in found.err
