"""The commands of one connection: where the host allows fewer at once, they take turns."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko

from fleetmesh.sessions.target import ChannelRefused, Deadline
from fleetmesh.sessions.transport import Transport

_MOMENT = 1.0
"""Seconds within which sshd notices that a session has ended, and allows another."""
_PAUSE = 0.05


class Turns:
    """Opens channels for commands; one that is refused while others run waits for their end."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._changed = threading.Condition()
        self._running = 0
        self._ended = 0
        self._last = float("-inf")

    def open(self, seconds: float) -> tuple[paramiko.Channel, Deadline]:
        """A channel, and the deadline of what it is for: waiting for others does not count.

        `over` or `taken` gives it back. Raises ChannelRefused.
        """
        while True:
            deadline = Deadline(seconds)
            with self._changed:
                self._running += 1
                before = self._ended
            try:
                return self._transport.open("session", deadline), deadline
            except ChannelRefused:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()
                if not self._transport.is_active() or not self._another_ends(before, seconds):
                    raise

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Use one of the channels, and close it."""
        try:
            yield
        finally:
            self.over()

    def over(self) -> None:
        """One of the channels has been closed."""
        with self._changed:
            self._running -= 1
            self._ended += 1
            self._last = time.monotonic()
            self._changed.notify_all()

    def _another_ends(self, before: int, seconds: float) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._ended != before or not self._running, seconds)
            if self._ended != before:
                return True
        if time.monotonic() - self._last > _MOMENT:
            return False
        time.sleep(_PAUSE)
        return True
