"""What the matrix makes of each assertion's loss: all of them in turn, from the recordings.

Taking out an assertion changes nothing where it held. So the recordings are judged once with every
assertion in its place, to see which of them fails where; without it, only those are judged again.

Run as a program in a copy of the checkout, whose checks it rewrites; see `weakened`. With names of
checks as arguments, only their assertions are tried.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.faults import FAULTS, Fault
from rehearsal.matrix.compare import compare
from rehearsal.matrix.judge import Verdicts, judge_recorded
from rehearsal.matrix.recordings import title
from rehearsal.matrix.rows import Matrix, Row
from rehearsal.matrix.run import recorded
from rehearsal.paths import PROJECT
from selftests.matrix.weakened import Assertion, assertions

_FAILED = PROJECT / "failed-at"
"""Lines of recording, file and line: where an assertion failed."""


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Note where the check's assertion failed; this module is a plugin of the first judgement."""
    if call.excinfo and call.excinfo.errisinstance(AssertionError):
        last = call.excinfo.traceback[-1]
        with _FAILED.open("a") as file:
            file.write(f"{Path(item.config.option.replay).name}\t{last.path}\t{last.lineno + 1}\n")


def failures() -> tuple[Matrix, dict[tuple[Path, int], list[type[Fault]]]]:
    """The whole matrix, and in which faults an assertion fails, by its file and line."""
    _FAILED.write_text("")
    before = os.environ.get("PYTEST_ADDOPTS", "")
    os.environ["PYTEST_ADDOPTS"] = f"{before} -p {__spec__.name if __spec__ else __name__}"
    matrix = recorded()
    os.environ["PYTEST_ADDOPTS"] = before
    found: dict[tuple[Path, int], list[type[Fault]]] = {}
    for noted in dict.fromkeys(_FAILED.read_text().splitlines()):
        recording, file, line = noted.split("\t")
        if recording in FAULTS:
            place = (Path(file).relative_to(PROJECT), int(line))
            found.setdefault(place, []).append(FAULTS[recording])
    return matrix, found


def noticed_by(
    assertion: Assertion, faults: list[type[Fault]], grounds: dict[str, Verdicts]
) -> str | None:
    """The first problem by which the matrix names a check that lost the assertion; None if none."""
    file = PROJECT / assertion.file
    text = file.read_text()
    file.write_text(assertion.removed(text))
    _forget(file)
    try:
        named = tuple(f"{check}{end}" for check in assertion.checks for end in "[:")
        for fault in faults:
            tests = (str(assertion.file),)
            found = judge_recorded(fault.title(), writes=fault.ground.writes, tests=tests)
            row = Row(fault, compare(fault, grounds[fault.ground.name], found))
            for problem in row.problems:
                if problem.startswith(named):
                    return f"{fault.title()}: {problem}"
    finally:
        file.write_text(text)
        _forget(file)
    return None


def _forget(file: Path) -> None:
    """Have Python read the file anew when it is next imported."""
    for name, module in list(sys.modules.items()):
        if getattr(module, "__file__", None) == str(file):
            del sys.modules[name]


def _tried(chosen: list[Assertion]) -> Iterator[tuple[Assertion, str | None]]:
    matrix, failing = failures()
    if not matrix.holds:
        sys.exit("\n".join(["with every assertion in its place:", *matrix.summary()]))
    grounds = {
        ground.name: judge_recorded(title(ground), writes=ground.writes, tests=ground.tests)
        for ground in {fault.ground for fault in FAULTS.values()}
    }
    for assertion in chosen:
        lines = range(assertion.line, assertion.last_line + 1)
        faults = [fault for line in lines for fault in failing.get((assertion.file, line), [])]
        yield assertion, noticed_by(assertion, faults, grounds)


def main() -> int:
    """Print a line for each assertion; 1 if the loss of any would go unnoticed."""
    chosen = [a for a in assertions() if not sys.argv[1:] or set(a.checks) & set(sys.argv[1:])]
    missed = 0
    for assertion, problem in _tried(chosen):
        missed += problem is None
        place = f"{assertion.file}:{assertion.line}"
        print(f"{'✓' if problem else '✕'} {place}  {assertion.source[:100]}")
        print(f"    {(problem or 'no fault would tell')[:200]}", flush=True)
    print(f"{len(chosen)} assertions; the matrix would not notice the loss of {missed}")
    return 1 if missed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
