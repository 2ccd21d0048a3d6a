"""How long `discover` takes, against one run of all checks; needs root and a fleet that is up.

    sudo .venv/bin/python -m rehearsal up
    sudo .venv/bin/python -m benchmarks.discover [TIMES]

Both are taken in turn, so that what else the machine does falls on both. Exits 1 if discovering
takes twice as long as a run, or longer. Run it on an idle machine.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from rehearsal import fleet
from rehearsal.paths import RUNBOOK_INVENTORY

ROOT = Path(__file__).parents[1]
TARGET = 2.0
"""Times the seconds of a run."""


def seconds(command: Sequence[str], *, ends: Sequence[int]) -> float:
    """How long a command takes. Exits where its exit status is none of `ends`."""
    start = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in ends:
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}: {done.stdout[-2000:]}")
    return time.monotonic() - start


def main(times: int) -> int:
    """Measure; the exit status is 1 if the target is missed."""
    named = [f"{host}={entry.ssh}" for host, entry in fleet.inventory().hosts.items()]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "new.yaml"
        template = f"--template={RUNBOOK_INVENTORY}"
        asking = [
            sys.executable, "-m", "fleetmesh", "discover", template, f"--fleet={file}", *named,
            "--write",
        ]  # fmt: skip
        running = [sys.executable, "-m", "pytest", f"--fleet={file}", f"--reports={folder}"]
        found, run = [], []
        for _ in range(times):
            file.unlink(missing_ok=True)
            found.append(seconds(asking, ends=(0,)))
            run.append(seconds(running, ends=(0,)))
    ratio = median(found) / median(run)
    print(
        f"discover {median(found):.1f} s, a run {median(run):.1f} s (medians of {times}): "
        f"{ratio:.2f} times a run, target < {TARGET:g}"
    )
    return 0 if ratio < TARGET else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
