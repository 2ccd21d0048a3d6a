"""Nothing of a channel follows its CLOSE, whichever of the two threads is faster."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from paramiko import Channel
from paramiko.common import cMSG_CHANNEL_CLOSE, cMSG_CHANNEL_DATA, cMSG_CHANNEL_EOF
from paramiko.message import Message

from fleetmesh.sessions.channel import end_writing, send

MESSAGES = {cMSG_CHANNEL_DATA: "DATA", cMSG_CHANNEL_EOF: "EOF", cMSG_CHANNEL_CLOSE: "CLOSE"}
HEAD_START = 0.3  # seconds for an answer to CLOSE to pass what is about to be sent


class Wire:
    """A transport that hears the far end's CLOSE in the moment in which something is sent."""

    active = True

    def __init__(self) -> None:
        self.sent: list[str] = []
        channel: Any = Channel(1)
        channel.transport, channel.remote_chanid, channel.active = self, 7, True
        channel.out_window_size = channel.out_max_packet_size = 1 << 15
        self.channel: Channel = channel
        hear = channel._handle_close
        self.reader = threading.Thread(target=hear, args=(Message(),), daemon=True)

    def _send_user_message(self, message: Message) -> None:
        if threading.current_thread() is not self.reader and self.reader.ident is None:
            self.reader.start()
            self.reader.join(HEAD_START)
        self.sent.append(MESSAGES[message.asbytes()[:1]])

    def _unlink_channel(self, number: int) -> None:
        assert number == 1


def closes(act: Callable[[Channel], object]) -> list[str]:
    """What goes over the wire when the far end closes while `act` sends."""
    wire = Wire()
    act(wire.channel)
    wire.reader.join(5)
    assert not wire.reader.is_alive()
    return wire.sent


def test_data_goes_before_the_answer_to_a_close() -> None:
    assert closes(lambda channel: send(channel, b"last words"))[0] == "DATA"


def test_the_end_goes_before_it_too() -> None:
    assert closes(end_writing)[0] == "EOF"


def test_after_it_nothing_goes() -> None:
    wire = Wire()
    wire.reader.start()
    wire.reader.join(5)
    with pytest.raises(OSError, match="closed"):
        send(wire.channel, b"too late")
    end_writing(wire.channel)
    assert "DATA" not in wire.sent
    assert wire.sent[-1] == "CLOSE"


def test_paramiko_alone_lets_it_pass() -> None:
    """Once this fails, paramiko has mended it, and `channel.py` can go."""
    assert closes(lambda channel: channel.send(b"last words"))[-1] == "DATA"
