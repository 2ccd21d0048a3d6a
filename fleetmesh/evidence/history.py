"""history.jsonl: one line for each run that has ended, kept when the run's folder is gone."""

import fcntl
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from fleetmesh.evidence.files import MIB, json_object
from fleetmesh.evidence.folder import BrokenRecord, read_events, run_of
from fleetmesh.evidence.journal import PLAN
from fleetmesh.evidence.run import Result, Run
from fleetmesh.evidence.sums import SIGNATURE, SUMS, Refused
from fleetmesh.gather import plain
from fleetmesh.gather.transcript import Transcript

HISTORY = "history.jsonl"

_LARGEST = 512 * MIB
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

_CLUSTER_IP = re.compile(rb'"clusterIP":\s*"([0-9a-fA-F.:]+)"')
_VOLATILE = re.compile(r"[+-]\d+\.\d+|\b\d+(\.\d+)?(?= (s|MiB)\b)|(?<=session )\d+")
"""What differs from run to run without meaning anything: durations, clock offsets, free space,
session numbers."""


@dataclass(frozen=True)
class CheckSeen:
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
    checks: tuple[CheckSeen, ...]
    open: bool = False
    """Whether its record breaks off and nobody has closed it: the run may still go on."""

    @property
    def ready(self) -> bool:
        """Whether the run is evidence that its phases are ready: complete, and asked anew."""
        return self.verdict == "READY" and not self.replayed

    @classmethod
    def of(cls, run: Run, sealed: str = "") -> "Entry":
        """What stays of a run."""
        addresses = _Addresses()
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
            checks=tuple(_seen(result, addresses) for result in run.results),
        )


_ENTRY = TypeAdapter(Entry)


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


def update(reports: Path, ended: Run | None = None) -> History:
    """Write down the runs in `reports` that have ended since, and return all that are known.

    Whoever has just read the record of one that has `ended` need not have it read again.

    Raises Refused where the folder cannot be used.
    """
    if not reports.is_dir():
        raise Refused(f"{reports}: there is no such folder of reports")
    with _locked(reports) as file:
        kept, remarks = _read(file)
        fresh, ongoing = [], []
        for folder in _folders(reports, remarks):
            sealed = _sealed(folder)
            if (known := kept.get(folder.name)) and known.sealed == sealed:
                continue
            if ended and ended.id == folder.name:
                fresh.append(Entry.of(ended, sealed))
                continue
            try:
                found = read_events(folder)
                run = run_of(found)
            except BrokenRecord as error:
                remarks.append(str(error))
                continue
            if run.id != folder.name:
                remarks.append(f"{folder} holds the run {run.id}")
            elif not found.ended:
                ongoing.append(Entry(**{**vars(Entry.of(run)), "open": True}))
            else:
                fresh.append(Entry.of(run, sealed))
        for entry in fresh:
            os.write(file, _line(entry))
        if fresh:
            os.fsync(file)
    every = {**kept, **{entry.run: entry for entry in (*fresh, *ongoing)}}
    return History(tuple(sorted(every.values(), key=lambda e: (e.started, e.run))), tuple(remarks))


def _folders(reports: Path, remarks: list[str]) -> list[Path]:
    """The folders of runs. One that is a link, or that cannot be looked into, is remarked on."""
    found = []
    for folder in sorted(reports.iterdir()):
        try:
            if not stat.S_ISREG((folder / PLAN).lstat().st_mode):
                remarks.append(f"{folder / PLAN} is no plain file; the folder is passed over")
            elif folder.is_symlink():
                remarks.append(f"{folder} is a link; it is passed over")
            else:
                found.append(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            remarks.append(f"{folder}: {error.strerror}")
    return found


@contextmanager
def _locked(reports: Path) -> Iterator[int]:
    """history.jsonl, opened for appending, while nobody else writes it; ends in a whole line."""
    try:
        file = os.open(reports / HISTORY, _FLAGS, 0o644)
    except OSError as error:
        raise Refused(f"{reports / HISTORY}: {error.strerror}") from None
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise Refused(f"{reports / HISTORY}: it is no plain file")
        if os.fstat(file).st_size > _LARGEST:
            raise Refused(f"{reports / HISTORY} holds more than {_LARGEST} bytes: move it away")
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    except OSError as error:
        raise Refused(f"{reports / HISTORY}: {error.strerror}") from None
    finally:
        os.close(file)


def _read(file: int) -> tuple[dict[str, Entry], list[str]]:
    """The last line of each run. A torn last line, of a writer that was killed, is taken away."""
    kept: dict[str, Entry] = {}
    remarks = []
    size = 0
    with os.fdopen(os.dup(file), "rb") as content:
        content.seek(0)
        for number, line in enumerate(content, 1):
            if not line.endswith(b"\n"):
                os.ftruncate(file, size)
                break
            size += len(line)
            try:
                entry = _entry(json_object(line))
            except (ValueError, LookupError, TypeError, AttributeError):
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
    return _ENTRY.validate_python(
        {
            **{field.name: given[field.name] for field in fields(Entry) if field.name != "open"},
            "started": plain.moment(given["started"]),
            "finished": plain.moment(given["finished"]) if given["finished"] else None,
        }
    )


def _seen(result: Result, addresses: "_Addresses") -> CheckSeen:
    looked_at = {id(transcript): transcript for transcript in result.transcripts}
    there = set[str]().union(*map(addresses, looked_at.values()))
    said = (*result.notes, *(f"path {path}" for path in result.paths))
    saw = (*(_VOLATILE.sub("…", note) for note in said), *sorted(there))
    return CheckSeen(
        result.id, result.check, result.phase, result.outcome.value, result.reason, tuple(saw)
    )


def _sealed(folder: Path) -> str:
    if not (folder / SUMS).exists():
        return ""
    return "signed" if (folder / SIGNATURE).exists() else "sealed"


class _Addresses:
    """The ClusterIPs in an answer; each answer is searched once, however many checks saw it."""

    def __init__(self) -> None:
        self._found: dict[int, frozenset[str]] = {}

    def __call__(self, transcript: Transcript) -> frozenset[str]:
        """Those that `transcript` names."""
        stream = transcript.stdout
        if id(stream) not in self._found:
            found = _CLUSTER_IP.findall(stream)
            self._found[id(stream)] = frozenset(f"ClusterIP {ip.decode()}" for ip in found)
        return self._found[id(stream)]
