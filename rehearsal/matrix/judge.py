"""Judges recordings by the checks themselves, in a process that pytest may have to itself."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import signal
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from rehearsal.faults.fault import Ground
from rehearsal.matrix import recordings
from rehearsal.paths import PROJECT
from rehearsal.signals import end_with

_OBJECTS_PER_SEARCH = 50_000
"""So many new objects make Python look for garbage; its own 700 cost a tenth of the judging."""

# Of each judgement only the plain data is wanted: no record, no page, no foreign plugin, and no
# search for garbage after each of a hundred short runs in one process.
_PLAIN = (
    "--disable-plugin-autoload",
    *("-p", "no:fixtures.record"),
    *("-p", "no:junitxml"),
    *("-p", "no:unraisableexception"),
)


@dataclass(frozen=True)
class Judged:
    """How one check ended on a recording."""

    id: str
    phase: str
    outcome: str
    reason: str
    hosts: tuple[str, ...]
    hint: str = ""
    mends: bool = False
    state: str = ""
    """In what condition it is, if it does not hold: `not yet`, `settling`, `down`, `broken`."""
    cause: str = ""
    """The name of the lost thing that explains it."""


Verdicts = dict[str, Judged]
"""By check and case, `PROD-08.enabled[fleet-…]`."""


def pool(workers: int = 2) -> ProcessPoolExecutor:
    """Processes that judge side by side; Ctrl-C is left to the process that started them.

    They end with it, even where it is killed.
    """
    return ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_begin, initargs=(os.getpid(),)
    )


def _begin(starter: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(_OBJECTS_PER_SEARCH, 20, 20)
    os.nice(10)  # while a fleet is asked, it comes first
    end_with(starter, signal.SIGKILL)


def judge_recorded(name: str, *, writes: bool, tests: tuple[str, ...] = Ground.tests) -> Verdicts:
    """As `judge`, of the recording that the repository has of a fault or a ground."""
    recording = recordings.whole(name)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / name
        whole.mkdir()
        recording.unpack(whole)
        return judge(whole, writes=writes, tests=tests)


def judge(recording: Path, *, writes: bool, tests: tuple[str, ...] = Ground.tests) -> Verdicts:
    """Judge the transcripts in the folder `recording`, by the checks in `tests`.

    Raises RuntimeError where pytest could not even begin, or a check did not report.
    """
    import pytest  # noqa: PLC0415 - only the process that judges needs it

    os.chdir(PROJECT)
    said = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as reports,
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        arguments = [*tests, f"--replay={recording}", f"--reports={reports}", "-q", *_PLAIN]
        pytest.main([*arguments, "--allow-writes"] if writes else arguments)
        files = list(Path(reports).glob("*/results.json"))
        if not files:
            raise RuntimeError(f"{recording} could not be judged: {said.getvalue()[-2000:]}")
        found = json.loads(files[0].read_text())
    if found["missing"]:
        raise RuntimeError(f"{recording}: did not report: {', '.join(found['missing'])}")
    return {
        result["check"]: Judged(
            id=result["id"],
            phase=result["phase"],
            outcome=result["outcome"],
            reason=result["reason"],
            hosts=tuple(result["hosts"]),
            hint=result["hint"],
            mends=result["mends"],
            state=(result["condition"] or {}).get("state", ""),
            cause=result["cause"],
        )
        for result in found["results"]
    }
