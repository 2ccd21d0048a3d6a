"""The checks of tests/ keep the rules of the catalogue, and imports point one way."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.catalogue import written
from fleetmesh.evidence.run import PHASES
from fleetmesh.inventory.values import CHECK_ID
from selftests.checks.conftest import ROOT, Pytest

FAMILIES = {
    *(f"PRE-{number:02}" for number in range(1, 15)),
    *(f"CUT-{number:02}" for number in range(1, 9)),
    *(f"PROD-{number:02}" for number in range(1, 20)),
    *(f"ROLL-{number:02}" for number in range(1, 5)),
    "OWN-01",
}
ADVISORY = {
    *("PRE-12.clock", "CUT-08.stop", "CUT-08.start"),
    *("PROD-09.not-replaced", "PROD-10.few-units", "PROD-13.restarts", "PROD-17.lasting"),
    "OWN-01.no-reboot-pending",
}
PREFIX = {
    **{"prereqs": "PRE-", "cutover": "CUT-", "production": "PROD-"},
    **{"rollback": "ROLL-", "own": "OWN-"},
}
# What a check may import: it asks for facts and asserts on them.
IMPORTS = {"collections", "datetime", "difflib", "fnmatch", "re", "typing", "fixtures", "fleetmesh"}


class Function:
    """A check as it stands in its file."""

    def __init__(self, file: Path, node: ast.FunctionDef, mark: ast.Call) -> None:
        self.phase, self.name = file.relative_to(ROOT / "tests").parts[0], node.name
        self.statement = ast.get_docstring(node) or ""
        self.id = ast.literal_eval(mark.args[0])
        self.given = {word.arg: ast.literal_eval(word.value) for word in mark.keywords}
        self.arguments = [argument.arg for argument in node.args.args]

    def __str__(self) -> str:
        return f"{self.id}-{self.name}"


def parsed(folder: str) -> Iterator[tuple[Path, ast.Module]]:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files, folder
    for file in files:
        yield file, ast.parse(file.read_text(encoding="utf-8"), str(file))


def imported(module: ast.Module) -> Iterator[str]:
    """Every module that is imported, wherever in the file."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where they point"
            yield node.module or ""
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            assert name not in ("__import__", "import_module"), ast.unparse(node)


def checks() -> Iterator[Function]:
    for file, module in parsed("tests"):
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef):
                for mark in node.decorator_list:
                    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "check":
                        yield Function(file, node, mark)


CHECKS = list(checks())


def test_every_check_has_an_id_of_its_own_in_a_known_family() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    assert {check.id.partition(".")[0] for check in CHECKS} == FAMILIES
    assert all(CHECK_ID.fullmatch(check.id) for check in CHECKS)


def test_what_reads_the_files_finds_every_check() -> None:
    found = {(check.id, check.function, check.phase) for check in written(ROOT / "tests")}
    assert found == {(check.id, check.name, check.phase) for check in CHECKS}


def test_every_family_finds_its_checks_in_the_table() -> None:
    page = (ROOT / "docs/checks.md").read_text()
    for family in FAMILIES:
        ids = sorted(check.id for check in CHECKS if check.id.startswith(f"{family}."))
        assert f"| {family} | {', '.join(f'`{one}`' for one in ids)} |" in page


def test_every_test_function_is_a_check() -> None:
    functions = [
        node.name
        for _, module in parsed("tests")
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
    ]
    assert sorted(functions) == sorted(check.name for check in CHECKS)
    assert len(set(functions)) == len(functions), "one shadows the other"


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_check(check: Function) -> None:
    assert check.id.startswith(PREFIX[check.phase])
    assert re.match(r"\S.+\.$", check.statement, re.DOTALL), "a statement is a sentence"
    assert check.given.get("gate", "fail") == ("warn" if check.id in ADVISORY else "fail")
    assert check.given["runbook"].strip()
    assert check.given["hint"].strip()


@pytest.mark.parametrize("file", [file for file, _ in parsed("tests")], ids=lambda file: file.stem)
def test_a_check_neither_parses_nor_talks(file: Path) -> None:
    module = ast.parse(file.read_text(encoding="utf-8"))
    also = {"testinfra"} if file.parent.name == "own" else set()
    assert {name.partition(".")[0] for name in imported(module)} <= IMPORTS | also
    for name in imported(module):
        assert not name.startswith(("fleetmesh.sessions", "fleetmesh.gather")), name
    called = {ast.unparse(node.func) for node in ast.walk(module) if isinstance(node, ast.Call)}
    assert not called & {"open", "eval", "exec", "compile", "print"}


PYTEST = {"pytest", "_pytest", "pytest_html", "pytest_metadata"}
NEVER = {
    "fleetmesh": {*PYTEST, "fixtures", "rehearsal", "tests", "selftests"},
    "fixtures": {"rehearsal", "tests", "selftests"},
    "rehearsal": {*PYTEST, "fixtures", "tests", "selftests"},
    "tests": {"rehearsal", "tests", "selftests", "conftest"},
    "selftests": {"tests"},
}
"""What the files of a folder never lead to, by an import or by a process that they start."""
BUT = {
    ("fleetmesh/inventory/suite.py", "fixtures"): "`check` and `watch` have the pytest layer judge",
    (
        "fleetmesh/timer/permit.py",
        "fixtures",
    ): "has the pytest layer say what a key must be allowed",
    ("fixtures/rehearsal.py", "rehearsal"): "boots the rehearsal fleet for a run that needs it",
    ("rehearsal/matrix/judge.py", "pytest"): "judges recordings by the checks",
    ("rehearsal/matrix/take.py", "pytest"): "records what the operators' own checks ask",
    ("rehearsal/matrix/judge.py", "fixtures"): "names the plugin that judging leaves out",
}
"""The arrows that point back, and why: another process is the very point."""
STARTS = re.compile(r"(?:^|\s)-[mp]\s*(?:no:)?([A-Za-z_]\w*)")
"""How a command line names a module that Python runs, or a plugin that pytest loads."""
PROGRAM = re.compile(r"(?:.*/)?pytest|(?:no:)?fixtures\.[\w.]+")
"""Words that need no option before them: the program, and the pytest layer's own modules."""
LOADS = re.compile(r"import_module|__import__|run_module")


def test_imports_and_started_processes_point_one_way() -> None:
    found = {
        (file.relative_to(ROOT).as_posix(), name)
        for folder, never in NEVER.items()
        for file, module in parsed(folder)
        for name in led_to(module) & never
    }
    assert found == BUT.keys()


@pytest.mark.parametrize(
    "source",
    [
        "import pytest",
        "def late(): from pytest import main",
        "import importlib; importlib.import_module('pytest')",
        "__import__('pytest')",
        "import runpy; runpy.run_module('pytest')",
        "subprocess.run([sys.executable, '-m', 'pytest', '-q'])",
        "subprocess.Popen((sys.executable, '-mpytest'))",
        "subprocess.run([sys.executable, *('-m', 'pytest')])",
        "command = [*PYTHON, '-m']; command += ['pytest']",
        "subprocess.run(f'{sys.executable} -m pytest -q', shell=True)",
        "subprocess.run(['pytest', '--version'])",
        "subprocess.run(['/usr/bin/env', 'pytest'])",
        "os.execlp('pytest', 'pytest')",
        "subprocess.run([f'{venv}/bin/pytest'])",
        "subprocess.run([*PYTHON, '-p', 'pytest.plugin'])",
        "subprocess.run([*PYTHON, '-p', 'no:pytest.plugin'])",
    ],
)
def test_no_way_to_pytest_is_overlooked(source: str) -> None:
    assert "pytest" in led_to(ast.parse(source))


def test_words_are_no_arrows() -> None:
    source = "'what pytest says'; 'see fixtures.x'; {'pytest': 1}; f(pytest='9'); say('run pytest')"
    assert led_to(ast.parse(source)) == set()


def led_to(module: ast.Module) -> set[str]:
    """What a file imports, or has a process import or run, by its top-level name.

    The words of a command count wherever they stand: in a call, or in a list or tuple that may
    become part of one.
    """
    found: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
        words = list(_words(node))
        found |= {*STARTS.findall(" ".join(words))}
        found |= {word for word in words if PROGRAM.fullmatch(word)}
        if isinstance(node, ast.Call) and LOADS.search(ast.unparse(node.func)):
            found |= {*words}
    return {name.rpartition("/")[2].partition(".")[0] for name in found}


def _words(node: ast.AST) -> Iterator[str]:
    """The texts that a call is given, or that a list or tuple holds."""
    for part in node.args if isinstance(node, ast.Call) else getattr(node, "elts", []):
        for text in part.values if isinstance(part, ast.JoinedStr) else [part]:
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield text.value


def test_of_fleetmesh_the_rehearsal_uses_the_inventory_only() -> None:
    """But for the fault matrix and the drill, which judge runs of the checks."""
    for file, module in parsed("rehearsal"):
        if {"matrix", "drill"} & set(file.parts):
            continue
        for node in ast.walk(module):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fleetmesh"):
                assert (node.module or "").startswith("fleetmesh.inventory"), file


def test_loading_fleetmesh_loads_no_pytest() -> None:
    modules = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts) for file, _ in parsed("fleetmesh")
    ]
    program = (
        f"import sys\nfor name in {modules!r}:\n    __import__(name)\n"
        "print([n for n in sys.modules if n.split('.')[0] in ('pytest', 'fixtures', 'rehearsal')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_page_of_checks_is_up_to_date(run_pytest: Pytest, tmp_path: Path) -> None:
    page = tmp_path / "checks.md"
    ran = run_pytest(
        ROOT, "--collect-only", "-qq", "-p", "selftests.checks_page", "--checks-page", str(page)
    )
    assert ran.exit_status == 0, ran.terminal
    assert page.read_text() == (ROOT / "docs/checks.md").read_text(), "run `make docs`"
    rows = [
        line
        for line in page.read_text().partition("\n## Families")[0].splitlines()
        if line.startswith(tuple(f"| [{prefix}" for prefix in PREFIX.values()))
    ]
    assert len(rows) == len(CHECKS)
    assert [line for line in page.read_text().splitlines() if line.startswith("## ")] == [
        *(f"## `-m {phase}`" for phase in PHASES),
        "## Where each check stands",
        "## Families",
    ]
    led = set(re.findall(r"\]\(\.\./([^)#]+)", page.read_text()))
    assert len(led) > 90
    assert [place for place in led if not (ROOT / place).exists()] == []
    assert ran.contacted == []
