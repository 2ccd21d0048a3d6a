"""The sampler against servers that answer, hang, break off and come back."""

import ast
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from fleetmesh.watch import sampler
from fleetmesh.watch.inside import PROGRAM, Clock
from fleetmesh.watch.sampler import NoAnswer, Pace, Sampler, dialler, get, receive

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port whose connections `answer` deals with, each in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=served, args=(connection,), daemon=True).start()

        def served(connection: socket.socket) -> None:
            with suppress(OSError):  # whoever asks may hang up first
                answer(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def answering(*parts: bytes, close: bool = False, pause: float = 0.0) -> Callable[[Any], None]:
    def answer(connection: socket.socket) -> None:
        with connection:
            while connection.recv(4096):
                for part in parts:
                    connection.sendall(part)
                    time.sleep(pause)
                if close:
                    return

    return answer


def asked(port: int, *, kept: bool = False, times: int = 1) -> list[Any]:
    found: list[Any] = []
    one = Sampler(
        dialler("127.0.0.1", port),
        get("127.0.0.1", port, "/health"),
        kept,
        lambda begin, end, what: found.append((end - begin, what)),
        Pace(),
        threading.Event(),
    )
    for _ in range(times):
        one.once()
    one.close()
    return found


@pytest.mark.parametrize(
    ("parts", "close", "body"),
    [
        ((OK,), False, b"ok"),
        ((OK[:9], OK[9:30], OK[30:]), False, b"ok"),
        ((b"HTTP/1.1 200 OK\r\n\r\n", b"o", b"k"), True, b"ok"),
        (
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\no\r\n",
                b"1\r\nk\r\n0\r\n\r\n",
            ),
            False,
            b"ok",
        ),
        ((b"HTTP/1.1 100 Continue\r\n\r\n", OK), False, b"ok"),
        ((b"HTTP/1.1 204 No\r\n\r\n",), False, b""),
    ],
)
def test_an_answer_is_read_whole(parts: tuple[bytes, ...], close: bool, body: bytes) -> None:
    with serving(answering(*parts, close=close, pause=0.02)) as port:
        ((_, found),) = asked(port)
    assert (found[0] // 100, found[2]) == (2, body)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ((b"SSH-2.0-OpenSSH\r\n\r\n",), "no HTTP"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",), "before the answer was whole"),
        ((b"",), "without an answer"),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",), "invalid literal"),
        ((b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 200_000), "more than 65536 bytes"),
    ],
)
def test_what_is_no_whole_answer_has_failed(parts: tuple[bytes, ...], why: str) -> None:
    with serving(answering(*parts, close=True)) as port:
        ((_, found),) = asked(port)
    assert isinstance(found, str)
    assert why in found


def test_a_trickle_is_given_up() -> None:
    with serving(answering(*(bytes([byte]) for byte in OK), pause=0.2)) as port:
        ((seconds, found),) = asked(port)
    assert found == "no answer within 1 s"
    assert 0.9 < seconds < 1.5


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ((_, found),) = asked(port)
    assert found == "Connection refused"


def test_a_connection_is_kept_and_its_break_is_told() -> None:
    connections = []

    def answer(connection: socket.socket) -> None:
        connections.append(connection)
        with connection:
            for _ in range(3):
                connection.recv(4096)
                connection.sendall(OK)

    with serving(answer) as port:
        found = [what for _, what in asked(port, kept=True, times=5)]
    assert len(connections) == 2
    assert [isinstance(what, str) for what in found] == [False, False, False, True, False]
    assert "kept connection" in found[3] or "without an answer" in found[3]


def test_a_new_connection_each_time() -> None:
    connections = []

    def answer(connection: socket.socket) -> None:
        connections.append(connection)
        answering(OK)(connection)

    with serving(answer) as port:
        asked(port, times=3)
    assert len(connections) == 3


def test_it_asks_ten_times_a_second_while_anything_fails_and_half_as_often_else() -> None:
    pace = Pace()
    now = sampler.clock()
    assert pace.wait(False) <= 0.1
    pace._failed = now - 60
    assert {round(pace.wait(False), 1), round(pace.wait(True), 1)} != {0.0}
    assert abs((pace.wait(True) - pace.wait(False)) % 0.2 - 0.1) < 0.01, "each in turn"


def test_a_head_without_end_is_refused() -> None:
    one, two = socket.socketpair()
    with one, two:
        one.sendall(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 15_000)
        with pytest.raises(NoAnswer, match="65536"):
            receive(two, sampler.clock() + 1)


def started(port: int, **more: Any) -> "subprocess.Popen[bytes]":
    at = {"host": "localhost", "port": port, "path": "/health"}
    lanes = {"hub/bridge/new": {**at, "kept": False}, "hub/bridge/kept": {**at, "kept": True}}
    asked = json.dumps({"lanes": lanes, "headers": [], **more})
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, asked], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def test_in_a_pod_it_tells_what_it_has_sampled_when_it_is_asked() -> None:
    with serving(answering(OK)) as port, started(port) as process:
        assert process.stdin
        assert process.stdout
        time.sleep(2)
        process.stdin.write(b"7\n")
        process.stdin.flush()
        told = json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(3) == 0
    assert told["number"] == 7
    (answer,) = told["answers"]
    assert (answer["status"], answer["body"]) == (200, "ok")
    assert {lane for lane, *_ in told["samples"]} == {"hub/bridge/new", "hub/bridge/kept"}
    assert len(told["samples"]) > 4
    assert all(begin <= end <= told["at"] for _, begin, end, _ in told["samples"])


def test_in_a_pod_it_tells_a_change_at_once() -> None:
    with serving(answering(OK, close=True)) as port, started(port) as process:
        assert process.stdout
        assert process.stdin
        told = json.loads(process.stdout.readline())  # the kept connection is closed each time
        process.stdin.close()
    assert told["number"] is None
    assert any(isinstance(what, str) for *_, what in told["samples"])


def test_in_a_pod_it_ends_by_itself_if_nobody_asks() -> None:
    program = PROGRAM.replace(b"SILENCE = 10", b"SILENCE = 1")
    assert program != PROGRAM
    asked = json.dumps({"lanes": {}, "headers": []})
    with subprocess.Popen(
        [sys.executable, "-c", program, asked], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.wait(5) != 0


def test_it_is_a_program_for_older_pythons() -> None:
    """Nothing that Python 3.7 does not parse."""
    ast.parse(PROGRAM, feature_version=(3, 7))


def test_a_pods_clock_is_known_as_bounds() -> None:
    clock = Clock()
    clock.learn(put=100.0, said=5.0, heard=100.4)
    clock.learn(put=101.0, said=6.1, heard=101.2)
    sample = clock.sample(7.0, 7.1, None)
    assert sample.begin == pytest.approx(102.0)
    assert sample.end == pytest.approx(102.2)
