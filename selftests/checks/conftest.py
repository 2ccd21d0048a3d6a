"""Nested runs of pytest on small checks, with the pytest layer and without any fleet."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HEAD = (
    "import pytest; from typing import Any; from collections.abc import Mapping\n"
    "from fixtures import Deferred, Inconclusive, check\n\n"
)


def annotated(arguments: str) -> str:
    """`linger, case` as arguments of a check, each with a type that it may have."""
    types = {"linger": "Mapping[str, str]"}
    names = [name for name in arguments.split(", ") if name]
    return ", ".join(f"{name}: {types.get(name, 'Any')}" for name in names)


@dataclass(frozen=True)
class Ran:
    """What a nested run came to."""

    exit_status: int
    terminal: str
    contacted: list[str]
    record: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    """What the run has left, if it judged anything."""

    @property
    def headline(self) -> str:
        """The line with the verdict, as the terminal shows it."""
        lines = [line.strip("= ") for line in self.terminal.splitlines()]
        found = [line for line in lines if " on rehearsal (rehearsal): " in line]
        assert len(found) == 1, self.terminal
        return found[0]

    @property
    def outcomes(self) -> dict[str, tuple[str, str]]:
        """Outcome and reason of each result, by the check's name and subject."""
        return {r["check"]: (r["outcome"], r["reason"]) for r in self.record["results"]}


Pytest = Callable[..., Ran]


@pytest.fixture(scope="session")
def server() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("server.py"))],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": "/nowhere",
            "PYTHONPATH": str(ROOT),
            # The others take half a second, each time.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_PLUGINS": "pytest_metadata.plugin,pytest_html.plugin",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def run_pytest(server: subprocess.Popen[str], tmp_path: Path) -> Pytest:
    """Runs pytest with these arguments in `folder`."""

    def run(folder: Path, *arguments: str, **environment: str) -> Ran:
        output = tmp_path / "output"
        asked = {
            "folder": str(folder), "arguments": arguments, "environment": environment,
            "output": str(output),
        }  # fmt: skip
        assert server.stdin
        assert server.stdout
        print(json.dumps(asked), file=server.stdin, flush=True)
        status = int(server.stdout.readline())
        written = sorted(folder.rglob("results.json"), key=lambda file: file.stat().st_mtime)
        return Ran(
            exit_status=status,
            terminal=output.read_text(),
            contacted=Path(f"{output}.contacted").read_text().splitlines(),
            record=json.loads(written[-1].read_text()) if written and folder != ROOT else {},
            folder=written[-1].parent if written and folder != ROOT else None,
        )

    return run


@dataclass(frozen=True)
class Suite:
    """A checkout of its own, with a rehearsal fleet's inventory and whatever checks are written."""

    folder: Path
    pytest: Pytest

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text if path.endswith(".yaml") else HEAD + text)

    def inventory(self, more: str) -> None:
        """Append to the inventory."""
        with (self.folder / "fleets/rehearsal.yaml").open("a") as file:
            file.write(more)

    def run(self, *arguments: str, **environment: str) -> Ran:
        return self.pytest(self.folder, *arguments, **environment)


@pytest.fixture
def suite(tmp_path: Path, run_pytest: Pytest) -> Suite:
    folder = tmp_path / "suite"
    (folder / "fleets").mkdir(parents=True)
    inventory = (ROOT / "fleets/rehearsal.yaml").read_text()
    inventory = inventory[: inventory.index("deferrals:")]  # of checks that are not in this suite
    (folder / "fleets/rehearsal.yaml").write_text(inventory)
    (folder / "conftest.py").write_text(Path(__file__).with_name("fleetless.py").read_text())
    ini = (ROOT / "pytest.ini").read_text()
    assert "pythonpath = ." in ini
    (folder / "pytest.ini").write_text(ini.replace("pythonpath = .", f"pythonpath = {ROOT}"))
    return Suite(folder, run_pytest)
