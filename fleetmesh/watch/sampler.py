"""Asks one HTTP question again and again, on new connections or on one that it keeps.

Ten times a second in all, on each in turn; and on each ten times a second while anything fails.

The suite asks hosts with it. From inside a cluster it is run by the Python of a pod's image, 3.7 or
later, with `{"lanes": {LANE: {"host": …, "port": …, "path": …, "kept": …}}, "headers": […]}`. Then
each line on standard input is a number, and is answered by a line of JSON: `number`, the time `at`
which it was said by the pod's own clock, the `answers` that were not told before, and the `samples`
since: lane, begin, end, and the number of the answer, or why there was none. A change is told at
once, without a number. It ends with its input, or when SILENCE seconds have passed without a line.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Told = Callable[[float, float, Any], None]
    """Is given when a question was asked, when its end was known, and its answer or the reason."""

PERIOD = 0.1
"""Seconds from one question to the next, if it is answered meanwhile."""
CALM = 10.0
"""Seconds without a failure after which each lane asks only half as often."""
PATIENCE = 1.0
"""Seconds after which a question that is not answered has failed."""
LIMIT = 64 * 1024
"""Bytes of an answer."""
SILENCE = 10
_HASTE = 0.2
"""Seconds that lie between two lines that nobody has asked for."""
_BLANK = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*(?=\r\n|$)")
_STATUS = re.compile(rb"http/1\.[01] (\d{3})\b")

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def clock() -> float:
    """Seconds that go on while a machine sleeps, and that nobody sets."""
    return time.clock_gettime(_CLOCK)


class NoAnswer(Exception):
    """There is no whole answer; the text says why."""


class NotAsked(Exception):
    """Nothing is known of the answer, because the question did not get there; the text says why."""


def get(host: str, port: int, path: str) -> bytes:
    """The request."""
    at = "[%s]" % host if ":" in host else host  # noqa: UP031 - shorter
    head = f"GET {path} HTTP/1.1\r\nHost: {at}:{port}\r\nAccept-Encoding: identity\r\n"
    return f"{head}User-Agent: fleetmesh-watch\r\n\r\n".encode()


class _Reader:
    """What comes on a connection, until a moment."""

    def __init__(self, stream: Any, until: float) -> None:
        self.stream = stream
        self.until = until
        self.came = b""

    def more(self) -> bool:
        """Wait for some bytes; False at the end of what comes."""
        left = self.until - clock()
        if left <= 0:
            raise socket.timeout
        if len(self.came) > LIMIT:
            raise NoAnswer(f"it answers with more than {LIMIT} bytes")
        self.stream.settimeout(left)
        part = self.stream.recv(LIMIT)
        self.came += part
        return bool(part)

    def to(self, size: int) -> None:
        """Wait until so many bytes have come."""
        while len(self.came) < size:
            if not self.more():
                raise NoAnswer("the connection ended before the answer was whole")

    def line(self, start: int, end: bytes) -> int:
        """Wait for `end` after `start`; where it stands."""
        while True:
            found = self.came.find(end, start)
            if found >= 0:
                return found
            if not self.more():
                raise NoAnswer("the connection was closed without an answer")

    def chunks(self, at: int) -> bytes:
        """A chunked body; RFC 9112, 7.1."""
        body = b""
        while True:
            end = self.line(at, b"\r\n")
            size = int(self.came[at:end].partition(b";")[0], 16)
            if not size:
                self.line(end, b"\r\n" if self.came[end:].startswith(_BLANK) else _BLANK)
                return body
            self.to(end + 4 + size)
            body += self.came[end + 2 : end + 2 + size]
            at = end + 4 + size


def receive(stream: Any, until: float) -> tuple[int, bytes, bytes, bool]:
    """Status, head and body of the answer, and whether its connection can be kept.

    Raises NoAnswer, OSError, and ValueError for what is no HTTP.
    """
    reader, start = _Reader(stream, until), 0
    while True:
        end = reader.line(start, _BLANK)
        head = reader.came[start:end].lower()
        status = _STATUS.match(head)
        if not status:
            raise NoAnswer("what it answers is no HTTP")
        if not 100 <= int(status[1]) < 200:
            break
        start = end + len(_BLANK)
    keeps = head.startswith(b"http/1.1") and b"\r\nconnection: close" not in head
    begin = end + len(_BLANK)
    length = _LENGTH.search(head)
    if b"\r\ntransfer-encoding:" in head:
        body = reader.chunks(begin)
    elif length or int(status[1]) in (204, 304):
        size = int(length[1]) if length else 0
        reader.to(begin + size)
        body = reader.came[begin : begin + size]
        keeps = keeps and len(reader.came) == begin + size
    else:
        while reader.more():
            pass
        body, keeps = reader.came[begin:], False
    return int(status[1]), reader.came[start:end], body, keeps


class Pace:
    """How fast all lanes of a place ask: twice as fast for a while after one has failed."""

    def __init__(self) -> None:
        self._failed = clock()

    def failed(self) -> None:
        """Note that one has failed just now."""
        self._failed = clock()

    def wait(self, kept: bool) -> float:
        """Seconds until the next question: all new connections go together, and all kept ones."""
        now = clock()
        period = PERIOD if now - self._failed < CALM else 2 * PERIOD
        offset = PERIOD if kept else 0.0
        return period - (now - offset) % period


class Sampler:
    """Asks over and over, until it is stopped.

    `dial` connects within the seconds that it is given; what it raises is an OSError, NoAnswer, or
    NotAsked. `told` gets each sample, whose end is an answer as (status, head, body), or why there
    is none, as text; and NotAsked, if nothing is known.
    """

    def __init__(
        self,
        dial: Callable[[float], Any],
        request: bytes,
        kept: bool,
        told: Told,
        pace: Pace,
        stopped: threading.Event,
    ) -> None:
        self.dial = dial
        self.request = request
        self.kept = kept
        self.told = told
        self.pace = pace
        self.stopped = stopped
        self._stream: Any = None

    def run(self) -> None:
        """Ask at the pace; a question that takes longer puts the next one off."""
        while not self.stopped.wait(self.pace.wait(self.kept)):
            self.once()
        self.close()

    def once(self) -> None:
        """Ask once."""
        begin = clock()
        stage = "no connection"
        found: Any = None
        try:
            stream, self._stream = self._stream, None
            if stream is None:
                stream = self.dial(PATIENCE)
            else:
                stage = "on the kept connection"
            self._stream = stream
            if stage == "no connection":
                stage = "no answer"
            stream.settimeout(PATIENCE)
            stream.sendall(self.request)
            status, head, body, keeps = receive(stream, begin + PATIENCE)
            found = (status, head, body)
            if not (keeps and self.kept):
                self.close()
        except NotAsked as error:
            found = error
        except socket.timeout:
            found = f"{stage} within {PATIENCE:g} s"
            if stage == "on the kept connection":
                found = f"no answer on the kept connection within {PATIENCE:g} s"
        except (OSError, NoAnswer, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            kept = "the kept connection broke: " if stage == "on the kept connection" else ""
            found = f"{kept}{why}"
        if not isinstance(found, tuple):
            self.pace.failed()
            self.close()
        self.told(begin, clock(), found)

    def close(self) -> None:
        """Let go of the connection that it keeps."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(Exception):  # whatever it is, it is gone
                stream.close()


