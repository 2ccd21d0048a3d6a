"""The outbox of a fleet: the verdicts that were told, and the notifications that wait.

One file in the folder of reports, replaced as a whole, holds both: a change of verdict is known
from the moment on in which its notification is kept. So none is lost or told anew, whenever a run
is killed; only the one that a receiver took just then may come twice. Where nothing can be written
(a full disk), people are told all the same, and anew after the next run.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from threading import Lock

from pydantic import TypeAdapter

from fleetmesh.evidence.files import MIB, content, json_object, replacing
from fleetmesh.gather import plain

FOLDER = "outbox"
FORMAT = 1
MOST = 50
"""Notifications that are kept for one receiver; beyond that, the oldest go."""
_LARGEST = 8 * MIB
_PATIENCE = 60.0  # seconds to wait for another run of the fleet, which delivers by its deadlines


@dataclass(frozen=True)
class Known:
    """The last verdict that was told of some phases, and the run that came to it."""

    run: str
    verdict: str


@dataclass
class Notification:
    """What one receiver is to be told; `happened` is when the run ended."""

    to: str
    run: str
    happened: datetime
    title: str
    text: str
    dropped: int = 0
    """Notifications just before this one that could not be kept."""


@dataclass
class _Content:
    format: int = FORMAT
    known: dict[str, Known] = field(default_factory=dict)
    waiting: list[Notification] = field(default_factory=list)


_CONTENT = TypeAdapter(_Content)


class Outbox:
    """The opened outbox of one fleet; several threads may use it. `open_outbox` makes one."""

    def __init__(self, file: Path, found: _Content, remark: str = "") -> None:
        self.remark = remark
        """What is wrong with the file itself; empty where all is well."""
        self._file, self._content, self._lock = file, found, Lock()

    def known(self, phases: str) -> Known | None:
        """The last verdict of these phases that was told."""
        return self._content.known.get(phases)

    def waiting(self, to: str) -> list[Notification]:
        """What is kept for a receiver, oldest first."""
        with self._lock:
            return [kept for kept in self._content.waiting if kept.to == to]

    def note(
        self, phases: str, known: Known, fresh: list[Notification], receivers: list[str]
    ) -> None:
        """Keep what is new, and remember its verdict; forget who is no receiver any more."""
        found = self._content
        found.known[phases] = known
        found.waiting = [kept for kept in found.waiting + fresh if kept.to in receivers]
        for to in receivers:
            mine = self.waiting(to)
            for kept, following in pairwise(mine[: max(0, len(mine) - MOST) + 1]):
                found.waiting.remove(kept)
                following.dropped += 1 + kept.dropped
        self._save()

    def delivered(self, notification: Notification) -> None:
        """Forget what has arrived."""
        with self._lock:
            self._content.waiting.remove(notification)
            self._save()

    def _save(self) -> None:
        plainly = asdict(self._content)
        for kept in plainly["waiting"]:
            kept["happened"] = plain.rfc3339(kept["happened"])
        text = json.dumps(plainly, indent=1, ensure_ascii=False)
        try:
            with replacing(self._file, durable=True) as opened:
                opened.write(text.encode(errors="backslashreplace") + b"\n")
        except OSError as error:
            self.remark = f"{self._file}: {error.strerror}: the next run may tell the same again"


@contextmanager
def open_outbox(reports: Path, fleet: str, kind: str) -> Iterator[Outbox]:
    """The outbox of a fleet, while no other run uses it. Raises OSError, TimeoutError among it."""
    file = reports / FOLDER / f"{kind}_{fleet}.json"
    file.parent.mkdir(exist_ok=True)
    with _locked(file.with_suffix(".lock")):
        yield _read(file)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(file, flags, 0o644)
    try:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise TimeoutError("another run of the fleet still delivers") from None
                time.sleep(0.1)
        yield
    finally:
        os.close(descriptor)


def _read(file: Path) -> Outbox:
    """One that cannot be read is put aside, and told of: its notifications are lost."""
    try:
        found = _CONTENT.validate_python(json_object(content(file, _LARGEST)))
        if found.format == FORMAT:
            return Outbox(file, found)
        why = f"its format is {found.format}"
    except FileNotFoundError:
        return Outbox(file, _Content())
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no outbox"
    with suppress(OSError):
        file.replace(file.with_suffix(".broken"))
    return Outbox(file, _Content(), f"{file} could not be read ({why}); it is put aside")
