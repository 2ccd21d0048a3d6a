"""How long the rehearsal fleet takes to boot, and a whole run of the checks on it; needs root.

    sudo .venv/bin/python benchmarks/rehearsal.py [RUNS]

Figures are of whole processes, from outside: minimum, median, maximum. Run it on an idle machine.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
UP = (sys.executable, "-m", "rehearsal", "up", "--state", "after")
DOWN = (sys.executable, "-m", "rehearsal", "down")
PYTEST = (sys.executable, "-m", "pytest", "-p", "no:hypothesispytest")
"""hypothesis comes with the suite's own tests: an operator's environment is without."""


def timed(command: Sequence[str]) -> tuple[float, float]:
    """Wall seconds and peak memory (MB, of the largest process) of one run that must succeed."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)  # the usage of this one process
        process.returncode = os.waitstatus_to_exitcode(status)
        if status != 0:
            output.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{output.read().decode()}")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def row(name: str, target: str, figures: list[float], unit: str) -> None:
    """Print one line of the table."""
    low, middle, high = min(figures), statistics.median(figures), max(figures)
    print(f"{name:42} {low:7.2f} {middle:7.2f} {high:7.2f} {unit:3} target {target}")


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    timed(DOWN)
    boots = []
    for _ in range(runs):
        boots.append(timed(UP)[0])
        timed(DOWN)
    timed(UP)
    checks = [timed(PYTEST) for _ in range(runs)]
    timed(DOWN)
    print(f"{runs} runs{'':36} {'min':>7} {'median':>7} {'max':>7}")
    row("rehearsal up --state after, image cached", "< 10 s", boots, "s")
    row("all three sets of checks, fleet running", "< 5 s", [c[0] for c in checks], "s")
    row("memory of that run", "< 200 MB", [c[1] for c in checks], "MB")


if __name__ == "__main__":
    main()
