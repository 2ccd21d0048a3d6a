"""One ground and its faults: each made to happen, asked about, healed, and seen to be healed.

Judging takes a processor and no fleet. So the next fault happens while the one before, and the
fleet that it left healed, are still being judged. Where that fleet turns out not to have been as
before, what happened on it counts for nothing, and happens again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rehearsal import fleet
from rehearsal.errors import RehearsalError
from rehearsal.matrix.compare import compare, unsound
from rehearsal.matrix.judge import Verdicts, judge
from rehearsal.matrix.rows import Row
from rehearsal.matrix.take import take

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from rehearsal.faults import Fault, Ground

HEALED_WITHIN = 30.0
"""Seconds after which a fleet that is still not as it was is given up, and starts over."""


@dataclass
class _Attempt:
    """A fault that has happened, and what is being made of it."""

    row: Row
    found: Future[Verdicts] | None = None
    healed: Future[Verdicts] | None = None


class Stage:
    """The running fleet on one ground, with the faults that happen to it."""

    def __init__(self, ground: Ground, folder: Path, judges: Executor) -> None:
        self._ground = ground
        self._folder = folder
        self._judges = judges
        self.before: Verdicts = {}
        """What the checks say before any fault."""

    def enter(self) -> None:
        """Bring the fleet to the ground. Raises RehearsalError where that is not all well."""
        self._ground.enter()
        recording = self._folder / f"ground-{self._ground.name}"
        for _ in range(2):
            take(recording, self._ground.inventory, writes=self._ground.writes)
            self.before = self._judge(recording).result()
            wrong = unsound(self.before)
            if not wrong:
                return
            self._start_over()  # somebody has left something behind
        raise RehearsalError(f"already before any fault, {'; '.join(wrong)}")

    def leave(self) -> None:
        """Bring the fleet back from the ground."""
        self._ground.leave()

    def rows(self, faults: Iterable[type[Fault]]) -> Iterator[Row]:
        """Let each fault happen; a row comes once the fleet is known to be as it was before."""
        pending: _Attempt | None = None
        for fault in faults:
            attempt = self._attempt(fault)
            if pending:
                sound = self._finish(pending)
                yield pending.row
                if not sound:
                    attempt = self._attempt(fault)
            pending = attempt
            if attempt.row.trouble:  # then nobody knows what is left of the fault
                self._start_over()
                yield attempt.row
                pending = None
        if pending:
            self._finish(pending)
            yield pending.row

    def _attempt(self, fault: type[Fault]) -> _Attempt:
        start = time.monotonic()
        attempt = _Attempt(Row(fault))
        row, happening, recording = attempt.row, fault(), self._folder / fault.title()
        changes = (self._ground.inventory, happening.inventory)
        try:
            happening.inject()
            row.asked, row.patience = take(recording, *changes, writes=self._ground.writes)
            attempt.found = self._judge(recording)
            happening.heal()
            attempt.healed = self._look(row)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other faults still run
            row.trouble = f"{type(error).__name__}: {error}"
        row.seconds = time.monotonic() - start
        return attempt

    def _finish(self, attempt: _Attempt) -> bool:
        """Complete a row; False if the fleet was not as before when the fault after it began."""
        start = time.monotonic()
        row = attempt.row
        assert attempt.found
        assert attempt.healed
        try:
            row.cells = compare(row.fault, self.before, attempt.found.result())
            if not self._changed(attempt.healed.result()):
                return True
            row.trouble = self._unhealed(row)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other faults still run
            row.trouble = f"{type(error).__name__}: {error}"
        if row.trouble:
            self._start_over()
        row.seconds += time.monotonic() - start
        return False

    def _unhealed(self, row: Row) -> str | None:
        """What is still not as it was before, looked at until it is, or given up."""
        end = time.monotonic() + HEALED_WITHIN
        while changed := self._changed(self._look(row).result()):
            if time.monotonic() > end:
                return f"does not heal: {'; '.join(changed)}"
        return None

    def _changed(self, after: Verdicts) -> list[str]:
        return [
            f"{check} is {after[check].outcome} ({after[check].reason})"
            if check in after
            else f"{check} does not report"
            for check in self.before
            if check not in after or after[check].outcome != self.before[check].outcome
        ]

    def _look(self, row: Row) -> Future[Verdicts]:
        recording = self._folder / "healed" / row.fault.title()
        take(recording, self._ground.inventory, writes=self._ground.writes)
        return self._judge(recording)

    def _judge(self, recording: Path) -> Future[Verdicts]:
        return self._judges.submit(judge, recording, writes=self._ground.writes)

    def _start_over(self) -> None:
        fleet.reset("after", lambda _: None)
        self._ground.enter()
