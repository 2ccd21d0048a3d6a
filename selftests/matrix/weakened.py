"""Copies of the checkout in which an assertion of a check is gone."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fixtures.catalogue import written
from rehearsal.paths import PROJECT, RECORDINGS

NEEDED = (
    *("tests", "fixtures", "fleetmesh", "rehearsal", "fleets", "conftest.py", "pytest.ini"),
    *("selftests/__init__.py", "selftests/matrix"),
)
_JUDGE = """
import json, sys
from rehearsal.matrix.run import recorded
if __name__ == "__main__":
    matrix = recorded(sys.argv[1:] or None)
    problems = {row.fault.title(): row.problems for row in matrix.rows}
    print(json.dumps({"holds": matrix.holds, "problems": problems, "uncovered": matrix.uncovered}))
"""
_ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
DEADLINE = 900
"""Seconds for the whole matrix, judged once from the recordings, on a busy machine."""


@dataclass(frozen=True)
class Assertion:
    """One `assert` of a check, or of what its file's checks share."""

    checks: tuple[str, ...]
    """Their ids."""
    file: Path
    line: int
    last_line: int
    source: str

    def removed(self, text: str) -> str:
        """The file's text without it."""
        lines = text.splitlines(keepends=True)
        first = lines[self.line - 1]
        lines[self.line - 1 : self.last_line] = [first[: -len(first.lstrip())] + "pass\n"]
        return "".join(lines)


def assertions() -> Iterator[Assertion]:
    """Every assertion of every check, in the order in which they are written."""
    ids = {check.function: check.id for check in written(PROJECT / "tests")}
    for file in sorted((PROJECT / "tests").rglob("*.py")):
        text = file.read_text()
        functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
        for defined in functions:
            for node in ast.walk(defined):
                if isinstance(node, ast.Assert):
                    yield Assertion(
                        checks=tuple(_checks_that_use(defined.name, functions, ids)),
                        file=file.relative_to(PROJECT),
                        line=node.lineno,
                        last_line=node.end_lineno or node.lineno,
                        source=" ".join((ast.get_source_segment(text, node) or "").split()),
                    )


def _checks_that_use(
    name: str, functions: list[ast.FunctionDef], ids: dict[str, str]
) -> Iterator[str]:
    if name.startswith("test_"):
        yield ids[name]
        return
    for user in functions:
        names = {node.id for node in ast.walk(user) if isinstance(node, ast.Name)}
        if name in names and user.name != name:
            yield from _checks_that_use(user.name, functions, ids)


def copy_of_the_checkout(folder: Path) -> Path:
    """What judging needs, in a folder of its own, without anything compiled."""
    (folder / "selftests").mkdir()
    (folder / "selftests" / "recordings").symlink_to(RECORDINGS)
    for name in NEEDED:
        if (PROJECT / name).is_dir():
            unwanted = shutil.ignore_patterns("__pycache__")
            shutil.copytree(PROJECT / name, folder / name, ignore=unwanted)
        else:
            shutil.copyfile(PROJECT / name, folder / name)
    return folder


def judged(checkout: Path, names: Iterable[str] = ()) -> dict[str, Any]:
    """What the recorded matrix of these faults, or of all, says in a copy of the checkout."""
    (checkout / "judge_recordings.py").write_text(_JUDGE)
    done = subprocess.run(
        [sys.executable, "judge_recordings.py", *names],
        cwd=checkout, env=_ENVIRONMENT,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def lose_every_assertion(
    checkout: Path, arguments: Iterable[str] = (), *, quiet: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run `losses` with these in a copy of the checkout; its output is captured if `quiet`."""
    return subprocess.run(
        [sys.executable, "-m", "selftests.matrix.losses", *arguments],
        cwd=checkout, env=_ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=quiet,
        text=True, timeout=10 * DEADLINE, check=False,
    )  # fmt: skip
