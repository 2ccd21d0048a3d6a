"""Answers that are meant to do harm: none takes memory or time without bound, none counts."""

import gzip
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fleetmesh.gather import Fleet
from fleetmesh.sessions.forward import RESET
from selftests.gather.test_kubernetes import (
    DEPLOYMENT,
    INSIDE,
    PODS,
    TOKEN,
    VERSION,
    Api,
    api,
    ask,
    cluster,
    config,
)

__all__ = ["api", "cluster", "config"]  # fixtures

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
OK = b'{"gitVersion": "v1.32.4"}'
MEGABYTE = b"x" * 2**20
BOMB = gzip.compress(b" " * 2**24) * 40


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


def endless(*before: bytes) -> Iterator[bytes]:
    yield from before
    while True:
        yield MEGABYTE


def chunked() -> Iterator[bytes]:
    yield HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    while True:
        yield chunk(MEGABYTE)


def trickle(*before: bytes) -> Iterator[bytes]:
    yield from before
    while True:
        time.sleep(0.1)
        yield b" "


def bomb(coding: bytes) -> Iterator[bytes]:
    length = b"Content-Length: %d\r\n\r\n" % len(BOMB)
    yield HEAD + b"Content-Encoding: " + coding + b"\r\n" + length + BOMB


ANSWERS: dict[str, tuple[Callable[[], Iterator[bytes]], str]] = {
    "compressed": (lambda: bomb(b"gzip"), "it sent a compressed body (gzip), unasked"),
    "twice compressed": (lambda: bomb(b"gzip, gzip"), "a compressed body (gzip, gzip), unasked"),
    "with a length": (
        lambda: endless(HEAD + b"Content-Length: 99999999999\r\n\r\n"),
        "it sent more than 4194304 bytes of body",
    ),
    "without a length": (
        lambda: endless(HEAD + b"Connection: close\r\n\r\n"),
        "it sent more than 4194304 bytes of body",
    ),
    "chunked": (chunked, "it sent more than 4194304 bytes of body"),
    "one chunk": (
        lambda: endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n"),
        "it sent more than 4194304 bytes of body",
    ),
    "a header": (lambda: endless(HEAD + b"X: "), ""),
    "headers": (lambda: endless(HEAD, *[b"X: y\r\n"] * 2000), ""),
    "a status": (lambda: endless(b"HTTP/1.1 "), ""),
    "continue": (lambda: iter([b"HTTP/1.1 100 Continue\r\n\r\n"] * 1_000_000), ""),
    "trickle": (lambda: trickle(HEAD + b"Connection: close\r\n\r\n" + OK), ""),
    "trickle with a length": (lambda: trickle(HEAD + b"Content-Length: 999\r\n\r\n" + OK), ""),
    "trickled header": (lambda: trickle(HEAD + b"X: "), ""),
    "short": (lambda: iter([HEAD + b"Content-Length: 999\r\n\r\n" + OK]), ""),
    "short chunk": (
        lambda: iter([HEAD + b"Transfer-Encoding: chunked\r\n\r\nfff\r\n" + OK]), ""
    ),
}  # fmt: skip


@pytest.fixture
def says(api: type[Api]) -> Callable[[Callable[[], Iterator[bytes]]], list[str]]:
    """Have the API say what is given, whatever it is asked; returns the encodings asked for."""

    def give(answer: Callable[[], Iterator[bytes]]) -> list[str]:
        asked: list[str] = []

        def do_GET(self: Api) -> None:
            asked.append(str(self.headers["Accept-Encoding"]))
            self.close_connection = True
            with suppress(OSError):
                try:
                    for part in answer():
                        self.connection.sendall(part)
                except ConnectionAbortedError:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    self.connection.close()

        api.do_GET = do_GET  # type: ignore[method-assign]
        return asked

    return give


