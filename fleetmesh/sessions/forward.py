"""A loopback listener whose connections are carried on from a host."""

import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self, Union

from fleetmesh.sessions import channel
from fleetmesh.text.legible import said

if TYPE_CHECKING:
    from paramiko import Channel

CHUNK = 64 * 1024
RESET = struct.pack("ii", 1, 0)  # socket(7), SO_LINGER: close with RST

Stream = Union[socket.socket, "Channel"]
Origin = tuple[str, int]
HERE: Origin = ("127.0.0.1", 0)
"""Whence a connection comes, where nobody has made one to this machine."""
Dial = Callable[[Origin], Stream]


@dataclass
class Carried:
    """What one connection carried: payload bytes towards (`sent`) and from the far end.

    `unasked` counts what has come since something was last sent, `opened` tells that the far end
    was connected, `ended` that it closed its direction, `error` why it could not be connected, or
    broke.
    """

    sent: int = 0
    received: int = 0
    unasked: int = 0
    opened: bool = False
    ended: bool = False
    error: str | None = None


class Forwarder:
    """Listens on 127.0.0.1:`port` until it is closed."""

    def __init__(
        self,
        dial: Dial,
        patience: float | None = None,
        limit: int | None = None,
        ahead: int = 0,
    ) -> None:
        self._patience = patience
        self._limit = limit
        self.connections: list[Carried] = []
        self._dial = dial
        self._lock = threading.Lock()
        self._open: set[Stream] = set()
        self._closed = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ahead: deque[Future[Stream]] = deque()
        self._threads = []
        for _ in range(ahead):
            self._ahead.append(Future())
            self._threads.append(self._start(self._connect, self._ahead[-1]))
        self._threads.append(self._start(self._accept))

    @property
    def last_error(self) -> str | None:
        """Why the latest connection that failed did, or None."""
        return next((c.error for c in reversed(self.connections) if c.error), None)

    def drop(self) -> None:
        """Cut every connection, without waiting for its end; new ones are still taken."""
        with self._lock:
            streams = list(self._open)
        for stream in streams:
            _cut(stream)

    def close(self) -> None:
        """Stop listening, cut every connection, and wait until that is done."""
        with self._lock:
            self._closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._listener.close()
        self.drop()
        for thread in list(self._threads):
            thread.join(1)
        for ahead in self._ahead:  # nobody came for it
            if ahead.done() and not ahead.exception():
                self._drop(ahead.result())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(
            target=target, args=arguments, daemon=True, name=f"forward {self.port}"
        )
        thread.start()
        return thread

    def _connect(self, ahead: "Future[Stream]") -> None:
        """Connect a far end before there is a near one."""
        try:
            far = self._dial(("127.0.0.1", 0))
            self._keep(far)
            ahead.set_result(far)
        except Exception as error:  # noqa: BLE001 - whatever it is, who takes it must hear of it
            ahead.set_exception(error)

    def _far(self, origin: tuple[str, int]) -> Stream:
        try:
            ahead = self._ahead.popleft()
        except IndexError:
            return self._dial(origin)
        return ahead.result()

    def _accept(self) -> None:
        while True:
            try:
                near, origin = self._listener.accept()
            except OSError:
                return
            carried = Carried()
            self.connections.append(carried)
            if self._keep(near):
                self._threads.append(self._start(self._carry, near, origin, carried))

    def _carry(self, near: socket.socket, origin: tuple[str, int], carried: Carried) -> None:
        try:
            far = self._far(origin)
        except Exception as error:  # noqa: BLE001 - whatever it is, the near end must hear of it
            carried.error = said(error)
            self._drop(near, reset=True)
            return
        if not self._keep(far):
            self._drop(near)
            return
        carried.opened = True
        near.settimeout(self._patience)
        back = self._start(self._receive, far, near, carried)
        self._threads.append(back)
        reset = False
        try:
            while data := near.recv(CHUNK):
                carried.sent += len(data)  # before it is answered, and the count is read
                carried.unasked = 0
                _send(far, data)
            _end_writing(far)
        except TimeoutError:
            carried.error, reset = f"no answer within {self._patience:g} s", True
            _cut(far)
        except Exception as error:  # noqa: BLE001 - paramiko raises more than OSError
            reset = not self._closed
            carried.error = carried.error or (said(error) if reset else None)
            _cut(far)
        back.join()
        self._drop(far)
        self._drop(near, reset=reset)

    def _receive(self, far: Stream, near: socket.socket, carried: Carried) -> None:
        try:
            while data := far.recv(CHUNK):
                carried.received += len(data)
                carried.unasked += len(data)
                if self._limit and carried.unasked > self._limit:
                    carried.error = f"it sent more than {self._limit} bytes"
                    _cut(far)
                    _cut(near)
                    return
                near.sendall(data)
            if isinstance(far, socket.socket) or far.eof_received:
                carried.ended = True
            elif not self._closed:
                carried.error = carried.error or "the connection to the host was lost"
            _end_writing(near)
        except Exception as error:  # noqa: BLE001 - paramiko raises more than OSError
            if not self._closed:
                carried.error = carried.error or said(error)
            _cut(near)

    def _keep(self, stream: Stream) -> bool:
        """Remember what close() must cut; a forward that is closed keeps nothing any more."""
        with self._lock:
            if not self._closed:
                self._open.add(stream)
                return True
        stream.close()
        return False

    def _drop(self, stream: Stream, *, reset: bool = False) -> None:
        with self._lock:
            self._open.discard(stream)
        if reset and isinstance(stream, socket.socket):
            with suppress(OSError):
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        stream.close()


def _send(stream: Stream, data: bytes) -> None:
    if isinstance(stream, socket.socket):
        stream.sendall(data)
        return
    while data:
        data = data[channel.send(stream, data) :]


def _end_writing(stream: Stream) -> None:
    with suppress(Exception):
        if isinstance(stream, socket.socket):
            stream.shutdown(socket.SHUT_WR)
        else:
            channel.end_writing(stream)


def _cut(stream: Stream) -> None:
    """End both directions, which wakes whoever waits on the stream."""
    with suppress(Exception):
        if isinstance(stream, socket.socket):
            stream.shutdown(socket.SHUT_RDWR)
        else:
            stream.close()
