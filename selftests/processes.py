"""Processes of this machine, any of which may end while it is looked at."""

import contextlib
import subprocess
from pathlib import Path

import pytest


def family(pid: int) -> dict[int, str]:
    """A process, its children, their children and so on, with their start times."""
    found = {pid: start} if (start := started(pid)) else {}
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for listed in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in listed.read_text().split():
                found |= family(int(child))
    return found


def started(pid: int) -> str | None:
    """When it started, which tells it from a later one of the same id; None if it has ended.

    One that only waits for its parent's wait(2) has ended.
    """
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    return None


def alive(known: dict[int, str]) -> list[int]:
    """Which of these processes still run."""
    return [pid for pid, start in known.items() if started(pid) == start]


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """What it says, up to the line with these words."""
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    pytest.fail(f"never said {words!r}: {said}")
