"""A pytest plugin: has pytest-html write the page about a record, as the run itself does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fleetmesh.evidence.folder import read

pytest_plugins = ("pytest_metadata.plugin", "pytest_html.plugin", "fixtures.html_report")

ROOT = Path(__file__).resolve().parents[2]


def write_page(folder: Path) -> None:
    """Write report.html into the folder of a record, in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", str(folder)]
    command += ["-p", "no:cacheprovider", "-p", "selftests.report.replay", "-W", "error"]
    command += [f"--record={folder}", str(folder)]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, done.stdout + done.stderr


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", type=Path)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    from fixtures.command_line import FOLDER  # noqa: PLC0415 - pytest imports its plugins first

    config.stash[FOLDER] = config.option.record


def pytest_sessionfinish(session: pytest.Session) -> None:
    from fixtures import html_report  # noqa: PLC0415
    from fixtures.command_line import FOLDER  # noqa: PLC0415

    html_report.write(session, read(session.config.stash[FOLDER]))
