"""The outcome of one command, whatever happened to it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

LIMIT = 16 * 2**20
Follow = Callable[[bytes, bytes], bool]
"""Whether a command may be left, by what it has printed so far on its two streams."""
LEFT = "it was left"
"""Why a command that was followed did not run to its end."""
PERIOD = 0.1
"""Seconds between two looks at a command that is followed."""


@dataclass(frozen=True)
class Completed:
    """What a command left behind.

    `lost` says why it did not run to its end, or is None; what had arrived by then is kept.
    `exit_status` is None where the host reported none. `started` is UTC, `seconds` the duration
    including the opening of the channel. `truncated` tells that output was cut at the limit.
    """

    command: str
    exit_status: int | None
    stdout: bytes
    stderr: bytes
    started: datetime
    seconds: float
    truncated: bool
    lost: str | None


class Capture:
    """Both output streams of a command, together never more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.truncated = False

    def add(self, stream: bytearray, data: bytes) -> None:
        """Append to one of the two streams what still fits."""
        room = self.limit - len(self.stdout) - len(self.stderr)
        stream += data[:room]
        self.truncated = self.truncated or len(data) > room
