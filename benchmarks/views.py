"""How long the views take to write and to open, of a run like a real one and of 50 MB of text.

    .venv/bin/python benchmarks/views.py [RUNS]

Opening is from navigation to the load event, in headless Chromium, and includes its first paint of
what is in sight. Run it on an idle machine.
"""

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from playwright.sync_api import Browser, sync_playwright

from fleetmesh.views.render import render
from selftests.report import records
from selftests.report.replay import write_page
from selftests.report.synthetic import MADE

_PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def opened(browser: Browser, file: Path) -> float:
    """Seconds until a fresh page shows `file`."""
    with browser.new_context() as context:
        page = context.new_page()
        start = time.monotonic()
        page.goto(file.as_uri())
        page.evaluate(_PAINTED)
        return time.monotonic() - start


def row(name: str, target: str, figures: list[float]) -> None:
    """Print one line of the table."""
    low, middle, high = min(figures), statistics.median(figures), max(figures)
    print(f"{name:42} {low:7.2f} {middle:7.2f} {high:7.2f} s   target {target}")


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"{runs} runs{'':36} {'min':>7} {'median':>7} {'max':>7}")
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name, target in (("ready", "< 2 s"), ("flood", "-")):
            folder = Path(place) / name
            records.write(MADE[name](), folder)
            took = []
            for _ in range(runs):
                start = time.monotonic()
                render(folder)
                took.append(time.monotonic() - start)
            row(f"{name}: render", target, took)
            write_page(folder)
            for view in ("evidence.html", "report.html"):
                size = (folder / view).stat().st_size / 1e6
                figures = [opened(browser, folder / view) for _ in range(runs)]
                row(f"{name}: {view} opens ({size:.1f} MB)", "< 2 s", figures)


if __name__ == "__main__":
    main()
