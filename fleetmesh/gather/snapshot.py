"""All transcripts of one moment, which can be written to a file and read back without loss."""

import json
import lzma
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fleetmesh.gather import plain
from fleetmesh.gather.transcript import Transcript


class NotARecording(Exception):
    """A file holds no snapshot; the text says why, and where recordings come from."""


@dataclass
class Snapshot:
    """What was asked at `taken` (UTC), and what came back, by fact and subject."""

    taken: datetime = field(default_factory=lambda: datetime.now(UTC))
    transcripts: dict[str, dict[str, Transcript]] = field(default_factory=dict)
    recorded: bool = False
    """Whether it was read from disk; marks then stand where something was secret."""
    readings: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False, compare=False)
    """What its readers have made of the transcripts, by what they call it; goes with them."""

    def add(self, transcript: Transcript) -> None:
        """Put a transcript in its place."""
        self.transcripts.setdefault(transcript.fact, {})[transcript.subject] = transcript

    def put_in_place_of(self, other: "Snapshot") -> None:
        """Let whoever looks at `other` look at this one."""
        other.taken, other.transcripts = self.taken, self.transcripts
        other.readings = self.readings

    def of(self, fact: str) -> Mapping[str, Transcript]:
        """The transcripts of the fact of that name, by subject."""
        return self.transcripts.get(fact, {})

    def __iter__(self) -> Iterator[Transcript]:
        """All transcripts."""
        return (t for group in self.transcripts.values() for t in group.values())

    def write(self, file: Path, redacted: Callable[[Transcript], Transcript]) -> None:
        """Write it to `file`, as JSON, each transcript `redacted`; compressed if named `.xz`."""
        listed = [plain.of_transcript(redacted(transcript)) for transcript in self]
        text = json.dumps({"taken": self.taken.isoformat(), "transcripts": listed}, indent=1)
        file.write_bytes(lzma.compress(text.encode()) if file.suffix == ".xz" else text.encode())

    @classmethod
    def read(cls, file: Path) -> "Snapshot":
        """Read what `write` wrote. Raises NotARecording."""
        try:
            content = file.read_bytes()
            found = json.loads(lzma.decompress(content) if file.suffix == ".xz" else content)
            snapshot = cls(taken=datetime.fromisoformat(found["taken"]), recorded=True)
            for entry in found["transcripts"]:
                snapshot.add(plain.to_transcript(entry))
        except OSError as error:
            raise NotARecording(f"{file} cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, lzma.LZMAError) as error:
            raise NotARecording(f"{file} is no recording of a run: {error!r}") from None
        return snapshot
