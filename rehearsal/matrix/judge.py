"""Judges recordings by the checks themselves, in a process that pytest may have to itself."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from rehearsal.paths import PROJECT


@dataclass(frozen=True)
class Judged:
    """How one check ended on a recording."""

    id: str
    outcome: str
    reason: str
    hosts: tuple[str, ...]


Verdicts = dict[str, Judged]
"""By check and case, `unit_is_enabled[fleet-…]`."""


def pool(workers: int = 2) -> ProcessPoolExecutor:
    """Processes that judge side by side."""
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def judge(recording: Path, *, writes: bool) -> Verdicts:
    """Judge the transcripts in the folder `recording`.

    Raises RuntimeError where pytest could not even begin.
    """
    import pytest  # noqa: PLC0415 - only the process that judges needs it

    os.chdir(PROJECT)
    with (
        tempfile.TemporaryDirectory() as reports,
        contextlib.redirect_stdout(io.StringIO()) as said,
    ):
        arguments = [f"--replay={recording}", f"--reports={reports}", "-q"]
        pytest.main([*arguments, "--allow-writes"] if writes else arguments)
        files = list(Path(reports).glob("*/results.json"))
        if not files:
            raise RuntimeError(f"{recording} could not be judged: {said.getvalue()[-2000:]}")
        found = json.loads(files[0].read_text())
    if found["missing"]:
        raise RuntimeError(f"{recording}: {len(found['missing'])} checks did not report")
    return {
        result["check"]: Judged(
            result["id"], result["outcome"], result["reason"], tuple(result["hosts"])
        )
        for result in found["results"]
    }
