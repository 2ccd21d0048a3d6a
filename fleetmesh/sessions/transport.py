"""paramiko's transport, made to tell what it sees and otherwise keeps to itself.

The overridden names are paramiko's inner ones. They hold because requirements.lock pins its
version; selftests/sessions proves each of them against a real sshd.
"""

import logging
import socket
import threading
from contextlib import suppress
from typing import Any

import paramiko
from paramiko.common import (
    CONNECTION_FAILED_CODE,
    MSG_CHANNEL_REQUEST,
    cMSG_CHANNEL_REQUEST,
    cMSG_GLOBAL_REQUEST,
)

from fleetmesh.sessions.target import Deadline
from fleetmesh.text.legible import brief, said

# What matters is raised with the host's name; paramiko's own log would repeat it with tracebacks.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)

KEEPALIVE = 15  # seconds


class ChannelRefused(Exception):
    """The far end did not open a channel; the text is its reason."""


class _HopStream:
    """A jump host's channel as a stream whose closing never fails.

    The channel tells the hop that it closes; where the hop is gone that raises, in the middle of
    paramiko's own cleaning up.
    """

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def close(self) -> None:
        with suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.close()


class Transport(paramiko.Transport):
    """One SSH connection over `stream` (a socket, or a channel of a jump host)."""

    def __init__(self, stream: Any) -> None:
        sock: Any = stream if isinstance(stream, socket.socket) else _HopStream(stream)
        super().__init__(sock)
        self.farewell: str | None = None
        self.replies = 0
        self.signals: dict[int, str] = {}
        self._refusals: dict[int, str] = {}
        self._caller = threading.local()
        self._channel_handler_table = {
            **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]
            MSG_CHANNEL_REQUEST: self._handle_channel_request,
        }

    def open(
        self,
        kind: str,
        deadline: Deadline,
        destination: tuple[str, int] | None = None,
        origin: tuple[str, int] | None = None,
    ) -> paramiko.Channel:
        """Open a channel; raises Refused, with the far end's own words where it gave any."""
        try:
            return self.open_channel(kind, destination, origin, timeout=max(deadline.left, 0.01))
        except (paramiko.SSHException, EOFError, OSError) as error:
            if refusal := self._refusals.pop(getattr(self._caller, "channel", -1), None):
                raise ChannelRefused(refusal) from None
            if not self.is_active():
                raise ChannelRefused(self.farewell or "the connection was lost") from None
            if deadline.passed:
                raise ChannelRefused(f"no answer within {deadline}") from None
            raise ChannelRefused(said(error)) from None

    def ping(self) -> None:
        """Ask for a sign of life; the far end's answer raises `replies`."""
        message = paramiko.Message()
        message.add_byte(cMSG_GLOBAL_REQUEST)
        message.add_string("keepalive@openssh.com")
        message.add_boolean(True)
        self._send_user_message(message)  # type: ignore[attr-defined]

    def terminate(self, channel: paramiko.Channel) -> None:
        """Ask for SIGTERM to a channel's command (RFC 4254, 6.9): closing alone lets it run on."""
        message = paramiko.Message()
        message.add_byte(cMSG_CHANNEL_REQUEST)
        message.add_int(channel.remote_chanid)
        message.add_string("signal")
        message.add_boolean(False)
        message.add_string("TERM")
        self._send_user_message(message)  # type: ignore[attr-defined]

    def abort(self) -> None:
        """Cut the connection at once, also under a thread that is stuck in writing to it."""
        if isinstance(self.sock, socket.socket):
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
        self.packetizer.close()

    def close(self) -> None:
        """Close, and wait until paramiko's threads have ended."""
        super().close()
        # The handshake's timer is a thread of its own; where the handshake failed, it runs on.
        self.packetizer.complete_handshake()
        if self.is_alive() and self is not threading.current_thread():
            self.join(2)

    # paramiko hands a refusal over in one slot for all threads; here each caller gets its own.
    def _next_channel(self) -> int:
        self._caller.channel = super()._next_channel()  # type: ignore[misc]
        return int(self._caller.channel)

    def _parse_channel_open_failure(self, message: paramiko.Message) -> None:
        channel, code, words = message.get_int(), message.get_int(), message.get_text()
        reason = CONNECTION_FAILED_CODE.get(code, f"reason {code}").lower()
        self._refusals[channel] = f"{reason}: {brief(words)}" if words else reason
        message.rewind()
        super()._parse_channel_open_failure(message)  # type: ignore[misc]

    def _parse_disconnect(self, message: paramiko.Message) -> None:
        message.get_int()
        self.farewell = brief(message.get_text().strip())

    def _parse_request_success(self, message: paramiko.Message) -> None:
        self.replies += 1
        super()._parse_request_success(message)  # type: ignore[misc]

    def _parse_request_failure(self, message: paramiko.Message) -> None:
        self.replies += 1
        super()._parse_request_failure(message)  # type: ignore[misc]

    def _handle_channel_request(self, channel: paramiko.Channel, message: paramiko.Message) -> None:
        start = message.packet.tell()
        if message.get_text() == "exit-signal":
            message.get_boolean()
            self.signals[channel.chanid] = brief(message.get_text(), 40)
            return
        message.packet.seek(start)
        paramiko.Channel._handle_request(channel, message)  # type: ignore[attr-defined]
