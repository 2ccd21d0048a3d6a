"""The matrix as a whole: live, on the rehearsal fleet, or from recordings."""

from __future__ import annotations

import time
from contextlib import contextmanager
from itertools import groupby
from math import inf
from typing import TYPE_CHECKING

from rehearsal import fleet, lock
from rehearsal.faults import FAULTS
from rehearsal.matrix.compare import compare, unquoted, unsound
from rehearsal.matrix.judge import Verdicts, judge_recorded, pool
from rehearsal.matrix.recordings import title
from rehearsal.matrix.rows import Matrix, Row, function
from rehearsal.matrix.stage import SLACK, FleetOnGround
from rehearsal.signals import undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    from rehearsal.faults.fault import Fault
    from rehearsal.outfit import Outfit


def live(
    names: Collection[str],
    made: Outfit | None,
    folder: Path,
    say: Callable[[str], None],
    seen: Callable[[Row], None],
    *,
    diagnosed: bool = False,
    until: float = inf,
) -> Matrix:
    """Run the faults of these names on the fleet; their recordings are left in `folder`.

    None begins after `until`, in seconds of the monotonic clock. With `diagnosed`, each recording
    has the diagnostics of what does not hold in it; without, only that of a fault which `shows`
    something. `seen` is given each row as soon as it is known, and again where its fault is tried
    once more.
    """
    start = time.monotonic()
    matrix = Matrix(every=set(names) >= FAULTS.keys())
    chosen = sorted((FAULTS[name] for name in names), key=lambda fault: fault.ground.name)
    with standing("rehearsal faults", made, say), pool() as judges:
        known = {fault: fault.impossible(fleet.generations()) for fault in chosen}
        matrix.impossible = {fault.title(): why for fault, why in known.items() if why}
        chosen = [fault for fault, why in known.items() if not why]
        for ground, faults in groupby(chosen, key=lambda fault: fault.ground):
            if time.monotonic() > until:  # a ground takes its time to come to
                matrix.untried += (fault.title() for fault in faults)
                continue
            stage = FleetOnGround(ground(), folder, judges, diagnosed=diagnosed)
            stage.enter()
            _learn(matrix, stage.before)
            rows = {}
            for row in stage.rows(faults, until=until):
                rows[row.fault] = row
                seen(row)
            for row in stage.rows(_once_more(rows.values()), slack=SLACK):
                row.at_first = rows[row.fault].problems
                rows[row.fault] = row
                seen(row)
            matrix.rows += rows.values()
            matrix.untried += (fault.title() for fault in stage.untried)
            stage.leave()
    matrix.rows = in_order(matrix.rows)
    matrix.seconds = time.monotonic() - start
    return matrix


def recorded(names: Collection[str] | None = None) -> Matrix:
    """The same matrix, of all faults or those of these names, from the repository's recordings."""
    start = time.monotonic()
    matrix = Matrix(every=names is None)
    chosen = [FAULTS[name] for name in (FAULTS if names is None else names)]
    with pool() as judges:
        before = {
            ground: judges.submit(
                judge_recorded, title(ground), writes=ground.writes, tests=ground.tests
            )
            for ground in {fault.ground for fault in chosen}
        }
        found = {
            fault: judges.submit(
                judge_recorded,
                fault.title(),
                writes=fault.ground.writes,
                tests=fault.ground.tests,
            )
            for fault in chosen
        }
        for fault in chosen:
            row = Row(fault)
            try:
                ground = before[fault.ground].result()
                _learn(matrix, ground)
                verdicts = found[fault].result()
                row.cells = compare(fault, ground, verdicts)
                row.unquoted = unquoted(fault, ground, verdicts)
                if wrong := unsound(ground):
                    row.trouble = f"already before any fault, {'; '.join(wrong)}"
            except RuntimeError as error:
                row.trouble = str(error)
            matrix.rows.append(row)
    matrix.seconds = time.monotonic() - start
    return matrix


def in_order(rows: Iterable[Row]) -> list[Row]:
    """The rows in the order of their faults in the code."""
    order = list(FAULTS)
    return sorted(rows, key=lambda row: order.index(row.fault.title()))


@contextmanager
def standing(purpose: str, made: Outfit | None, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the fleet, after the cutover; it is left as it was found, up and sound or down."""
    with lock.held(purpose):
        found = fleet.is_up()
        fleet.up("after", say, made)
        try:
            yield
        except BaseException:
            if found:
                say("broken off: the fleet starts over, so that nothing of a fault stays")
                with undisturbed():
                    fleet.reset("after", lambda _: None)
            raise
        finally:
            if not found:
                with undisturbed():
                    fleet.down()


def _once_more(rows: Collection[Row]) -> list[type[Fault]]:
    """The faults to try again: on a box that stalls, an answer comes late, which raises an alarm.

    What is wrong with a check or a fault stays wrong, however long the answers may take.
    """
    wrong = [row.fault for row in rows if row.problems]
    return wrong if len(wrong) <= _MOST_AGAIN else []


_MOST_AGAIN = 24
"""More are no chance."""


def _learn(matrix: Matrix, ground: Verdicts) -> None:
    for check, judged in ground.items():
        matrix.checks.setdefault(function(check), judged)
