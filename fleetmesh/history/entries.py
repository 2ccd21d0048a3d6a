"""history.jsonl: one line for each run that has ended, kept when the run's folder is gone."""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fleetmesh import plain
from fleetmesh.evidence.folder import BrokenRecord, read
from fleetmesh.evidence.journal import EVENTS, PLAN
from fleetmesh.evidence.sums import SIGNATURE, SUMS, Refused
from fleetmesh.record import Result, Run

HISTORY = "history.jsonl"

_CLUSTER_IP = re.compile(rb'"clusterIP":\s*"([0-9a-fA-F.:]+)"')
_VOLATILE = re.compile(r"[+-]\d+\.\d+|\b\d+(\.\d+)?(?= (s|MiB)\b)|(?<=session )\d+")
"""What differs from run to run without meaning anything: durations, clock offsets, free space,
session numbers."""


@dataclass(frozen=True)
class Seen:
    """How one check ended, and what it saw."""

    id: str
    check: str
    phase: str
    outcome: str
    reason: str
    saw: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """One run, without its transcripts."""

    run: str
    fleet: str
    kind: str
    phases: tuple[str, ...]
    verdict: str
    headline: str
    started: datetime
    finished: datetime | None
    replayed: bool
    chain: str
    sealed: str
    """`signed`, `sealed` without a signature, or empty; claimed here, proven by `verify` alone."""
    checks: tuple[Seen, ...]
    open: bool = False
    """Whether its record breaks off and nobody has closed it: the run may still go on."""

    @property
    def ready(self) -> bool:
        """Whether the run is evidence that its phases are ready: complete, and asked anew."""
        return self.verdict == "READY" and not self.replayed

    @classmethod
    def of(cls, run: Run, sealed: str = "") -> "Entry":
        """What stays of a run."""
        return cls(
            run=run.id,
            fleet=run.fleet,
            kind=run.kind,
            phases=run.phases,
            verdict=run.conclusion,
            headline=run.headline,
            started=run.started,
            finished=run.finished,
            replayed=run.replayed is not None,
            chain=run.chain,
            sealed=sealed,
            checks=tuple(map(_seen, run.results)),
        )


@dataclass(frozen=True)
class History:
    """The runs of a folder of reports, oldest first; `remarks` tell what could not be read."""

    entries: tuple[Entry, ...]
    remarks: tuple[str, ...] = ()

    def before(self, entry: Entry) -> Entry | None:
        """The last run before it on the same fleet that shares a phase with it."""
        return next(
            (
                other
                for other in reversed(self.entries)
                if (other.fleet, other.kind) == (entry.fleet, entry.kind)
                and other.started < entry.started
                and not other.replayed
                and set(other.phases) & set(entry.phases)
            ),
            None,
        )


def update(reports: Path) -> History:
    """Write down the runs in `reports` that have ended since, and return all that are known.

    Raises Refused where the folder cannot be used.
    """
    if not reports.is_dir():
        raise Refused(f"{reports}: there is no such folder of reports")
    with _locked(reports) as file:
        kept, remarks = _read(file)
        fresh, ongoing = [], []
        for folder in sorted(path.parent for path in reports.glob(f"*/{PLAN}")):
            sealed = _sealed(folder)
            if (known := kept.get(folder.name)) and known.sealed == sealed:
                continue
            try:
                run = read(folder)
            except BrokenRecord as error:
                remarks.append(str(error))
                continue
            if run.id != folder.name:
                remarks.append(f"{folder} holds the run {run.id}")
            elif run.open and not _closed(folder):
                ongoing.append(Entry(**{**vars(Entry.of(run)), "open": True}))
            else:
                fresh.append(Entry.of(run, sealed))
        for entry in fresh:
            os.write(file, _line(entry))
        if fresh:
            os.fsync(file)
    found = {**kept, **{entry.run: entry for entry in (*fresh, *ongoing)}}
    return History(tuple(sorted(found.values(), key=lambda e: (e.started, e.run))), tuple(remarks))


@contextmanager
def _locked(reports: Path) -> Iterator[int]:
    """history.jsonl, opened for appending, while nobody else writes it; ends in a whole line."""
    try:
        file = os.open(
            reports / HISTORY, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644
        )
    except OSError as error:
        raise Refused(f"{reports / HISTORY}: {error.strerror}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    except OSError as error:
        raise Refused(f"{reports / HISTORY}: {error.strerror}") from None
    finally:
        os.close(file)


def _read(file: int) -> tuple[dict[str, Entry], list[str]]:
    """The last line of each run. A torn last line, of a writer that was killed, is taken away."""
    with os.fdopen(os.dup(file), "rb") as content:
        content.seek(0)
        text = content.read()
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        os.ftruncate(file, len(whole))
    kept: dict[str, Entry] = {}
    remarks = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            entry = _entry(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError):
            remarks.append(f"{HISTORY}, line {number} is not one of ours; it is passed over")
        else:
            kept[entry.run] = entry
    return kept, remarks


def _line(entry: Entry) -> bytes:
    plainly = asdict(entry)
    del plainly["open"]
    plainly["started"] = plain.rfc3339(entry.started)
    plainly["finished"] = plain.rfc3339(entry.finished) if entry.finished else None
    return json.dumps(plainly, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"


def _entry(given: dict[str, Any]) -> Entry:
    return Entry(
        **{
            **given,
            "phases": tuple(given["phases"]),
            "started": datetime.fromisoformat(given["started"]),
            "finished": datetime.fromisoformat(given["finished"]) if given["finished"] else None,
            "checks": tuple(Seen(**{**s, "saw": tuple(s["saw"])}) for s in given["checks"]),
        }
    )


def _seen(result: Result) -> Seen:
    addresses = {
        f"ClusterIP {address.decode()}"
        for transcript in result.transcripts
        for address in _CLUSTER_IP.findall(transcript.stdout)
    }
    said = (*result.notes, *(f"path {path}" for path in result.paths))
    saw = (*(_VOLATILE.sub("…", note) for note in said), *sorted(addresses))
    return Seen(
        result.id, result.check, result.phase, result.outcome.value, result.reason, tuple(saw)
    )


def _sealed(folder: Path) -> str:
    if not (folder / SUMS).exists():
        return ""
    return "signed" if (folder / SIGNATURE).exists() else "sealed"


def _closed(folder: Path) -> bool:
    """Whether somebody closed the record that breaks off."""
    *_, last = (folder / EVENTS).read_bytes().splitlines()
    closed: bool = json.loads(last).get("event") == "run-closed"
    return closed