class _Names:
    """What a name resolves to, asked anew once a second, by a thread that may hang over it."""

    def __init__(self, host: str, port: int) -> None:
        self._where = (host, port)
        self._found: Any = None
        self._at = -1.0
        self._changed = threading.Condition()
        self._wanted = threading.Event()
        threading.Thread(target=self._resolve, daemon=True).start()

    def _resolve(self) -> None:
        while True:
            self._wanted.wait()
            try:
                found: Any = socket.getaddrinfo(*self._where, type=socket.SOCK_STREAM)
            except OSError as error:
                found = error
            with self._changed:
                self._found, self._at = found, clock()
                self._wanted.clear()
                self._changed.notify_all()

    def addresses(self, within: float) -> Any:
        """The addresses as getaddrinfo(3) has them. Raises OSError and NoAnswer."""
        until = clock() + within
        with self._changed:
            if clock() - self._at > 1 or isinstance(self._found, OSError):
                self._at = -1.0
                self._wanted.set()
            while self._at < 0:
                left = until - clock()
                if left <= 0:
                    raise NoAnswer(f"DNS does not answer for {self._where[0]} within {within:g} s")
                self._changed.wait(left)
            if isinstance(self._found, OSError):
                raise NoAnswer(f"{self._where[0]}: {self._found.strerror}")
            return self._found


