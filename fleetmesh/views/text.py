"""Streams, moments and durations as a page shows them: nothing endless, nothing lost silently."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from fleetmesh.text.legible import legible

HEAD, TAIL = 6144, 2048
"""Bytes shown of a long stream's beginning and end."""


@dataclass(frozen=True)
class Shown:
    """What is shown of a stream: all of it as `head`, or its two ends around `left_out` bytes."""

    head: str
    left_out: int = 0
    tail: str = ""


def shown(stream: bytes | str, limit: int = HEAD + TAIL) -> Shown:
    """As much of `stream` as fits a page, legible; bytes that are not UTF-8 are spelled out.

    Of more than `limit` bytes only the two ends are shown, more of the beginning.
    """
    end, start = limit - limit // 4, len(stream) - limit // 4
    if isinstance(stream, str):
        if len(stream) <= limit:
            return Shown(legible(stream))
        left_out = len(stream[end:start].encode("utf-8", "surrogatepass"))
        return Shown(legible(stream[:end]), left_out, legible(stream[start:]))
    if len(stream) <= limit:
        return Shown(_decoded(stream))
    end, start = _boundary(stream, end), _boundary(stream, start)
    return Shown(_decoded(stream[:end]), start - end, _decoded(stream[start:]))


def share(lengths: Iterable[int], room: int, most: int) -> int:
    """The limit for each stream, at most `most`, by which all of them together fit into `room`.

    A long stream cannot crowd out a short one.
    """
    waiting = sorted(lengths)
    for done, length in enumerate(waiting):
        even = room // (len(waiting) - done)
        if length > even:
            return min(even, most)
        room -= length
    return most


def utc(moment: datetime) -> str:
    """RFC 3339 with blanks, in UTC, to the second: `2026-07-03 09:14:05Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def duration(seconds: float) -> str:
    """Milliseconds below one second, else seconds with one digit, else minutes and seconds."""
    if seconds < 1:
        return milliseconds(seconds)
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def milliseconds(seconds: float) -> str:
    """Always in milliseconds, so that a column of them compares at a glance."""
    return f"{seconds * 1000:.{1 if seconds < 0.01 else 0}f} ms"


def _decoded(stream: bytes) -> str:
    return legible(stream.decode("utf-8", "surrogateescape"))


def _boundary(stream: bytes, at: int) -> int:
    """The nearest place at or before `at` that does not cut a UTF-8 character in two."""
    for back in range(min(4, at)):
        if stream[at - back] & 0xC0 != 0x80:
            return at - back
    return at
