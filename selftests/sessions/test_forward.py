"""Forwards: what rides them is whole and counted, and what fails says why."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from fleetmesh.sessions import Session, Target, connect, http_get

from .conftest import Sshd

StartSshd = Callable[..., Sshd]
TargetFor = Callable[..., Target]
MB = 10**6


@pytest.fixture
def echo() -> Iterator[int]:
    """A port that sends back what it gets, until the other side has ended."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while data := connection.recv(65536):
                connection.sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=serve, args=[connection]))
                threads[-1].start()

    threads.append(threading.Thread(target=accept))
    threads[0].start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for thread in threads:
        thread.join(5)


def exchange(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:

        def send() -> None:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        received = b"".join(iter(lambda: connection.recv(65536), b""))
        sender.join()
    return received


def test_bytes_arrive_whole_and_are_counted_by_connection(either: Session, echo: int) -> None:
    with either.forward("127.0.0.1", echo) as forward:
        assert exchange(forward.port, b"a" * 3 * MB) == b"a" * 3 * MB
        assert exchange(forward.port, b"short") == b"short"
        counts = [(c.sent, c.received, c.opened, c.ended, c.error) for c in forward.connections]
    assert counts == [(3 * MB, 3 * MB, True, True, None), (5, 5, True, True, None)]
    assert forward.last_error is None


def test_several_connections_at_once(either: Session, echo: int) -> None:
    results = {}
    with either.forward("127.0.0.1", echo) as forward:

        def one(number: int) -> None:
            results[number] = exchange(forward.port, bytes([number]) * MB)

        threads = [threading.Thread(target=one, args=[n]) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == {n: bytes([n]) * MB for n in range(6)}


def test_a_port_that_nobody_holds(either: Session) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with either.forward("127.0.0.1", port) as forward:
        with (
            suppress(ConnectionResetError),
            socket.create_connection(("127.0.0.1", forward.port), timeout=5) as connection,
        ):
            assert connection.recv(1) == b""
        assert "Connection refused" in (forward.last_error or "")
        assert not forward.connections[0].opened


def test_a_host_that_forbids_forwarding(start_sshd: StartSshd, target_for: TargetFor) -> None:
    session = connect(target_for(start_sshd("AllowTcpForwarding no")))
    try:
        got = http_get(session, "http://127.0.0.1:9/")
        assert got.error == "not connected: administratively prohibited: open failed"
        assert session.run("echo still", deadline=5).stdout == b"still\n"
    finally:
        session.close()


def test_reasons_of_parallel_refusals_are_not_mixed_up(
    start_sshd: StartSshd, target_for: TargetFor, echo: int
) -> None:
    session = connect(target_for(start_sshd(f"PermitOpen 127.0.0.1:{echo} 127.0.0.1:9")))
    errors: dict[int, set[str | None]] = {9: set(), 11: set()}

    def ask(port: int) -> None:
        for _ in range(15):
            errors[port].add(http_get(session, f"http://127.0.0.1:{port}/").error)

    try:
        threads = [threading.Thread(target=ask, args=[port]) for port in errors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        session.close()
    assert errors == {
        9: {"not connected: connect failed: Connection refused"},
        11: {"not connected: administratively prohibited: open failed"},
    }


def test_a_far_end_that_never_connects_is_given_up(either: Session) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        time.sleep(0.05)
        began = time.monotonic()
        got = http_get(either, f"http://127.0.0.1:{full.getsockname()[1]}/", deadline=0.5)
        assert got.error == "no complete answer within 0.5 s"
        assert time.monotonic() - began < 1.8
        for filler in fillers:
            filler.close()


def test_dropping_ends_the_connections_and_takes_new_ones(either: Session, echo: int) -> None:
    with either.forward("127.0.0.1", echo) as forward:
        with socket.create_connection(("127.0.0.1", forward.port), timeout=5) as connection:
            connection.sendall(b"x")
            assert connection.recv(1) == b"x"
            forward.drop()
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""
        assert exchange(forward.port, b"again") == b"again"


def test_closing_ends_open_connections_at_once(either: Session, echo: int) -> None:
    forward = either.forward("127.0.0.1", echo)
    connection = socket.create_connection(("127.0.0.1", forward.port), timeout=5)
    connection.sendall(b"x")
    assert connection.recv(1) == b"x"
    began = time.monotonic()
    forward.close()
    assert time.monotonic() - began < 0.5
    with suppress(ConnectionResetError):
        assert connection.recv(1) == b""
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", forward.port), timeout=1)


def test_a_closed_session_ends_its_forwards(session: Session, echo: int) -> None:
    with (
        session.forward("127.0.0.1", echo) as forward,
        socket.create_connection(("127.0.0.1", forward.port), timeout=5) as connection,
    ):
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"
        session.close()
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""
        got = http_get(session, f"http://127.0.0.1:{echo}/")
        assert got.error == "not connected: the session with coulombcore is closed"
