"""Reports written by the real plugin in a pytest of its own, and a Chromium to read them with."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page

ROOT = Path(__file__).resolve().parents[2]

DRAWN = "def test_it(synthetic): pass"

Written = Callable[..., Path]
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Writes the report of a synthetic run, once; the folder then holds the HTML and the XML."""
    folders: dict[tuple[str, str], Path] = {}

    def write(run: str, test: str = DRAWN) -> Path:
        if (run, test) not in folders:
            folder = folders[run, test] = tmp_path_factory.mktemp(run)
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
        test: str = DRAWN,
        width: int = 1280,
        dark: bool = False,
        bypass_csp: bool = False,
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 800},
            is_mobile=width < 600,
            color_scheme="dark" if dark else "light",
            bypass_csp=bypass_csp,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("dialog", refuse)
        page.on("console", lambda said: problems.append(f"console: {said.text}"))
        page.goto((written(run, test) / "report.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not problems
