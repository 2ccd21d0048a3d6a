"""`python -m rehearsal faults`: the live matrix, with its page, its data and its recordings."""

from __future__ import annotations

import secrets
import tempfile
import time
from datetime import UTC, datetime
from itertools import count
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal.errors import RehearsalError
from rehearsal.faults import FAULTS
from rehearsal.matrix import page, recordings
from rehearsal.matrix.beside import live_on
from rehearsal.matrix.discovered import sweep
from rehearsal.matrix.run import live
from rehearsal.paths import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rehearsal.matrix.rows import Row
    from rehearsal.outfit import Outfit


def faults(
    names: Sequence[str],
    made: Outfit | None,
    say: Callable[[str], None],
    *,
    record: bool,
    fleets: int = 1,
    within: float = inf,
) -> int:
    """Run these faults, or all, on so many fleets side by side; 0 if the matrix holds, else 1.

    After so many minutes `within` which they should be tried none begins; what is left is named.
    With `record`, the recordings of the faults that held replace those in the repository; all must
    be of one fleet. Raises RehearsalError.
    """
    unknown = [name for name in names if name not in FAULTS]
    if unknown:
        known = "\n  ".join(sorted(FAULTS))
        raise RehearsalError(f"no fault is called {', '.join(unknown)}; known are:\n  {known}")
    if record and fleets > 1:
        raise RehearsalError("recordings are made on one fleet: leave out --fleets")
    started = datetime.now(UTC)
    folder = PROJECT / "reports" / f"{started:%Y-%m-%dT%H%M%SZ}_faults_{secrets.token_hex(3)}"
    folder.mkdir(parents=True)
    chosen = dict.fromkeys(names or FAULTS)
    number = count(1)

    def seen(row: Row) -> None:
        of = len(chosen)
        place = "once more" if row.at_first else f"{next(number):{len(str(of))}} of {of}"
        say(_told(row, place))

    until = time.monotonic() + 60 * within
    if fleets > 1:
        matrix = live_on(fleets, chosen, made, folder, say, seen, until=until)
    else:
        matrix = live(chosen, made, folder, say, seen, diagnosed=record, until=until)
    (folder / "faults.json").write_text(page.data(matrix, started), "utf-8")
    (folder / "faults.html").write_text(page.html(matrix, started), "utf-8")
    if record:
        recordings.keep((row.fault for row in matrix.rows if not row.problems), folder)
    print("", *matrix.summary(), f"report: {folder / 'faults.html'}", sep="\n")
    return 0 if matrix.holds else 1


def discovered(names: Sequence[str], say: Callable[[str], None]) -> int:
    """Have an inventory discovered in each of these faults; 0 if none is written into it."""
    folder = Path(tempfile.mkdtemp(prefix="discovered-"))
    tried = sweep(names or list(FAULTS), folder, say)
    wrong = [one for one in tried if one.laundered or one.trouble]
    same = sum(not one.differs for one in tried)
    print(
        f"{len(tried)} faults: in {same} the discovered inventory says what is right, in "
        f"{len(tried) - same} the fleet was judged by it; wrong: {len(wrong)}"
    )
    return 1 if wrong or not tried else 0


def _told(row: Row, place: str) -> str:
    sign = "✕" if row.problems else "✓"
    lines = [f"{place}  {sign} {row.fault.title()}: {len(row.turned)} turned, {row.seconds:.1f} s"]
    return "\n".join(lines + [f"    {problem}" for problem in row.problems])