def dialler(host: str, port: int) -> Callable[[float], socket.socket]:
    """Connects to a name or an address from here."""
    names = _Names(host, port)

    def dial(within: float) -> socket.socket:
        until, error = clock() + within, OSError("it has no address")
        for family, kind, protocol, _, address in names.addresses(within):
            connection = socket.socket(family, kind, protocol)
            connection.settimeout(max(0.001, until - clock()))
            try:
                connection.connect(address)
            except OSError as refused:
                connection.close()
                error = refused
            else:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connection
        raise error

    return dial


class _Book:
    """What is still to be told of all lanes, and a pipe that wakes whoever tells it."""

    def __init__(self, names: list[str]) -> None:
        self.lock = threading.Lock()
        self.samples: list[Any] = []
        self.answers: list[Any] = []
        self.news, self._wake = os.pipe()
        self._names = {name.lower() for name in names}
        self._known: dict[Any, int] = {}
        self._count = 0
        self._last: dict[str, Any] = {}

    def teller(self, lane: str) -> Told:
        """Notes the samples of a lane."""

        def told(begin: float, end: float, found: Any) -> None:
            with self.lock:
                what = self._numbered(found) if isinstance(found, tuple) else found
                self.samples.append((lane, round(begin, 4), round(end, 4), what))
                state = found[0] if isinstance(found, tuple) else found
                if self._last.get(lane, state) != state:
                    os.write(self._wake, b"!")
                self._last[lane] = state

        return told

    def _numbered(self, found: tuple[int, bytes, bytes]) -> int:
        status, head, body = found
        headers = []
        for line in head.split(b"\r\n")[1:] if self._names else []:
            name, _, value = line.decode("latin-1").partition(":")
            if name.strip().lower() in self._names:
                headers.append([name.strip().lower(), value.strip()])
        key = (status, json.dumps(headers), body)
        if key not in self._known:
            if len(self._known) > 1000:  # a body that differs each time
                self._known.clear()
            self._count += 1
            self._known[key] = self._count
            said = {"number": self._count, "status": status, "headers": headers}
            self.answers.append({**said, "body": body.decode("latin-1")})
        return self._known[key]

    def tell(self, number: int | None) -> None:
        """Print all of it."""
        with self.lock:
            said = {"number": number, "answers": self.answers, "samples": self.samples}
            self.answers, self.samples = [], []
        data = json.dumps({**said, "at": clock()}).encode() + b"\n"
        while data:
            data = data[os.write(1, data) :]


def main(asked: dict[str, Any]) -> None:
    """Ask for all lanes, and tell, until the input ends."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(SILENCE)
    book, pace, stopped = _Book(asked["headers"]), Pace(), threading.Event()
    for lane, at in asked["lanes"].items():
        request = get(at["host"], at["port"], at["path"])
        dial = dialler(at["host"], at["port"])
        sampler = Sampler(dial, request, at["kept"], book.teller(lane), pace, stopped)
        threading.Thread(target=sampler.run, daemon=True).start()
    given = b""
    while True:
        ready, _, _ = select.select([0, book.news], [], [])
        number = None
        if 0 in ready:
            part = os.read(0, 4096)
            if not part:
                os._exit(0)
            signal.alarm(SILENCE)  # its default action ends the process, whatever it does
            *lines, given = (given + part).split(b"\n")
            if not lines:
                continue
            number = int(lines[-1])
        else:
            os.read(book.news, 4096)
            time.sleep(_HASTE / 2)
        book.tell(number)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
