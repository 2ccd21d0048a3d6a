"""paramiko's transport, made to tell what it sees and otherwise keeps to itself.

The overridden names are paramiko's inner ones. They hold because requirements.lock pins its
version; selftests/sessions proves each of them against a real sshd.
"""

import hashlib
import logging
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

import paramiko
from paramiko.common import (
    CONNECTION_FAILED_CODE,
    MSG_CHANNEL_REQUEST,
    OPEN_FAILED_CONNECT_FAILED,
    cMSG_CHANNEL_REQUEST,
    cMSG_GLOBAL_REQUEST,
)
from paramiko.kex_curve25519 import KexCurve25519

from fleetmesh.sessions.algorithms import AUTHENTICATED, Algorithms
from fleetmesh.sessions.target import ChannelRefused, Deadline, NotAnswered, NotConnected
from fleetmesh.text.legible import brief, said

if TYPE_CHECKING:
    from collections.abc import Mapping

# What matters is raised with the host's name; paramiko's own log would repeat it with tracebacks.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)

KEEPALIVE = 15  # seconds


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
    """One SSH connection over `stream` (a socket, or a channel of a jump host).

    `proof` is what shows that the host is the one whose key it showed: the key, the session, and
    the key's signature of the session. `offered` are the algorithms that it has, by the option of
    ssh_config that chooses among them; `preamble` is what it said before it greeted. `environment`
    is what each command is started with, as far as the host takes it.
    """

    _kex_info: ClassVar[dict[str, Any]] = {
        **paramiko.Transport._kex_info,  # type: ignore[attr-defined]
        "curve25519-sha256": KexCurve25519,  # the name since RFC 8731
    }
    _mac_info: ClassVar[dict[str, Any]] = {
        **paramiko.Transport._mac_info,  # type: ignore[attr-defined]
        "hmac-sha1-etm@openssh.com": {"class": hashlib.sha1, "size": 20},
    }

    def __init__(self, stream: Any, algorithms: Algorithms) -> None:
        sock: Any = stream if isinstance(stream, socket.socket) else _HopStream(stream)
        super().__init__(sock)
        lists = algorithms.lists
        self._preferred_kex = lists["kexalgorithms"]
        self._preferred_keys = lists["hostkeyalgorithms"]
        self._preferred_ciphers = lists["ciphers"]
        self._preferred_macs = lists["macs"]
        delayed = ("zlib@openssh.com", "none")
        self._preferred_compression = delayed if algorithms.compress else delayed[::-1]
        self.proof = (b"", b"", b"")
        self.offered: dict[str, list[str]] = {}
        self.preamble: list[str] = []
        self.environment: Mapping[str, str] = {}
        self.farewell: str | None = None
        self.replies = 0
        self.signals: dict[int, str] = {}
        self._refusals: dict[int, ChannelRefused] = {}
        self._caller = threading.local()
        self._channel_handler_table = {
            **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]
            MSG_CHANNEL_REQUEST: self._handle_channel_request,
        }

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """The types of host keys as they were given: paramiko would put certificates last."""
        return tuple(self._preferred_keys)

    @property
    def signature_algorithms(self) -> tuple[str, ...]:
        """Those that the host has told (RFC 8308, server-sig-algs); none if it tells none."""
        inside: Any = self
        told: bytes = inside.server_extensions.get("server-sig-algs", b"")
        return tuple(filter(None, told.decode("ascii", "replace").split(",")))

    def open(
        self,
        kind: str,
        deadline: Deadline,
        destination: tuple[str, int] | None = None,
        origin: tuple[str, int] | None = None,
    ) -> paramiko.Channel:
        """Open a channel; raises ChannelRefused, with the far end's own words where it gave any.

        It is NotConnected where the far end could not reach `destination`, and NotAnswered if it
        has not told within the time.
        """
        try:
            return self.open_channel(kind, destination, origin, timeout=max(deadline.left, 0.01))
        except (paramiko.SSHException, EOFError, OSError) as error:
            if refusal := self._refusals.pop(getattr(self._caller, "channel", -1), None):
                raise refusal from None
            if not self.is_active():
                raise ChannelRefused(self.farewell or "the connection was lost") from None
            if deadline.passed:
                raise NotAnswered(f"no answer within {deadline}") from None
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

    def _check_banner(self) -> None:
        read = self.packetizer.readline

        def keep(timeout: float) -> str:
            self.preamble.append(read(timeout))
            return self.preamble[-1]

        self.packetizer.readline = keep  # type: ignore[method-assign]
        super()._check_banner()  # type: ignore[misc]

    def _really_parse_kex_init(
        self, message: paramiko.Message, ignore_first_byte: bool = False
    ) -> dict[str, Any]:
        inside: Any = super()
        parsed: dict[str, Any] = inside._really_parse_kex_init(message, ignore_first_byte)
        if not ignore_first_byte:  # or else it is our own
            self.offered = {
                # The names of extensions stand among them, RFC 8308.
                "kexalgorithms": [
                    name
                    for name in parsed["kex_algo_list"]
                    if not name.startswith(("ext-info-", "kex-strict-"))
                ],
                "hostkeyalgorithms": parsed["server_key_algo_list"],
                "ciphers": parsed["server_encrypt_algo_list"],
                "macs": parsed["server_mac_algo_list"],
            }
            for way in ("client", "server"):
                ciphers = parsed[f"{way}_encrypt_algo_list"]
                agreed = next((name for name in self._preferred_ciphers if name in ciphers), None)
                if agreed in AUTHENTICATED:  # which paramiko wants a MAC beside, and never uses
                    parsed[f"{way}_mac_algo_list"] += self._preferred_macs
                    self.offered["macs"] = list(parsed[f"{way}_mac_algo_list"])
        return parsed

    def _verify_key(self, key: bytes, signature: bytes) -> None:
        inside: Any = super()
        inside._verify_key(key, signature)
        if not self.proof[0]:
            session: Any = self.session_id
            self.proof = (bytes(key), session, bytes(signature))
        elif self.proof[0] != key:
            raise paramiko.SSHException("the host showed another key later")

    # paramiko hands a refusal over in one slot for all threads; here each caller gets its own.
    def _next_channel(self) -> int:
        self._caller.channel = super()._next_channel()  # type: ignore[misc]
        return int(self._caller.channel)

    def _parse_channel_open_failure(self, message: paramiko.Message) -> None:
        channel, code, words = message.get_int(), message.get_int(), message.get_text()
        reason = CONNECTION_FAILED_CODE.get(code, f"reason {code}").lower()
        kind = NotConnected if code == OPEN_FAILED_CONNECT_FAILED else ChannelRefused
        self._refusals[channel] = kind(f"{reason}: {brief(words)}" if words else reason)
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
