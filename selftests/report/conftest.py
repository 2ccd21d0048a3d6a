"""The views of synthetic records, and a Chromium to read them with."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page

from fleetmesh.views.render import render
from selftests.report import records
from selftests.report.synthetic import MADE

ROOT = Path(__file__).resolve().parents[2]

Written = Callable[..., Path]
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Records a synthetic run and renders it, once; returns the folder.

    With a `test`, pytest-html and JUnit write down a pytest run that holds the results instead.
    """
    folders: dict[tuple[str, str | None], Path] = {}

    def write(run: str, test: str | None = None) -> Path:
        if (run, test) not in folders:
            folder = folders[run, test] = tmp_path_factory.mktemp(run) / "run"
            if test is None:
                records.write(MADE[run](), folder)
                render(folder)
                return folder
            folder.mkdir()
            (folder / "test_it.py").write_text(test)
            command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", str(folder)]
            command += ["-p", "no:cacheprovider", "-p", "selftests.report.replay", "-W", "error"]
            command += [f"--html={folder}/report.html", "--self-contained-html"]
            command += [f"--junitxml={folder}/junit.xml", "--synthetic", run, str(folder)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
            assert done.returncode in (0, 1, 2), done.stdout + done.stderr
        return folders[run, test]

    return write


@pytest.fixture
def opened(chromium: Browser, written: Written) -> Iterator[Open]:
    """Opens the report of a run; a script error or a dialog on the page fails the test."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def refuse(dialog: Dialog) -> None:
        problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open_page(
        run: str,
        *,
        test: str | None = None,
        view: str = "report.html",
        scripts: bool = True,
        width: int = 1280,
        dark: bool = False,
        bypass_csp: bool = False,
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 800},
            is_mobile=width < 600,
            color_scheme="dark" if dark else "light",
            bypass_csp=bypass_csp,
            java_script_enabled=scripts,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("dialog", refuse)
        page.on("console", lambda said: problems.append(f"console: {said.text}"))
        page.goto((written(run, test) / view).as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not problems
