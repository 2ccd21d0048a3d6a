"""The session with one host, opened again whenever it is lost."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fleetmesh.sessions import (
    ConfigProblem,
    HostKeyMismatch,
    HostKeyUnknown,
    LoginRefused,
    Session,
    Target,
    Unreachable,
    connect,
)
from fleetmesh.sessions import channel as channels
from fleetmesh.sessions.target import ChannelRefused, NotAnswered, NotConnected
from fleetmesh.watch.sampler import PATIENCE, NoAnswer, NotAsked, clock

_PULSE = 0.4
"""Seconds between two signs of life that are asked for."""
_LATE = 0.3
"""Seconds by which one may be late, beyond its own round trip."""
_SILENT = 3.0
"""Seconds without one after which a session counts as lost."""
_AGAIN = 2.0
"""Seconds between two attempts to reach a host."""
_REFUSED = 60.0
"""The same, where it has refused the log-in: sshd counts that, and would turn others away too."""
_FOR_EVER = (ConfigProblem, HostKeyMismatch, HostKeyUnknown)


class NotYet(NotAsked):
    """Nobody has tried to reach the host so far."""


class Link:
    """Keeps a session with a host until it is stopped.

    `noted` is told why the host cannot be asked, and with None that it can be again.
    """

    def __init__(
        self, target: Target, noted: Callable[[str | None], None], stopped: threading.Event
    ) -> None:
        self.target = target
        self._noted = noted
        self._stopped = stopped
        self._session: Session | None = None
        self._cause: str | None = None
        self._heard = self._trip = 0.0
        self._thread = threading.Thread(target=self._keep, name=f"link {target.name}", daemon=True)
        self._thread.start()

    @property
    def session(self) -> Session:
        """The session that is open now. Raises NotAsked, and NotYet before the first attempt."""
        if self._session is None:
            raise NotAsked(self._cause) if self._cause else NotYet
        return self._session

    def join(self) -> None:
        """Wait until the session is closed, once it was stopped."""
        self._thread.join(5)

    def _keep(self) -> None:
        while not self._stopped.is_set():
            pause = _AGAIN
            try:
                session = connect(self.target)
            except Unreachable as unreachable:
                self._lose(unreachable.cause)
                if isinstance(unreachable, _FOR_EVER):
                    return
                pause = _REFUSED if isinstance(unreachable, LoginRefused) else _AGAIN
            else:
                self._session, self._heard = session, clock()
                self._noted(None)
                while not self._stopped.wait(_PULSE) and self._answers(session):
                    pass
                if not self._stopped.is_set():
                    self._lose(f"{self.target.name} does not answer any more on our own session")
                session.close()
            self._stopped.wait(pause)

    def _answers(self, session: Session) -> bool:
        begin = clock()
        if not session.answers(_SILENT):
            return False
        self._heard = clock()
        self._trip = self._heard - begin
        return True

    def doubt(self, session: Session) -> None:
        """Raise NotAsked if it may be the host that was silent, and not what it was to ask."""
        silent = clock() - self._heard > _PULSE + _LATE + 2 * self._trip
        if silent or not session.answers(PATIENCE):
            raise NotAsked(f"{self.target.name} was silent on our own session")

    def _lose(self, cause: str) -> None:
        self._session, self._cause = None, cause
        self._noted(cause)


def dialler(link: Link, host: str, port: int) -> Callable[[float], Any]:
    """Connects from the link's host; what it raises is as `Sampler` wants it."""

    def dial(within: float) -> "_Stream":
        session = link.session
        try:
            return _Stream(link, session, session.dial(host, port, deadline=within))
        except NotConnected as refused:
            raise NoAnswer(str(refused).removeprefix("connect failed: ")) from None
        except NotAnswered:
            link.doubt(session)
            raise TimeoutError from None
        except (ChannelRefused, OSError, EOFError) as refused:
            raise NotAsked(f"{link.target.name}: {refused}") from None

    return dial


class _Stream:
    """A connection of the host's; where it ends, it says whether our own session did."""

    def __init__(self, link: Link, session: Session, stream: Any) -> None:
        self._link = link
        self._session = session
        self._stream = stream

    def settimeout(self, seconds: float) -> None:
        self._stream.settimeout(seconds)

    def sendall(self, data: bytes) -> None:
        try:
            if hasattr(self._stream, "get_transport"):
                while data:
                    data = data[channels.send(self._stream, data) :]
            else:
                self._stream.sendall(data)
        except (OSError, EOFError) as error:
            self._link.doubt(self._session)
            raise NoAnswer(str(error) or "the connection is closed") from None

    def recv(self, size: int) -> bytes:
        try:
            part: bytes = self._stream.recv(size)
        except (OSError, EOFError):
            self._link.doubt(self._session)
            raise
        if not part:
            self._link.doubt(self._session)
        return part

    def close(self) -> None:
        with suppress(Exception):
            self._stream.close()
