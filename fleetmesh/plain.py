"""Transcripts and results as plain data, for JSON; and back again without loss."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from fleetmesh.outcomes import Outcome
from fleetmesh.path import Hop, Path
from fleetmesh.record import Result
from fleetmesh.transcript import Transcript

_TIMES = ("started", "sent", "received")
STREAMS = ("stdout", "stderr")

Stream = str | dict[str, Any]
"""A stream as text; as base64 where it is not UTF-8; or what a keeper of long ones makes of it."""


def rfc3339(time: datetime) -> str:
    """The time in UTC, to the microsecond, ending in `Z`."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


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
    """A transcript as plain data; members without content are left out."""
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
            given[name] = datetime.fromisoformat(given[name])
    for name in STREAMS:
        given[name] = stream(given.get(name, ""))
    given["hides"] = tuple(given.get("hides", ()))
    return Transcript(**given)


def of_result(result: Result, keys: list[str]) -> dict[str, Any]:
    """A result as plain data; `keys` name its transcripts."""
    return {
        "id": result.id,
        "check": result.check,
        "nodeid": result.nodeid,
        "phase": result.phase,
        "statement": result.statement,
        "subject": result.subject,
        "runbook": result.runbook,
        "gate": result.gate,
        "hint": result.hint,
        "outcome": result.outcome.value,
        "reason": result.reason,
        "notes": list(result.notes),
        "started": rfc3339(result.started),
        "seconds": round(result.seconds, 6),
        "transcripts": keys,
        "paths": [{"text": str(path), **asdict(path)} for path in result.paths],
    }


def to_result(entry: Mapping[str, Any], transcripts: Mapping[str, Transcript]) -> Result:
    """What `of_result` was given. Raises ValueError, KeyError or TypeError."""
    return Result(
        id=entry["id"],
        nodeid=entry["nodeid"],
        phase=entry["phase"],
        statement=entry["statement"],
        subject=entry["subject"],
        runbook=entry["runbook"],
        gate=entry["gate"],
        hint=entry["hint"],
        outcome=Outcome(entry["outcome"]),
        reason=entry["reason"],
        notes=tuple(entry["notes"]),
        started=datetime.fromisoformat(entry["started"]),
        seconds=entry["seconds"],
        transcripts=tuple(transcripts[key] for key in entry["transcripts"]),
        paths=tuple(_path(path) for path in entry["paths"]),
    )


def _path(entry: Mapping[str, Any]) -> Path:
    hops = (Hop(hop["place"], hop["holder"], tuple(hop["sockets"])) for hop in entry["hops"])
    return Path(entry["tunnel"], tuple(hops), entry["broken"])
