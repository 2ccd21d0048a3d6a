"""HTTP as a host would do it: through a forward, bounded in time and size."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from fleetmesh.sessions import Session, http_get, http_held, http_post

from .conftest import Sshd

Serve = Callable[[Callable[[socket.socket, bytes], None]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server whose answer is written by the test: it gets the socket and the request."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(answer: Callable[[socket.socket, bytes], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def loop() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                connection.settimeout(5)
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(65536)
                try:
                    answer(connection, request)
                finally:
                    connection.close()

        threads.append(threading.Thread(target=loop))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(5)


def reply(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_an_answer_is_handed_over_whole(session: Session, serve: Serve) -> None:
    seen = []

    def answer(connection: socket.socket, request: bytes) -> None:
        seen.append(request)
        connection.sendall(reply(b'{"status": "ok"}'))

    url = serve(answer)
    got = http_get(session, f"{url}/state/health?full=1")
    assert (got.status, got.body, got.error, got.truncated) == (
        200,
        b'{"status": "ok"}',
        None,
        False,
    )
    assert got.headers["content-length"] == "16"
    assert got.carried.opened
    assert got.carried.sent == len(seen[0])
    assert seen[0].startswith(b"GET /state/health?full=1 HTTP/1.1\r\n")
    assert f"host: {url.removeprefix('http://')}".encode() in seen[0].lower()


def test_a_post_carries_json(session: Session, serve: Serve) -> None:
    seen = []

    def answer(connection: socket.socket, request: bytes) -> None:
        while not request.endswith(b"}"):
            request += connection.recv(4096)
        seen.append(request)
        connection.sendall(reply(b"{}", "201 Created"))

    got = http_post(session, f"{serve(answer)}/progress", {"kind": "fleet-mesh-smoke"})
    assert (got.status, got.error) == (201, None)
    assert seen[0].startswith(b"POST /progress")
    assert seen[0].endswith(b'{"kind":"fleet-mesh-smoke"}')


def test_a_refusing_port_is_named(session: Session) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    got = http_get(session, f"http://127.0.0.1:{port}/")
    assert (got.status, got.carried.opened) == (None, False)
    assert got.error == "not connected: connect failed: Connection refused"


def test_a_trickling_body_ends_at_the_deadline(session: Session, serve: Serve) -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        with suppress(OSError):
            for _count in range(100):
                connection.sendall(b"x")
                time.sleep(0.05)

    began = time.monotonic()
    got = http_get(session, serve(answer), deadline=0.5)
    assert time.monotonic() - began < 1.0
    assert got.error == "no complete answer within 0.5 s"
    assert got.status == 200
    assert got.body.startswith(b"x")


def test_a_body_without_a_length_that_is_cut_at_the_deadline_is_not_whole(
    session: Session, serve: Serve
) -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        with suppress(OSError):
            for _count in range(40):
                connection.sendall(b"x")
                time.sleep(0.05)

    got = http_get(session, serve(answer), deadline=0.5)
    assert (got.status, got.error) == (200, "no complete answer within 0.5 s")


def test_a_body_that_is_cut_by_a_lost_connection_is_not_whole(
    frail: Session, sshd: Sshd, serve: Serve
) -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf")
        time.sleep(0.1)
        sshd.send(signal.SIGKILL)

    got = http_get(frail, serve(answer))
    assert (got.status, got.body) == (200, b"half")
    assert got.error == "broken off: the connection to the host was lost"


def test_a_trickling_header_ends_at_the_deadline(session: Session, serve: Serve) -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        with suppress(OSError):
            for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 100:
                connection.sendall(bytes([byte]))
                time.sleep(0.05)

    began = time.monotonic()
    got = http_get(session, serve(answer), deadline=0.5)
    assert time.monotonic() - began < 1.0
    assert (got.status, got.error) == (None, "no complete answer within 0.5 s")


def test_a_silent_server_ends_at_the_deadline(session: Session, serve: Serve) -> None:
    got = http_get(session, serve(lambda *_: time.sleep(1)), deadline=0.4)
    assert got.seconds < 0.8
    assert got.error == "no complete answer within 0.4 s"


def test_a_body_of_50_MB_is_cut_at_the_limit(session: Session, serve: Serve) -> None:
    sent = []

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n")
        with suppress(OSError):
            for _count in range(800):
                connection.sendall(b"z" * 65536)
                sent.append(65536)

    got = http_get(session, serve(answer))
    assert (got.status, got.truncated, got.error) == (200, True, None)
    assert len(got.body) == 256 * 1024
    assert sum(sent) < 50 * 2**20  # it was stopped, not read to the end and thrown away


def test_a_body_of_exactly_the_limit_is_whole(session: Session, serve: Serve) -> None:
    got = http_get(session, serve(lambda c, _: c.sendall(reply(b"w" * 100))), limit=100)
    assert (len(got.body), got.truncated, got.error) == (100, False, None)


def test_a_reset_is_an_error_and_no_answer(session: Session, serve: Serve) -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    got = http_get(session, serve(answer))
    assert got.status is None
    assert got.error


def test_a_body_that_ends_early_is_an_error(session: Session, serve: Serve) -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    got = http_get(session, serve(answer))
    assert (got.status, got.body) == (200, b"half")
    assert got.error


def test_what_is_no_http_is_an_error(session: Session, serve: Serve) -> None:
    got = http_get(session, serve(lambda c, _: c.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")))
    assert got.status is None
    assert got.error


def test_a_redirect_is_not_followed(session: Session, serve: Serve) -> None:
    moved = reply(b"", "302 Found", "Location: http://198.18.0.1/elsewhere")
    got = http_get(session, serve(lambda c, _: c.sendall(moved)))
    assert (got.status, got.headers["location"]) == (302, "http://198.18.0.1/elsewhere")


def test_the_environment_s_proxy_is_not_used(
    session: Session, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert http_get(session, serve(lambda c, _: c.sendall(reply(b"direct")))).body == b"direct"


def test_a_held_connection_is_open_until_it_is_released(session: Session, serve: Serve) -> None:
    closed = threading.Event()

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(reply(b"held"))
        assert connection.recv(1) == b""
        closed.set()

    with http_held(session, serve(answer)) as got:
        assert got.body == b"held"
        time.sleep(0.1)
        assert not closed.is_set()
        assert not got.carried.ended
    assert closed.wait(2)


def test_a_held_connection_that_the_server_closes_says_so(session: Session, serve: Serve) -> None:
    with http_held(session, serve(lambda c, _: c.sendall(reply(b"bye")))) as got:
        time.sleep(0.1)
        assert got.carried.ended


def test_only_plain_http_addresses_are_taken(session: Session) -> None:
    with pytest.raises(ValueError, match="is no http:// address"):
        http_get(session, "https://127.0.0.1/")
