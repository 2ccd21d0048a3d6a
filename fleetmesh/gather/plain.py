"""Transcripts as plain data for JSON, and back again without loss."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from fleetmesh.gather.transcript import Transcript

_TIMES = ("started", "sent", "received")
STREAMS = ("stdout", "stderr")
_LONGEST = 1e7
"""Seconds; nothing that is recorded takes months."""
_TRANSCRIPT = TypeAdapter(Transcript)

Stream = str | dict[str, Any]
"""A stream as text; as base64 if it is not UTF-8; or as whoever stores long ones writes it."""


def rfc3339(time: datetime) -> str:
    """The time in UTC, to the microsecond, ending in `Z`."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment(text: Any) -> datetime:
    """A time as `rfc3339` writes it, or with another zone, read back. Raises ValueError."""
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError(f"the time {text!r} has no zone")
        return found.astimezone(UTC)
    except (TypeError, OverflowError):
        raise ValueError(f"{text!r} is no time") from None


def text_or_base64(stream: bytes) -> Stream:
    """A stream as JSON can hold it."""
    try:
        return stream.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(stream).decode()}


def from_text_or_base64(value: Stream) -> bytes:
    """What `text_or_base64` was given."""
    return value.encode() if isinstance(value, str) else base64.b64decode(value["base64"])


def of_transcript(
    transcript: Transcript, stream: Callable[[bytes], Stream] = text_or_base64
) -> dict[str, Any]:
    """A transcript as plain data; empty members are left out."""
    entry = asdict(transcript)
    for name in _TIMES:
        entry[name] = rfc3339(entry[name]) if entry[name] else None
    for name in STREAMS:
        entry[name] = stream(entry[name])
    return {name: value for name, value in entry.items() if value not in (None, "", {}, ())}


def to_transcript(
    entry: Mapping[str, Any], stream: Callable[[Stream], bytes] = from_text_or_base64
) -> Transcript:
    """What `of_transcript` was given. Raises ValueError, KeyError or TypeError."""
    given = dict(entry)
    unknown = given.keys() - {field.name for field in fields(Transcript)}
    if unknown:
        raise ValueError(f"unknown members: {sorted(unknown)}")
    for name in _TIMES:
        if name in given:
            given[name] = moment(given[name])
    for name in STREAMS:
        given[name] = stream(given.get(name, ""))
    given["hides"] = tuple(given.get("hides", ()))
    transcript = _TRANSCRIPT.validate_python(given)
    bounded(transcript.seconds)
    return transcript


def bounded(seconds: float) -> None:
    """Raise ValueError for a time that nothing takes."""
    if not abs(seconds) < _LONGEST:  # also where it is no number
        raise ValueError(f"it says that something took {seconds} s")
