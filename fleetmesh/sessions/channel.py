"""Starting a command without waiting, and writing so that nothing can follow the CLOSE.

paramiko lets go of a channel's lock before it sends, so that the answer to a CLOSE can pass what
was to be sent before it; sshd then drops the whole connection ("packet referred to nonexistent
channel"; RFC 4254, 5.3). It does so for the sake of an exchange of keys meanwhile. Such a one
comes after half a gigabyte, and costs no more than its deadline.
"""

from typing import Any

from paramiko import Channel
from paramiko.common import cMSG_CHANNEL_DATA, cMSG_CHANNEL_REQUEST
from paramiko.message import Message


def execute(channel: Channel, command: bytes) -> None:
    """Start a command, and do not wait to hear that it has started; see `started`."""
    message = Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string("exec")
    message.add_boolean(True)
    message.add_string(command)
    inside: Any = channel
    inside._event_pending()
    inside.transport._send_user_message(message)


def started(channel: Channel) -> bool:
    """Whether the far end has said that it started what `execute` asked for."""
    inside: Any = channel
    return bool(inside.event_ready)


def send(channel: Channel, data: bytes) -> int:
    """Send as much of `data` as the far end has room for; returns how many bytes that were.

    Raises OSError where the channel has closed.
    """
    inside: Any = channel
    with inside.lock:
        size: int = inside._wait_for_send_window(len(data))
        if not size:
            raise OSError("the channel has closed")
        message = Message()
        message.add_byte(cMSG_CHANNEL_DATA)
        message.add_int(inside.remote_chanid)
        message.add_string(data[:size])
        inside.transport._send_user_message(message)
    return size


def end_writing(channel: Channel) -> None:
    """Tell the far end that no more comes; nothing where the channel has closed."""
    inside: Any = channel
    with inside.lock:
        if not channel.closed and (message := inside._send_eof()):
            inside.transport._send_user_message(message)
