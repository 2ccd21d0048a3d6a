"""One SSH connection to a host, for commands and forwards of any number of threads."""

import select
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import paramiko

from fleetmesh.sessions.channel import end_writing, execute, send, started
from fleetmesh.sessions.command import LEFT, LIMIT, PERIOD, Capture, Completed, Follow
from fleetmesh.sessions.forward import HERE, Forwarder, Origin, Stream
from fleetmesh.sessions.link import Link
from fleetmesh.sessions.target import ChannelRefused, Deadline, Identity, Target
from fleetmesh.sessions.transport import Transport
from fleetmesh.sessions.turns import Turns
from fleetmesh.text.legible import brief

CHUNK = 64 * 1024
BROKEN = (paramiko.SSHException, EOFError, OSError)


class SshSession:
    """A Session over SSH."""

    def __init__(self, target: Target, identity: Identity, link: Link) -> None:
        self.target = target
        self.identity = identity
        self.channels = 0
        self._link = link
        self._transport = link.transports[-1]
        self._turns = Turns(self._transport)
        self._counting = threading.Lock()
        self._prepared: dict[str, Future[paramiko.Channel | None]] = {}
        self._lost: str | None = None

    @property
    def lost(self) -> str | None:
        """See Session.lost."""
        return self._lost

    def run(
        self,
        command: str,
        *,
        deadline: float,
        limit: int = LIMIT,
        stdin: bytes = b"",
        follow: Follow | None = None,
    ) -> Completed:
        """See Session.run."""
        started, clock = datetime.now(UTC), time.monotonic()
        execution = _Execution(self._transport, self.target.name, Deadline(deadline), limit)
        lost = self._lost
        if lost is None:
            try:
                # Where one is being prepared, it is waited for: there may be room for no other.
                prepared = self._prepared.pop(command, None)
                channel = prepared.result() if prepared else None
                if channel is None:
                    channel, execution.deadline = self._open(command, deadline)
                else:
                    execution.deadline = Deadline(deadline)
                with self._turns.taken(), self._guarded(deadline):
                    lost = execution.run(channel, stdin, follow)
            except ChannelRefused as refused:
                lost = execution.refused(refused)
            except BROKEN as error:
                lost = execution.broken(error)
        if execution.dead and self._lost is None:
            self._lost = lost
            self._link.abort()
        return Completed(
            command=command,
            exit_status=execution.exit_status,
            stdout=bytes(execution.capture.stdout),
            stderr=bytes(execution.capture.stderr),
            started=started,
            seconds=time.monotonic() - clock,
            truncated=execution.capture.truncated,
            lost=lost,
        )

    def prepare(self, command: str) -> None:
        """See Session.prepare. A host that allows no more commands now is asked again then."""
        preparing = self._prepared[command] = Future()
        channel = None
        try:
            with suppress(ChannelRefused, *BROKEN):
                channel, _ = self._open(command, self.target.connect_deadline)
        finally:
            preparing.set_result(channel)

    def _open(self, command: str, seconds: float) -> tuple[paramiko.Channel, Deadline]:
        """A channel on which the command is being started. Raises ChannelRefused."""
        with self._counting:
            self.channels += 1
        channel, deadline = self._turns.open(seconds)
        try:
            with self._guarded(seconds):
                for variable, value in self._transport.environment.items():
                    channel.set_environment_variable(variable, value)
                execute(channel, command.encode())
        except BROKEN:
            self._turns.over()
            raise
        return channel, deadline

    @contextmanager
    def _guarded(self, seconds: float) -> Iterator[None]:
        """Cut the connection in the end: paramiko waits for some answers without limit."""
        guard = threading.Timer(seconds + 0.5, self._link.abort)
        guard.daemon = True
        guard.start()
        try:
            yield
        finally:
            guard.cancel()

    def forward(
        self,
        host: str,
        port: int,
        *,
        deadline: float | None = None,
        patience: float | None = None,
        limit: int | None = None,
        ahead: int = 0,
    ) -> Forwarder:
        """See Session.forward."""
        seconds = self.target.connect_deadline if deadline is None else deadline

        def dial(origin: Origin) -> Stream:
            return self.dial(host, port, deadline=seconds, origin=origin)

        return Forwarder(dial, patience, limit, ahead)

    def dial(self, host: str, port: int, *, deadline: float, origin: Origin = HERE) -> Stream:
        """See Session.dial."""
        if self._lost:
            raise ChannelRefused(self._lost)
        until = Deadline(deadline)
        return self._transport.open("direct-tcpip", until, (host, port), origin)

    def answers(self, deadline: float) -> bool:
        """See Session.answers."""
        until, before = Deadline(deadline), self._transport.replies
        self._transport.ping()
        while self._transport.is_active() and not until.passed:
            if self._transport.replies != before:
                return True
            time.sleep(0.02)
        return False

    def close(self) -> None:
        """See Session.close."""
        self._lost = self._lost or f"the session with {self.target.name} is closed"
        self._link.close()


