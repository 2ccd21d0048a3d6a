"""One hand on the fleet at a time: a lock that says who holds it."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rehearsal.errors import RehearsalError
from rehearsal.paths import LOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

_held_here: list[str] = []
"""The purpose for which this very process holds the fleet; empty if it does not."""


def caller() -> str:
    """The user on whose behalf this runs: the one who called sudo, if somebody did."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


@contextmanager
def held(purpose: str) -> Iterator[None]:
    """Hold the fleet for a change of it; raises RehearsalError, naming the holder, if it is held.

    Whoever holds it may hold it again: a matrix of faults boots and resets the fleet that it holds.
    The kernel gives the lock back when the process ends, however it ends. See flock(2).
    """
    if _held_here:
        yield
        return
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RehearsalError(f"the rehearsal fleet is held: {_holder()}") from None
        file.truncate(0)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        holder = {"pid": os.getpid(), "user": caller(), "since": since, "purpose": purpose}
        file.write(json.dumps(holder))
        file.flush()
        _held_here.append(purpose)
        try:
            yield
        finally:
            _held_here.clear()
            file.truncate(0)


def _holder() -> str:
    try:
        holder = json.loads(LOCK.read_text())
    except ValueError:  # it has just taken the lock and has not written yet
        return "by another process; try again"
    return "{purpose}, pid {pid}, user {user}, since {since}; wait for it to end".format(**holder)
