"""The events of a run, written as they happen; docs/evidence.md has the format.

A line stands on the disk, whole, before the run goes on. Each carries the digest of the one before.
"""

import fcntl
import json
import os
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from fleetmesh.evidence.files import replacing
from fleetmesh.evidence.redacted import RecordRedactor
from fleetmesh.gather import plain
from fleetmesh.gather.transcript import Transcript

PLAN = "plan.json"
EVENTS = "events.jsonl"
COPY = "inventory.yaml"
"""The inventory beside them, without its secrets."""
RAW = "raw"
DELIVERIES = "deliveries.json"
"""How those were told who watch the fleet."""
INLINE = 64 * 1024
"""Bytes of a stream up to which it stands in its event."""
_END = 4 * 1024
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class CannotRecord(Exception):
    """The record cannot be written on; the text names the file and why. It is good until there."""


class Journal:
    """Appends events to a run's folder, from any thread; a context manager that closes the file."""

    def __init__(
        self,
        folder: Path,
        *,
        seq: int,
        prev: str,
        durable: bool = True,
        redactor: RecordRedactor | None = None,
    ) -> None:
        """Go on after `seq` events, the last of which has the digest `prev`.

        `redactor` replaces the secrets in whatever is written.
        `durable` says whether each line is forced to the disk; without it, a power cut loses some.
        """
        self.folder = folder
        self.chain = prev
        self._seq = seq
        self._durable = durable
        self._redactor = redactor or RecordRedactor({})
        self._keys: dict[str, Transcript] = {}
        self._writing = threading.Lock()
        self._over = f"{folder / EVENTS} is closed"
        try:
            self._file: int | None = os.open(
                folder / EVENTS, _APPEND if seq else _APPEND | os.O_EXCL, 0o644
            )
        except OSError as error:
            raise CannotRecord(f"{folder / EVENTS}: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            raise CannotRecord(f"{folder / EVENTS}: the run still goes on") from None

    def go_on(self, *, seq: int, prev: str) -> None:
        """Go on from there after all: what was read before the file was ours may be outdated."""
        self._seq, self.chain = seq, prev

    @classmethod
    def begin(
        cls,
        folder: Path,
        plan: dict[str, Any],
        durable: bool = True,
        redactor: RecordRedactor | None = None,
        **started: Any,
    ) -> "Journal":
        """Write the plan and `run-started`; a folder with a plan has both. Raises CannotRecord."""
        plan = (redactor or RecordRedactor({})).plain(plan)
        content = json.dumps(plan, indent=1, ensure_ascii=False).encode() + b"\n"
        prev = sha256(content).hexdigest()
        journal = cls(folder, seq=0, prev=prev, durable=durable, redactor=redactor)
        journal.append("run-started", **started)
        put(folder / PLAN, content, durable=durable)
        return journal

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing can be appended any more."""
        if self._file is not None:
            os.close(self._file)
        self._file = None

    def append(self, event: str, **members: Any) -> None:
        """Write one event. Raises CannotRecord."""
        self._write([(event, self._redactor.plain(members))])

    def transcripts(self, found: Iterable[Transcript]) -> list[str]:
        """Write those of `found` that are not written yet, at one go; returns each one's key."""
        keys, fresh = [], []
        for transcript in map(self._redactor.transcript, found):
            key, known = self._key(transcript)
            keys.append(key)
            if not known:
                self._keys[key] = transcript
                fresh.append(("transcript", self._plain(transcript, key)))
        self._write(fresh)
        return keys

    def _key(self, transcript: Transcript) -> tuple[str, bool]:
        first = key = f"{transcript.fact}/{transcript.subject}"
        number = 1
        while (known := self._keys.get(key)) is not None:
            if known == transcript:
                return key, True
            number += 1
            key = f"{first}#{number}"
        return key, False

    def _plain(self, transcript: Transcript, key: str) -> dict[str, Any]:
        """Without secrets: the streams have none any more, nor are they looked through again."""
        entry = plain.of_transcript(transcript, self._stream)
        streams = {name: entry.pop(name) for name in plain.STREAMS if name in entry}
        return {"key": self._redactor.text(key), **self._redactor.plain(entry), **streams}

    def _stream(self, stream: bytes) -> plain.Stream:
        if len(stream) <= INLINE:
            return plain.text_or_base64(stream)
        digest = sha256(stream).hexdigest()
        try:
            (self.folder / RAW).mkdir(exist_ok=True)
            put(self.folder / RAW / digest, stream, durable=self._durable)
        except (OSError, CannotRecord) as error:
            self._fail(error)
        return {
            "head": stream[:_END].decode("utf-8", "replace"),
            "tail": stream[-_END:].decode("utf-8", "replace"),
            "bytes": len(stream),
            "sha256": digest,
            "file": f"{RAW}/{digest}",
        }

    def _write(self, events: list[tuple[str, dict[str, Any]]]) -> None:
        with self._writing:
            self._chained(events)

    def _chained(self, events: list[tuple[str, dict[str, Any]]]) -> None:
        if self._file is None:
            raise CannotRecord(self._over)
        lines, seq, prev = [], self._seq, self.chain
        for event, members in events:
            head = {
                "seq": seq,
                "prev": prev,
                "time": plain.rfc3339(datetime.now(UTC)),
                "event": event,
            }
            text = json.dumps({**head, **members}, ensure_ascii=False)
            lines.append(
                text.encode(errors="backslashreplace")
            )  # half a surrogate is \udcXX in JSON
            seq, prev = seq + 1, sha256(lines[-1]).hexdigest()
        try:
            _whole(self._file, b"".join(line + b"\n" for line in lines))
            if self._durable:
                os.fsync(self._file)
        except OSError as error:
            self._fail(error)
        self._seq, self.chain = seq, prev

    def _fail(self, error: Exception) -> NoReturn:
        """A journal with a gap is none: nothing is written after what could not be."""
        told = error.strerror if isinstance(error, OSError) else error
        self._over = f"{self.folder / EVENTS}: {told}"
        self.close()
        raise CannotRecord(self._over) from None


def put(file: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a whole file, or leave none by its name. Raises CannotRecord."""
    try:
        with replacing(file, durable=durable) as opened:
            opened.write(content)
    except OSError as error:
        raise CannotRecord(f"{file}: {error.strerror}") from None


def _whole(descriptor: int, content: bytes) -> None:
    """write(2) may take a part only; a full disk then shows itself at the next."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
