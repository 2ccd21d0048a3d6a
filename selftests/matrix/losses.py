"""What the matrix makes of each assertion's loss: all of them in turn, from the recordings.

Taking out an assertion changes nothing where it held. So the recordings are judged once with every
assertion in its place, to see which of them fails where; without it, only those are judged again.

Run as a program in a copy of the checkout, whose checks it rewrites; see `weakened`. With a file of
`write_failures`, it need not see for itself what fails where. With names of checks as arguments,
only their assertions are tried.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest

from rehearsal.faults import FAULTS, Fault
from rehearsal.matrix.compare import compare
from rehearsal.matrix.judge import Verdicts, judge_recorded
from rehearsal.matrix.recordings import title
from rehearsal.matrix.rows import Matrix, Row
from rehearsal.matrix.run import recorded
from rehearsal.paths import PROJECT
from selftests.matrix.weakened import Assertion, assertions

_FAILED = "ASSERTIONS_FAILED_AT"
"""The variable that names a file for lines of recording, file and line: where one failed."""

Failures = dict[tuple[Path, int], list[type[Fault]]]
"""In which faults an assertion fails, by its file and line."""


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Note where the check's assertion failed; this module is a plugin of the first judgement."""
    if call.excinfo and call.excinfo.errisinstance(AssertionError):
        last = call.excinfo.traceback[-1]
        with Path(os.environ[_FAILED]).open("a") as file:
            file.write(f"{Path(item.config.option.replay).name}\t{last.path}\t{last.lineno + 1}\n")


def failures() -> tuple[Matrix, Failures]:
    """The whole matrix, and what fails in it."""
    found: Failures = {}
    with TemporaryDirectory() as folder:
        noted = Path(folder) / "noted"
        noted.touch()
        before = os.environ.get("PYTEST_ADDOPTS", "")
        here = __spec__.name if __spec__ else __name__
        with patch.dict(os.environ, {"PYTEST_ADDOPTS": f"{before} -p {here}", _FAILED: str(noted)}):
            matrix = recorded()
        for line in dict.fromkeys(noted.read_text().splitlines()):
            recording, file, number = line.split("\t")
            if recording in FAULTS:
                place = (Path(file).relative_to(PROJECT), int(number))
                found.setdefault(place, []).append(FAULTS[recording])
    return matrix, found


def write_failures(found: Failures, file: Path) -> None:
    """Write them down, for a copy of the checkout that has the same assertions in their places."""
    listed = [[str(p), line, [f.title() for f in faults]] for (p, line), faults in found.items()]
    file.write_text(json.dumps(listed))


def _read_failures(file: Path) -> Failures:
    listed = json.loads(file.read_text())
    return {(Path(p), line): [FAULTS[name] for name in names] for p, line, names in listed}


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


def _failing() -> Failures:
    matrix, failing = failures()
    if not matrix.holds:
        sys.exit("\n".join(["with every assertion in its place:", *matrix.summary()]))
    return failing


def _tried(chosen: list[Assertion], failing: Failures) -> Iterator[tuple[Assertion, str | None]]:
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
    files = [word for word in sys.argv[1:] if word.endswith(".json")]
    checks = set(sys.argv[1:]) - set(files)
    chosen = [a for a in assertions() if not checks or set(a.checks) & checks]
    missed = 0
    for assertion, problem in _tried(chosen, _read_failures(Path(*files)) if files else _failing()):
        missed += problem is None
        place = f"{assertion.file}:{assertion.line}"
        print(f"{'✓' if problem else '✕'} {place}  {assertion.source[:100]}")
        print(f"    {(problem or 'no fault would tell')[:200]}", flush=True)
    print(f"{len(chosen)} assertions; the matrix would not notice the loss of {missed}")
    return 1 if missed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
