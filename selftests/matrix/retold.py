"""Judges checks by a sound recording in which one answer is told otherwise, as on another fleet."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from fleetmesh.gather.snapshot import Snapshot
from rehearsal.matrix.recordings import whole
from rehearsal.paths import PROJECT

Change = Callable[[str], str]


def judged(folder: Path, check: str, changes: Mapping[tuple[str, str], Change]) -> tuple[int, str]:
    """What `pytest --check` ends with, and what it prints, with each (fact, subject) changed."""
    whole("ground-after").unpack(folder)
    (file,) = folder.glob("transcripts.*")
    snapshot = Snapshot.read(file)
    for (fact, subject), change in changes.items():
        transcript = snapshot.of(fact)[subject]
        told = change(transcript.out)
        assert told != transcript.out, "nothing is changed"
        snapshot.add(replace(transcript, stdout=told.encode()))
    snapshot.write(file, lambda transcript: transcript)
    command = [sys.executable, "-m", "pytest", "-rA", f"--replay={folder}", f"--check={check}"]
    done = subprocess.run(
        [*command, f"--reports={folder / 'reports'}"],
        cwd=PROJECT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr
