"""history.jsonl: one line for each run that has ended, kept when the run's folder is gone."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path

from fleetmesh.evidence.entry import Entry
from fleetmesh.evidence.files import MIB
from fleetmesh.evidence.folder import BrokenRecord, read_events, run_of
from fleetmesh.evidence.history_lines import Lines
from fleetmesh.evidence.journal import PLAN
from fleetmesh.evidence.run import Run
from fleetmesh.evidence.sums import SIGNATURE, SUMS, Refused

HISTORY = "history.jsonl"
DOOMED = ".doomed-"
"""How the name of a folder begins that is being removed: it is none of a run any longer."""

_LARGEST = 512 * MIB
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True)
class History:
    """The runs of a folder of reports, oldest first; `remarks` tell what could not be read."""

    entries: tuple[Entry, ...]
    remarks: tuple[str, ...] = ()

    def pairs(self) -> Iterator[tuple[Entry, Entry | None]]:
        """Each run, and the last one before it on the same fleet that shares a phase with it."""
        last: dict[tuple[str, str, str], Entry] = {}
        for _, together in groupby(self.entries, lambda entry: entry.started):
            same = list(together)
            for entry in same:
                found = filter(None, (last.get(key) for key in _phases_of(entry)))
                yield entry, max(found, key=_when, default=None)
            for entry in same:
                if not entry.replayed:
                    last.update(dict.fromkeys(_phases_of(entry), entry))

    def before(self, entry: Entry) -> Entry | None:
        """The one that `pairs` has with it."""
        return next((before for other, before in self.pairs() if other.run == entry.run), None)


def _when(entry: Entry) -> tuple[datetime, str]:
    return entry.started, entry.run


def _phases_of(entry: Entry) -> list[tuple[str, str, str]]:
    return [(entry.fleet, entry.kind, phase) for phase in entry.phases]


def update(reports: Path, ended: Run | None = None) -> History:
    """Write down the runs in `reports` that have ended since, and return all that are known.

    Whoever has just read the record of one that has `ended` need not have it read again.

    Raises Refused where the folder cannot be used.
    """
    if not reports.is_dir():
        raise Refused(f"{reports}: there is no such folder of reports")
    with locked(reports) as file:
        lines, remarks = _read(file)
        fresh, ongoing = [], []
        for folder in folders(reports, remarks):
            sealed = claimed(folder)
            if (known := lines.entries.get(folder.name)) and known.sealed == sealed:
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
        if fresh:
            with os.fdopen(os.dup(file), "ab") as end:
                end.writelines(map(lines.written, fresh))
            os.fsync(file)
    every = {**lines.entries, **{entry.run: entry for entry in ongoing}}
    return History(tuple(sorted(every.values(), key=_when)), tuple(remarks))


def folders(reports: Path, remarks: list[str]) -> list[Path]:
    """The folders of runs. One that is a link, or that cannot be looked into, is remarked on."""
    found = []
    for folder in sorted(reports.iterdir()):
        if folder.name.startswith(DOOMED):
            continue
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
def locked(reports: Path) -> Iterator[int]:
    """history.jsonl, opened for appending, while nobody else writes it or removes a run.

    Raises Refused.
    """
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


def _read(file: int) -> tuple[Lines, list[str]]:
    """What stands there. A torn last line, of a writer that was killed, is taken away."""
    lines, remarks = Lines(), []
    size = 0
    with os.fdopen(os.dup(file), "rb") as content:
        content.seek(0)
        for number, line in enumerate(content, 1):
            if not line.endswith(b"\n"):
                os.ftruncate(file, size)
                break
            size += len(line)
            try:
                lines.read(line)
            except (ValueError, LookupError, TypeError, AttributeError):
                remarks.append(f"{HISTORY}, line {number} is not one of ours; it is passed over")
    return lines, remarks


def claimed(folder: Path) -> str:
    """How a folder is sealed, as Entry.sealed has it."""
    if not (folder / SUMS).exists():
        return ""
    return "signed" if (folder / SIGNATURE).exists() else "sealed"
