"""The views of synthetic records, and a Chromium to read them with."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page

from fleetmesh.views.render import render
from selftests.report import records
from selftests.report.replay import write_page
from selftests.report.synthetic import MADE

Written = Callable[[str], Path]
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Records a synthetic run and writes all its views, once; returns the folder."""

    @cache
    def write(run: str) -> Path:
        folder = tmp_path_factory.mktemp(run) / "run"
        records.write(MADE[run](), folder)
        render(folder)
        write_page(folder)
        return folder

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
        page.goto((written(run) / view).as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not problems
