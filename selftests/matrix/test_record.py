"""Which recordings a live matrix leaves in the repository."""

from pathlib import Path

import pytest

from rehearsal.faults import FAULTS
from rehearsal.faults.fault import Turn
from rehearsal.matrix import command
from rehearsal.matrix.compare import Cell
from rehearsal.matrix.judge import Judged
from rehearsal.matrix.rows import Matrix, Row

HELD, MISSED = "unit-disabled", "linger-off"


def row(name: str, problem: str | None) -> Row:
    judged = Judged("X-01", "prereqs", "fail", "", ())
    return Row(FAULTS[name], [Cell("check", judged, Turn("fail", ""), True, problem)])


def test_rows_that_hold_replace_theirs_and_what_nobody_knows_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, kept = tmp_path / "taken", tmp_path / "kept"
    monkeypatch.setattr(command, "RECORDINGS", kept)
    for folder, name in (
        *((taken, name) for name in (HELD, MISSED, "ground-after", "healed")),
        *((kept, name) for name in (HELD, MISSED, "fault-of-old", "unit-masked")),
    ):
        (folder / name).mkdir(parents=True)
        (folder / name / f"from-{folder.name}").touch()
    command._record(Matrix([row(HELD, None), row(MISSED, "ended in pass")]), taken)
    left = {folder.name: [file.name for file in folder.iterdir()] for folder in kept.iterdir()}
    assert left == {
        HELD: ["from-taken"],
        "ground-after": ["from-taken"],
        MISSED: ["from-kept"],
        "unit-masked": ["from-kept"],
    }
