"""What the suite's own tests share: where root or Chromium is missing they say so, except in CI.

Side by side (`-n`), each process has a fleet of its own.
"""

import os
import shutil
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from rehearsal import apart


def pytest_configure(config: pytest.Config) -> None:
    """What the programs under test inherit.

    SIGINT, which a shell ignores for its background jobs, and SIGHUP, which nohup(1) ignores; and
    no hypothesis, whose plugin takes a second of each run and is not there where the suite is used.
    """
    os.environ["PYTEST_ADDOPTS"] = "-p no:hypothesispytest"
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)
    worker = getattr(config, "workerinput", {}).get("workerid")
    if worker and os.geteuid() == 0:
        apart.settle(f"fleet-rehearsal-{os.getppid()}-{worker}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files first whose tests take longest, lest one be left over when all others are done.

    Skip what this machine cannot run, with the reason; in CI nothing is skipped for that.
    """
    items.sort(key=lambda item: (not item.get_closest_marker("fleet"), "matrix" not in item.nodeid))
    if os.environ.get("CI"):
        return
    missing = {}
    if os.geteuid() != 0:
        missing["root"] = "needs root: run `sudo make test`"
    if shutil.which("chromium") is None:
        missing["browser"] = "needs Chromium: apt install chromium"
    for item in items:
        for marker, reason in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests: a second one in the same process would be refused."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("needs Chromium (apt-get install chromium)")
    quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=quiet)
        yield browser
        browser.close()