class _Execution:
    """One command on a channel of its own."""

    def __init__(self, transport: Transport, host: str, deadline: Deadline, limit: int) -> None:
        self.transport = transport
        self.host = host
        self.deadline = deadline
        self.capture = Capture(limit)
        self.exit_status: int | None = None
        self.dead = False

    def refused(self, why: ChannelRefused) -> str:
        """What it means that there was no channel for it."""
        self.dead = self.deadline.passed or not self.transport.is_active()
        return f"{self.host} opened no channel for the command: {why}"

    def run(self, channel: paramiko.Channel, stdin: bytes, follow: Follow | None) -> str | None:
        """Follow it to its end; returns why it did not run to it, or None."""
        try:
            lost = self._talk(channel, stdin, follow)
            if lost and self.transport.is_active() and not channel.closed:
                self.transport.terminate(channel)
        except BROKEN as error:
            lost = self.broken(error)
        finally:
            channel.close()
        return lost

    def _talk(self, channel: paramiko.Channel, stdin: bytes, follow: Follow | None) -> str | None:
        """Feed the input and drain both streams, in one loop so that neither can block another."""
        channel.settimeout(0)
        poll = select.poll()
        poll.register(channel.fileno(), select.POLLIN)
        given, open_input = 0, True
        asked: tuple[int, int] | None = None
        while True:
            ended = channel.eof_received or channel.closed
            while channel.recv_ready() or channel.recv_stderr_ready():
                if channel.recv_ready():
                    self.capture.add(self.capture.stdout, channel.recv(CHUNK))
                if channel.recv_stderr_ready():
                    self.capture.add(self.capture.stderr, channel.recv_stderr(CHUNK))
                if self.capture.truncated or self.deadline.passed:
                    break
            if self.capture.truncated:
                return f"the command printed more than {self.capture.limit} bytes"
            if ended and not (channel.recv_ready() or channel.recv_stderr_ready()):
                return self._end(channel)
            if follow and follow(bytes(self.capture.stdout), bytes(self.capture.stderr)):
                return LEFT
            if self.deadline.passed:
                return self._too_late(alive=asked != self._heard())
            if given < len(stdin) and channel.send_ready():
                given += send(channel, stdin[given : given + CHUNK])
            if given == len(stdin) and open_input:  # at once: who reads to the end waits for it
                end_writing(channel)
                open_input = False
            # Asked in time, a host that no longer answers is told from a command that is slow.
            pause = self.deadline.left
            if pause < min(2.0, self.deadline.seconds / 2):
                if asked is None:
                    asked = self._heard()
                    self.transport.ping()
            else:
                pause -= min(2.0, self.deadline.seconds / 2)
            pause = min(pause, PERIOD) if follow else pause
            poll.poll((min(pause, 0.01) if given < len(stdin) else pause) * 1000 + 1)

    def _heard(self) -> tuple[int, int]:
        """Grows with every sign of life."""
        return self.transport.replies, len(self.capture.stdout) + len(self.capture.stderr)

    def _end(self, channel: paramiko.Channel) -> str | None:
        channel.status_event.wait(self.deadline.left)
        if channel.exit_status >= 0:
            self.exit_status = channel.exit_status
            return None
        if name := self.transport.signals.pop(channel.chanid, None):
            return f"the command was ended by SIG{name}"
        if not self._connected():
            return self._why_broken("")
        if self.deadline.passed:
            return self._too_late(alive=True)
        if not started(channel):
            return self._why_broken("channel closed")
        return f"{self.host} closed the channel without telling how the command ended"

    def broken(self, error: Exception) -> str:
        """What it means that the channel broke."""
        return self._why_broken(brief(str(error)) or "channel closed")

    def _too_late(self, *, alive: bool) -> str:
        if alive:
            return f"the command did not finish within {self.deadline}"
        self.dead = True
        return f"{self.host} stopped answering; the command had {self.deadline}"

    def _connected(self) -> bool:
        # paramiko closes the channels of a lost connection before it owns up to the loss.
        self.transport.join(0.1)
        return self.transport.is_active()

    def _why_broken(self, words: str) -> str:
        if self._connected():
            return f"{self.host} refused to run the command: {words}"
        self.dead = True
        if self.deadline.passed:
            return self._too_late(alive=False)
        ending = self.transport.farewell or "connection closed"
        return f"the connection to {self.host} was lost during the command ({ending})"
