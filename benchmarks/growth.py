"""How judging grows with the fleet: time and memory of a whole replay, pages included.

    .venv/bin/python -m benchmarks.growth [HOSTSxTUNNELS[:failing]…]

Each size is a process of its own (`pytest --replay`), of a fleet made by benchmarks/grown.py. Then
its pages are opened in Chromium. `per case` compares with the first size: 1 is linear. On a busy
machine only ratios and processor seconds mean anything; how fast it is, the first line says.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from benchmarks.grown import write

ROOT = Path(__file__).parents[1]
SIZES = ("10x10", "10x100", "10x1000", "100x10", "100x100", "100x1000", "100x1000:failing")
PAGES = ("evidence.html", "report.html")
_PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@dataclass(frozen=True)
class Taken:
    """What a run took, and what it has left."""

    cases: int
    headline: str
    wall: float
    processor: float
    """Seconds, of user and system."""
    megabytes: float
    folder: Path


def judged(replay: Path, reports: Path) -> Taken:
    """Judge what lies in `replay`, all phases, in a process of its own."""
    command = [sys.executable, "-m", "pytest", f"--replay={replay}", f"--reports={reports}", "-q"]
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, _, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    (results,) = reports.glob("*/results.json")
    found = json.loads(results.read_text())
    return Taken(
        cases=len(found["results"]),
        headline=found["headline"],
        wall=wall,
        processor=used.ru_utime + used.ru_stime,
        megabytes=used.ru_maxrss / 1024,
        folder=results.parent,
    )


def opened(browser: Browser, file: Path) -> tuple[float, int]:
    """Seconds until a fresh page shows `file`, and how many elements it has."""
    with browser.new_context() as context:
        page = context.new_page()
        start = time.monotonic()
        page.goto(file.as_uri())
        page.evaluate(_PAINTED)
        return time.monotonic() - start, page.locator("*").count()


def pace() -> float:
    """Processor seconds that this machine takes now for five million additions."""
    start, found = time.process_time(), 0
    for number in range(5_000_000):
        found += number
    return time.process_time() - start


def main() -> int:
    """Measure and print; 1 if a size breaks a target: 30 s and 500 MB, pages below 5 MB and 3 s."""
    print(f"five million additions take {pace():.2f} s of this processor")
    broken, base = False, None
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for size in sys.argv[1:] or SIZES:
            hosts, tunnels = size.partition(":")[0].split("x")
            replay, reports = Path(place) / size, Path(place) / f"reports of {size}"
            replay.mkdir()
            write(replay, int(hosts), int(tunnels), failing=size.endswith(":failing"))
            taken = judged(replay, reports)
            each = taken.processor / taken.cases
            base = base or each
            print(
                f"{size}: {taken.cases} cases, {taken.wall:.1f} s, {taken.processor:.1f} s of the "
                f"processor, {taken.megabytes:.0f} MB; per case {each / base:.2f} of the first\n"
                f"    {taken.headline}"
            )
            broken |= taken.wall > 30 or taken.megabytes > 500
            for name in PAGES:
                seconds, elements = opened(browser, taken.folder / name)
                megabytes = (taken.folder / name).stat().st_size / 1e6
                print(
                    f"    {name}: {megabytes:.1f} MB, {elements} elements, opens in {seconds:.1f} s"
                )
                broken |= seconds > 3 or megabytes > 5
            shutil.rmtree(reports)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
