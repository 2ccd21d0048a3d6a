"""One ground and its faults: each made to happen, asked about, healed, and seen to be healed.

Asking is what takes the time. So the recording of the next fault also shows that the one before is
healed, where the two turn no check in common: every check that either turns is then seen as it was
before, and so is every other. Where they do share one, the healed fleet is asked for itself.

Judging takes a processor and no fleet, and goes on beside the next faults. Where a fleet turns out
not to have been healed, what happened on it counts for nothing, and happens again.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from rehearsal import fleet
from rehearsal.errors import RehearsalError
from rehearsal.faults.bases import Own
from rehearsal.matrix.compare import case, compare, expected, ill, unquoted, unsound
from rehearsal.matrix.judge import Verdicts, judge
from rehearsal.matrix.recordings import title
from rehearsal.matrix.rows import Row
from rehearsal.matrix.take import take, take_own

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from rehearsal.faults import Fault, Ground

HEALED_WITHIN = 30.0
"""Seconds after which a fleet that is still not as it was is given up, and starts over."""

BEING_JUDGED = 2
"""So many faults are being judged while another one happens."""

SETTLED_WITHIN = 8
"""Seconds after which the tunnels of a healed fleet are no longer waited for, and judged."""

DEADLINES = {"connect": 4, "command": 3, "http": 2}
"""Seconds: ample between machines on one box, and short where an answer will not come."""

SLACK = 4
"""A second try gives every answer so many times as long: a box that stalls answers late."""


@dataclass
class _Attempt:
    """A fault that has happened, and what is being made of it."""

    row: Row
    found: Future[Verdicts] | None = None
    healed: Future[Verdicts] | None = None
    """What the checks say of the healed fleet."""
    hidden: frozenset[str] = frozenset()
    """The checks that `healed` cannot tell of, since the next fault turns them."""


class FleetOnGround:
    """The running fleet on one ground, with the faults that happen to it."""

    def __init__(
        self, ground: Ground, folder: Path, judges: Executor, *, diagnosed: bool = False
    ) -> None:
        """`diagnosed` says whether each fault's diagnostics are taken, even if it shows none."""
        self._ground = ground
        self._diagnosed = diagnosed
        self._folder = folder
        self._judges = judges
        self._slack = 1
        self.before: Verdicts = {}
        """What the checks say before any fault."""
        self.untried: list[type[Fault]] = []
        """Those that were still to happen when the time was over."""

    def enter(self) -> None:
        """Bring the fleet to the ground. Raises RehearsalError where that is not all well."""
        self._ground.enter()
        recording = self._folder / title(type(self._ground))
        for self._slack in (1, SLACK):
            self._take(recording)
            self.before = self._judge(recording).result()
            wrong = unsound(self.before)
            if not wrong:
                return
            self._start_over()  # somebody has left something behind
        raise RehearsalError(f"already before any fault, {'; '.join(wrong)}")

    def leave(self) -> None:
        """Bring the fleet back from the ground."""
        self._ground.leave()

    def rows(
        self, faults: Iterable[type[Fault]], *, slack: int = 1, until: float = inf
    ) -> Iterator[Row]:
        """Let each fault happen; a row comes once the fleet is known to be as it was before.

        Every deadline is `slack` times what it is else, but for those that a fault sets itself.
        None begins after `until`, in seconds of the monotonic clock.
        """
        self._slack = slack
        left = deque(self._apart(faults))
        under_way: deque[_Attempt] = deque()
        while left or under_way:
            if left and time.monotonic() > until:
                self.untried += left
                left.clear()
                continue
            broken = any(attempt.row.trouble for attempt in under_way)
            if left and len(under_way) <= BEING_JUDGED and not broken:
                fault = left.popleft()
                under_way.append(self._attempt(fault, left[0] if left else None))
                continue
            attempt = under_way.popleft()
            if attempt.row.trouble:  # then nobody knows what is left of the fault
                self._start_over()
                yield attempt.row
                continue
            if not attempt.healed and under_way:
                following = under_way[0]
                attempt.healed, attempt.hidden = following.found, self._turned(following.row.fault)
            elif not attempt.healed:  # the time was over before the next could show it
                attempt.healed = self._look(attempt.row)
            unclear = broken and not self._is_healed(attempt)
            if unclear:  # which of them is to blame
                self._start_over()
                attempt = self._attempt(attempt.row.fault, None)
            sound = self._finish(attempt) and not unclear
            yield attempt.row
            if not sound:
                left.extendleft(one.row.fault for one in reversed(under_way))
                under_way.clear()

    def _apart(self, faults: Iterable[type[Fault]]) -> list[type[Fault]]:
        """The faults in an order in which each shows, as often as may be, that the last healed."""
        left = sorted(faults, key=lambda fault: len(self._turned(fault)), reverse=True)
        order: list[type[Fault]] = []
        while left:
            fits = (fault for fault in left if order and self._shows(fault, order[-1]))
            order.append(next(fits, left[0]))
            left.remove(order[-1])
        return order

    def _shows(self, fault: type[Fault], before: type[Fault]) -> bool:
        """Whether a recording of `fault` tells if the one before it is healed.

        After one that has hit a whole host, the fleet is waited for instead.
        """
        return not before.blinds and not self._turned(fault) & self._turned(before)

    def _turned(self, fault: type[Fault]) -> frozenset[str]:
        return frozenset(
            check
            for check, judged in self.before.items()
            if expected(fault, check, self.before).outcome != judged.outcome
        )

    def _attempt(self, fault: type[Fault], following: type[Fault] | None) -> _Attempt:
        start = time.monotonic()
        attempt = _Attempt(Row(fault))
        row, happening, recording = attempt.row, fault(), self._folder / fault.title()
        try:
            happening.inject()
            row.asked, row.patience = self._take(recording, happening)
            attempt.found = self._judge(recording)
            happening.heal()
            fleet.forgive()
            self._settle()
            if following is None or not self._shows(following, fault):
                attempt.healed = self._look(row)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other faults still run
            row.trouble = f"{type(error).__name__}: {error}"
        row.seconds = time.monotonic() - start
        return attempt

    def _settle(self) -> None:
        """Wait until the tunnels carry again, lest the next fault hit one that is on its way."""
        with suppress(RehearsalError):  # the checks will tell
            fleet.wait_until_served(SETTLED_WITHIN)
            if fleet.steady():
                fleet.wait_until_served(SETTLED_WITHIN)

    def _finish(self, attempt: _Attempt) -> bool:
        """Complete a row; False if the fleet was not as before when the fault after it began."""
        start = time.monotonic()
        row = attempt.row
        try:
            if attempt.found:
                found = attempt.found.result()
                row.cells = compare(row.fault, self.before, found)
                row.unquoted = unquoted(row.fault, self.before, found)
            if not row.trouble and self._is_healed(attempt):
                return True
            row.trouble = row.trouble or self._unhealed(row)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other faults still run
            row.trouble = f"{type(error).__name__}: {error}"
        if row.trouble:
            self._start_over()
        row.seconds += time.monotonic() - start
        return False

    def _is_healed(self, attempt: _Attempt) -> bool:
        try:
            seen = attempt.healed.result() if attempt.healed else {}
        except RuntimeError:  # what cannot be judged shows nothing
            return False
        return not self._changed(seen, attempt.hidden)

    def _unhealed(self, row: Row) -> str | None:
        """What is still not as it was before, looked at until it is, or given up."""
        end = time.monotonic() + HEALED_WITHIN
        while changed := self._changed(self._look(row).result()):
            if time.monotonic() > end:
                return f"does not heal: {'; '.join(changed)}"
        return None

    def _changed(self, after: Verdicts, hidden: frozenset[str] = frozenset()) -> list[str]:
        return [
            f"{check} is {after[check].outcome} ({after[check].reason})"
            if check in after
            else f"{check} does not report"
            for check in self.before.keys() - hidden
            if check not in after or after[check].outcome != self.before[check].outcome
        ]

    def _look(self, row: Row) -> Future[Verdicts]:
        recording = self._folder / "healed" / row.fault.title()
        self._take(recording)
        return self._judge(recording)

    def _take(self, recording: Path, fault: Fault | None = None) -> tuple[float, float]:
        changes = [self._ground.inventory, *([fault.inventory] if fault else [])]
        deadlines: dict[str, float] = {
            limit: self._slack * seconds for limit, seconds in DEADLINES.items()
        }
        deadlines |= fault.deadlines if fault else {}
        if isinstance(self._ground, Own):
            return take_own(recording, *changes, deadlines=deadlines)
        asked = fault is not None and self._asks_why(type(fault))
        cases = {case(check) for check in ill(type(fault), self.before)} if fault and asked else ()
        writes = self._ground.writes
        return take(recording, *changes, writes=writes, deadlines=deadlines, ill=sorted(cases))

    def _asks_why(self, fault: type[Fault]) -> bool:
        return self._diagnosed or bool(fault.shows)

    def _judge(self, recording: Path) -> Future[Verdicts]:
        ground = self._ground
        return self._judges.submit(judge, recording, writes=ground.writes, tests=ground.tests)

    def _start_over(self) -> None:
        fleet.reset("after", lambda _: None)
        self._ground.enter()