Says = Callable[[Callable[[], Iterator[bytes]]], list[str]]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("answer", "why"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_does_not_end_is_lost(
    cluster: Fleet, says: Says, answer: Callable[[], Iterator[bytes]], why: str
) -> None:
    asked = says(answer)
    began = time.monotonic()
    found = ask(cluster, VERSION)
    assert time.monotonic() - began < 8
    assert found.lost is not None
    assert found.lost.startswith("railiance01: the API did not answer: ")
    assert why in found.lost
    assert len(found.lost) < 400
    assert (found.exit_status, found.stdout) == (None, b"")
    assert set(asked) == {"identity"}


def test_an_answer_without_a_length_that_ends_is_whole(cluster: Fleet, says: Says) -> None:
    says(lambda: iter([HEAD + b"Connection: close\r\n\r\n", OK]))
    found = ask(cluster, VERSION)
    assert (found.lost, found.exit_status, found.stdout) == (None, 200, OK)


def test_an_answer_without_a_length_that_breaks_off_is_lost(cluster: Fleet, says: Says) -> None:
    def broken() -> Iterator[bytes]:
        yield HEAD + b"Connection: close\r\n\r\n" + OK
        time.sleep(0.2)
        raise ConnectionAbortedError

    says(broken)
    found = ask(cluster, VERSION)
    assert (found.lost or "").startswith("railiance01: the API did not answer: ")


FRAMES = {
    "stdout": (1, "the program in the pod printed more than 1048576 bytes"),
    "stderr": (2, "the program in the pod printed more than 1048576 bytes"),
    "status": (3, ""),
    "another": (9, ""),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("channel", "why"), FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("how", ["frames", "one frame"])
def test_a_command_in_a_pod_that_prints_without_end_is_lost(
    cluster: Fleet, api: type[Api], channel: int, why: str, how: str
) -> None:
    def talk(self: Api, _: object) -> None:
        with suppress(OSError):
            Api.talk(self, [])
            if how == "one frame":
                self.wfile.write(b"\x82\x7f" + struct.pack(">Q", 2**40) + bytes([channel]))
                while True:
                    self.wfile.write(MEGABYTE)
            content = bytes([channel]) + b"x" * 60_000
            while True:
                self.frame(0x82, content)

    api.frames = []
    api.talk = talk  # type: ignore[method-assign, assignment]
    began = time.monotonic()
    found = ask(cluster, INSIDE)
    assert time.monotonic() - began < 8
    assert found.lost is not None
    assert found.lost.startswith("railiance01: ")
    assert how == "one frame" or why in found.lost
    assert found.exit_status is None
    assert len(found.stdout) + len(found.stderr) < 20_000


def test_a_status_that_is_no_json_is_none(cluster: Fleet, api: type[Api]) -> None:
    anchors = b"a: &a [x]\nb: &b [*a, *a]\n"
    for status in (anchors, b'{"status": "Failure", "status": "Success"}', b"", b"[" * 50_000):
        api.frames = [(1, b"out"), (3, status), (-1, b"")]
        found = ask(cluster, INSIDE)
        assert found.exit_status is None


@pytest.mark.parametrize("message", ["x" * 30_000, "a\x1b[2Jb", "two\nlines"])
def test_a_message_is_told_in_a_sentence(cluster: Fleet, api: type[Api], message: str) -> None:
    for path, probe in (("/version", VERSION), (DEPLOYMENT, INSIDE), (PODS, INSIDE)):
        before = api.answers[path]
        api.answers[path] = (403, {"kind": "Status", "message": message})
        found = ask(cluster, probe)
        api.answers[path] = before
        assert found.lost is not None
        assert len(found.lost) < 400
        assert found.lost.isprintable()


def test_an_api_that_says_two_things_is_not_heard(cluster: Fleet, api: type[Api]) -> None:
    api.answers[DEPLOYMENT] = (200, b'{"spec": {}, "spec": {}}')
    found = ask(cluster, INSIDE)
    assert found.lost == (
        "railiance01: the API answered 200 with JSON that says 'spec' more than once"
    )


USERS = "- {name: u, user: {token: t}}\n" * 2_100  # all that the session here lets through
LAYERS = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20))
KUBECONFIGS = {
    "users": (lambda text: text.replace("users:", "more:") + f"users:\n{USERS}", "10000 values"),
    "aliases": (lambda text: text + "a0: &a0 [x, x]\n" + LAYERS, "10000 values"),
    "merges": (lambda text: text + "a: {<<: {b: c}}\n", "a.<<: is a merge"),
    "deep": (lambda text: text + "a: " + "[" * 5_000 + "\n", "is nested too deeply"),
    "twice": (lambda text: text + "users: []\n", "line 5: 'users' occurs twice"),
    "a tag": (lambda text: text + "a: !!python/name:os.system\n", "has the tag !!python/name"),
    "long": (lambda text: text + "#" * 300_000, "printed more than"),
    "a token in two lines": (
        lambda text: text.replace(TOKEN, f'"{TOKEN}\\r\\nX: y"'), "token holds what no header can"
    ),
    "a token that is a number": (
        lambda text: text.replace(TOKEN, "12345678"), "token holds what no header can"
    ),
    "a name that is none": (
        lambda text: text.replace("server: '", "tls-server-name: \"a\\0b\", server: '"),
        "tls-server-name 'a\\x00b' is no name of a server",
    ),
    "a server that is none": (
        lambda text: text.replace("'https://", "'https://x y;").replace("127.0.0.1:", "z:"),
        "is no",
    ),
    "a long name": (
        lambda text: text.replace("current-context: c", f"current-context: {'c' * 9_000}"),
        "has no context named",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "why"), KUBECONFIGS.values(), ids=KUBECONFIGS)
def test_a_hostile_kubeconfig_costs_its_cluster_only(
    cluster: Fleet, config: Path, change: Callable[[str], str], why: str
) -> None:
    config.write_text(change(config.read_text()))
    began = time.process_time()
    found = ask(cluster, VERSION)  # which asks another host along, and finds no token anywhere
    assert time.process_time() - began < 5
    assert found.lost is not None
    assert "railiance01: " in found.lost
    assert why in found.lost
    assert found.lost.isprintable()
    assert len(found.lost) < 600


@pytest.mark.parametrize("remark", ['"note": 2026-99-99', "note: !!str 0x_", "port: 8_0", "on: no"])
def test_what_is_not_consulted_does_not_matter(cluster: Fleet, config: Path, remark: str) -> None:
    config.write_text(config.read_text() + remark + "\n")
    assert ask(cluster, VERSION).lost is None
