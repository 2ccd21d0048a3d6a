"""Old runs removed, except for those that tell something; the history goes on to know them all."""

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from fleetmesh.evidence.age import evidence, on_disk
from fleetmesh.evidence.changes import changes
from fleetmesh.evidence.closing import RUN_JSON
from fleetmesh.evidence.entry import Entry
from fleetmesh.evidence.history import DOOMED, History, claimed, folders, locked, update
from fleetmesh.evidence.journal import COPY, DELIVERIES, EVENTS, PLAN, RAW
from fleetmesh.evidence.sums import Refused
from fleetmesh.views.render import CHANGES, VIEWS, WATCH_VIEWS
from fleetmesh.views.report import REPORT

LEAST = timedelta(days=1)
"""What is younger may still be written: views follow the end of a run."""

_WRITTEN = {
    *(PLAN, EVENTS, RAW, COPY, RUN_JSON, REPORT, CHANGES, DELIVERIES),
    *(*VIEWS, *WATCH_VIEWS),
}


@dataclass
class Pruned:
    """What was removed, or would be; why older runs stay; what could not be done."""

    removed: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def prune(reports: Path, keep: timedelta, now: datetime, *, dry_run: bool = False) -> Pruned:
    """Remove the folders of runs that began longer ago than `keep` and tell nothing any more.

    A folder first loses its name, then its content: whatever breaks off, what bears the name of a
    run is whole, and the next call ends it. Raises Refused.
    """
    if keep < LEAST:
        raise Refused("a run of today may still be written: keep 1d at least")
    history = update(reports)
    done = Pruned(remarks=list(history.remarks))
    reasons = telling(history, reports, now)
    ended = {entry.run: entry for entry in history.entries}
    doomed = [place for place in sorted(reports.glob(f"{DOOMED}*")) if _is_folder(place)]
    with locked(reports):  # no run is entered in the history meanwhile
        for folder in folders(reports, []):
            entry = ended.get(folder.name)
            if entry is None or now - entry.started < keep:
                continue
            if why := reasons.get(entry.run) or _guarded(folder):
                done.kept[entry.run] = why
                continue
            try:
                with _unwritten(folder):
                    if not dry_run:
                        doomed.append(folder.rename(reports / f"{DOOMED}{folder.name}"))
                done.removed.append(folder.name)
            except BlockingIOError:
                done.kept[entry.run] = "somebody writes it"
            except OSError as error:
                done.failed.append(f"{folder}: {error.strerror}")
    if not dry_run:
        _remove(reports, doomed, done)
    return done


def telling(history: History, reports: Path, now: datetime) -> dict[str, str]:
    """The runs that stay, however old, and why."""
    found: dict[str, str] = {}
    last: dict[tuple[str, str, str], Entry] = {}
    for entry, before in history.pairs():
        if before and _turned(before, entry):
            found.setdefault(before.run, "the run before a change")
            found[entry.run] = "a change"
        if not entry.replayed:
            last.update({(entry.fleet, entry.kind, phase): entry for phase in entry.phases})
    doubt = on_disk(reports)
    for (fleet, kind, phase), entry in last.items():
        found.setdefault(entry.run, "the last run of a phase")
        proof = evidence(history, now, doubt, (fleet, kind), phase)
        if proof.entry:
            found[proof.entry.run] = "the last READY run of a phase"
        # Without its folder, nothing would contradict what the history says of it.
        found.update({entry.run: "its folder contradicts it" for entry, _ in proof.passed_over})
    found.update({entry.run: "sealed" for entry in history.entries if entry.sealed})
    found.update({entry.run: "its record breaks off" for entry in history.entries if entry.open})
    return found


def _turned(before: Entry, after: Entry) -> bool:
    """Whether the verdict or an outcome is another; what else a check saw does not count."""
    return before.verdict != after.verdict or any(
        change.kind != "observation" for change in changes(before, after)
    )


def _guarded(folder: Path) -> str | None:
    """Why a folder stays that no run need: it was sealed just now, or is not a run's alone."""
    if sealed := claimed(folder):
        return sealed
    names = (entry.name for entry in os.scandir(folder) if not _by_a_run(entry))
    strange = sorted(names)
    return f"it holds {strange[0]}, which no run writes" if strange else None


def _by_a_run(entry: os.DirEntry[str]) -> bool:
    if entry.name == RAW:
        return entry.is_dir(follow_symlinks=False)
    return entry.name in _WRITTEN and entry.is_file(follow_symlinks=False)


@contextmanager
def _unwritten(folder: Path) -> Iterator[None]:
    """While nobody writes the record. Raises BlockingIOError where somebody does, and OSError."""
    record = os.open(folder / EVENTS, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(record, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(record)


def _remove(reports: Path, doomed: list[Path], done: Pruned) -> None:
    """Remove what has lost its name; that it has, stands on the disk before."""
    directory = os.open(reports, os.O_RDONLY | os.O_CLOEXEC)
    os.fsync(directory)
    os.close(directory)
    for folder in doomed:
        try:
            shutil.rmtree(folder)  # follows no link
        except OSError as error:
            done.failed.append(f"{error.filename or folder}: {error.strerror}")


def _is_folder(place: Path) -> bool:
    return stat.S_ISDIR(place.lstat().st_mode)
