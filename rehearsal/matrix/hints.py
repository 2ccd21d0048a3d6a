"""`python -m rehearsal hints`: each hint, run in the state in which it is given.

A fault happens, the checks are asked, and bash runs what those that it turns advise. Every command
must be one that runs where it is to run, whatever it then says. A hint that promises to mend must:
its check passes afterwards.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal import fleet
from rehearsal.errors import RehearsalError
from rehearsal.faults import FAULTS
from rehearsal.faults.bases import Own
from rehearsal.matrix.judge import judge, pool
from rehearsal.matrix.rows import function
from rehearsal.matrix.run import standing
from rehearsal.matrix.stage import DEADLINES
from rehearsal.matrix.take import take, take_own

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Set
    from concurrent.futures import Executor

    from rehearsal.faults import Fault, Ground
    from rehearsal.matrix.judge import Judged, Verdicts
    from rehearsal.outfit import Outfit

MENDED = {
    "PRE-04.private-key": "fleet-key-of-another-user",
    "CUT-01.installed": "tunnels-yaml-missing",
    "CUT-02.loaded": "unit-edited-without-reload",
    "CUT-03.down": "retired-hub-up",
    "CUT-04.steady": "unit-stopped",
    "PROD-05.ports": "retired-hub-up",
    "PROD-06.retired": "retired-issue-core-up",
    "PROD-07.linger": "linger-off",
    "PROD-08.enabled": "unit-disabled",
    "PROD-09.not-replaced": "ssh-upgraded",
    "PROD-09.same-after-reboot": "unit-edited-without-restart",
    "PROD-17.key": "fleet-key-readable-by-others",
}
"""A fault that the hint of each check which promises to mend does mend."""

PATIENCE = 30
"""Seconds after which a hint does not end, and so long it takes at most until it has mended."""

WORDS = re.compile(
    r"command not found|: not found$|[sS]yntax error|unexpected (EOF|token|end)|^[uU]sage:"
    r"|[uU]n(known|recognized) (flag|option|shorthand|command|verb|operation)|[iI]nvalid option"
    r"|Error from server \(Forbidden\)|Too (few|many) arguments|Bad configuration option|Try '"
    r"|a terminal is required",
    re.MULTILINE,
)
"""By which shells and programs say that they cannot make sense of a command."""


@dataclass
class Tried:
    """One hint in one fault, and what is wrong with it."""

    check: str
    fault: str
    hint: str
    mends: bool
    problems: list[str] = field(default_factory=list)


def hints(names: Collection[str], made: Outfit | None, say: Callable[[str], None]) -> int:
    """Try the hints of these checks, or of all; 0 if each runs and mends as it says, else 1.

    Raises RehearsalError if there is no such check.
    """
    known = {function(check) for fault in FAULTS.values() for check in fault.turns}
    if unknown := [name for name in names if name not in known]:
        raise RehearsalError(f"no fault turns a check called {', '.join(unknown)}")
    wanted = dict.fromkeys(sorted(names or known))
    tried: list[Tried] = []
    with (
        standing("rehearsal hints", made, say),
        pool(1) as judges,
        tempfile.TemporaryDirectory() as folder,
    ):
        bench = _Bench(Path(folder), judges)
        for _ in range(2):  # a busy machine may keep a check from seeing its fault
            left = wanted.keys() - {function(one.check) for one in tried}
            for ground, faults in groupby(chosen(left), key=lambda one: FAULTS[one[0]].ground):
                _stand(bench, ground(), faults, left, tried, say)
    missing = sorted(wanted.keys() - {function(one.check) for one in tried})
    for check in missing:
        say(f"✕ {check}: no fault made it fail")
    wrong = [one for one in tried if one.problems]
    mend = [one for one in tried if one.mends]
    counted = f"{len(tried)} hints tried, {len(mend)} of which promise to mend"
    print(f"\n{counted}; {len(wrong)} do not hold, {len(missing)} were never given")
    return 1 if wrong or missing else 0


def _stand(
    bench: _Bench,
    ground: Ground,
    faults: Iterable[tuple[str, str]],
    wanted: Set[str],
    tried: list[Tried],
    say: Callable[[str], None],
) -> None:
    """Let faults happen on a ground, and add to `tried` what comes of it."""
    ground.enter()
    for name, mended in faults:
        left = wanted - {function(one.check) for one in tried}
        try:
            for one in bench.tries(FAULTS[name](), ground, mended, left):
                tried.append(one)
                say(_told(one))
        except (RehearsalError, RuntimeError) as error:  # the other faults still happen
            tried.append(Tried(mended or "the fault", name, "", False, [str(error)]))
            say(_told(tried[-1]))
    ground.leave()


def chosen(checks: Collection[str]) -> list[tuple[str, str]]:
    """Faults by which each check fails, with the check that is to be mended, if one is.

    Few faults, without those that take a whole host away, where others do.
    """
    found = [(fault, check) for check, fault in MENDED.items() if check in checks]
    left = {*checks} - MENDED.keys()
    for fault, _ in found:
        left -= _fails(FAULTS[fault])
    while left:
        name, best = max(FAULTS.items(), key=lambda one: _worth(one[1], left))
        if not _fails(best) & left:
            break
        found.append((name, ""))
        left -= _fails(best)
    order = list(FAULTS)
    return sorted(found, key=lambda one: (FAULTS[one[0]].ground.name, order.index(one[0])))


def _fails(fault: type[Fault]) -> set[str]:
    return {function(check) for check, turn in fault.turns.items() if turn.outcome in _BAD}


def _worth(fault: type[Fault], left: set[str]) -> float:
    """How many of the checks it makes fail; a host that is lost answers no command."""
    return len(_fails(fault) & left) / (10 if fault.blinds else 1)


_BAD = ("fail", "warn")


class _Bench:
    """Where a fault happens, is asked about, mended or healed."""

    def __init__(self, folder: Path, judges: Executor) -> None:
        self._folder = folder
        self._judges = judges
        self._number = 0

    def tries(
        self, fault: Fault, ground: Ground, mended: str, left: Collection[str]
    ) -> Iterator[Tried]:
        """Try what the checks advise that the fault turns: `mended` at last, others if `left`."""
        try:
            fault.inject()
            found = self._ask(fault, ground)
            bad = {check: judged for check, judged in found.items() if judged.outcome in _BAD}
            for check, judged in bad.items():
                if function(check) in left and not judged.mends:
                    yield self._try(check, judged, fault)
            for check, judged in bad.items():
                if function(check) == mended:
                    yield self._mend(check, judged, fault, ground)
        finally:
            self._heal(fault, ground)

    def _mend(self, check: str, judged: Judged, fault: Fault, ground: Ground) -> Tried:
        tried = self._try(check, judged, fault)
        if not judged.mends:
            tried.problems.append("it does not say that it mends")
        end = time.monotonic() + PATIENCE
        while (now := self._ask(fault, ground)[check]).outcome != "pass":
            if time.monotonic() > end:
                tried.problems.append(f"it has not mended: {now.reason}")
                break
        return tried

    def _try(self, check: str, judged: Judged, fault: Fault) -> Tried:
        tried = Tried(check, fault.title(), judged.hint, judged.mends)
        for line in judged.hint.splitlines():
            tried.problems += run(line, reachable=not fault.blinds)
        if not judged.hint:
            tried.problems.append("there is none")
        return tried

    def _ask(self, fault: Fault, ground: Ground) -> Verdicts:
        self._number += 1
        recording = self._folder / str(self._number)
        changes = [ground.inventory, fault.inventory]
        deadlines = {**DEADLINES, **fault.deadlines}
        if isinstance(ground, Own):
            take_own(recording, *changes, deadlines=deadlines)
        else:
            take(recording, *changes, writes=ground.writes, deadlines=deadlines)
        asked = self._judges.submit(judge, recording, writes=ground.writes, tests=ground.tests)
        return asked.result()

    def _heal(self, fault: Fault, ground: Ground) -> None:
        """Undo the fault, or what is left of it; a fleet that cannot be healed starts over."""
        try:
            fault.heal()
            fleet.forgive()
            fleet.wait_until_served()
            fleet.steady()
            fleet.wait_until_served()
        except RehearsalError:
            fleet.reset("after", lambda _: None)
            ground.enter()


def run(line: str, *, reachable: bool = True) -> list[str]:
    """Have bash run one line of a hint, and say what is wrong with it as a command.

    What it finds, and so its exit status, is the fleet's affair; but a host that is `reachable`
    must be reached.
    """
    done = _bash(line)
    if done is None:
        return [f"it does not end within {PATIENCE} s: {line}"]
    status, said = done
    if status in (126, 127) or WORDS.search(said):
        return [f"exit status {status}, {said.strip()[-300:]!r}: {line}"]
    if status == 255 and reachable and (words := shlex.split(line))[0] == "ssh":
        reached = _bash(shlex.join([*words[:-1], "true"]))
        if not reached or reached[0] != 0:
            return [f"its host is not reached, {said.strip()[-300:]!r}: {line}"]
    return []


def _bash(line: str) -> tuple[int, str] | None:
    try:
        done = subprocess.run(
            ["bash", "-c", line],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.returncode, done.stderr


def _told(one: Tried) -> str:
    sign = "✕" if one.problems else "✓"
    does = "mends" if one.mends else "looks"
    lines = [f"{sign} {one.check} {does}, in {one.fault}"]
    return "\n".join(lines + [f"    {problem}" for problem in one.problems])
