"""`python -m rehearsal faults`: the live matrix, with its page, its data and its recordings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rehearsal.errors import RehearsalError
from rehearsal.faults import FAULTS
from rehearsal.matrix import page, recordings
from rehearsal.matrix.run import live
from rehearsal.paths import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rehearsal.outfit import Outfit


def faults(
    names: Sequence[str], made: Outfit | None, say: Callable[[str], None], *, record: bool
) -> int:
    """Run these faults, or all; 0 if the matrix holds, else 1.

    With `record`, the recordings of the faults that held replace those in the repository. Raises
    RehearsalError.
    """
    unknown = [name for name in names if name not in FAULTS]
    if unknown:
        known = "\n  ".join(sorted(FAULTS))
        raise RehearsalError(f"no fault is called {', '.join(unknown)}; known are:\n  {known}")
    started = datetime.now(UTC)
    folder = PROJECT / "reports" / f"{started:%Y-%m-%dT%H%M%SZ}_faults"
    folder.mkdir(parents=True)
    matrix = live(dict.fromkeys(names or FAULTS), made, folder, say)
    (folder / "faults.json").write_text(page.data(matrix, started), "utf-8")
    (folder / "faults.html").write_text(page.html(matrix, started), "utf-8")
    if record:
        recordings.keep((row.fault for row in matrix.rows if not row.problems), folder)
    print("", *matrix.summary(), f"report: {folder / 'faults.html'}", sep="\n")
    return 0 if matrix.holds else 1
