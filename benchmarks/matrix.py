"""How long the fault matrix takes, live and from its recordings; the live one needs root.

    sudo .venv/bin/python -m benchmarks.matrix [recorded|live]…

Figures are of whole processes, from outside. Its fleets are booted and taken down within the live
one. Run it on an idle machine.
"""

import subprocess
import sys
import time
from pathlib import Path

from rehearsal.faults import FAULTS

ROOT = Path(__file__).parents[1]
RECORDED = """
from rehearsal.matrix.run import recorded
if __name__ == "__main__":
    matrix = recorded()
    print(*matrix.summary(), sep="\\n")
    raise SystemExit(not matrix.holds)
"""
COMMANDS = {
    "recorded": ([sys.executable, "-c", RECORDED], 20),
    "live": ([sys.executable, "-m", "rehearsal", "faults", "--fleets", "2"], 360),
}
"""Each with the seconds that it may take."""


def main() -> int:
    """Measure and print; 1 if one takes too long or does not hold."""
    worst = 0
    for name in sys.argv[1:] or COMMANDS:
        command, target = COMMANDS[name]
        start = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, check=False)
        seconds = time.monotonic() - start
        print(f"{name}: {len(FAULTS)} faults in {seconds:.1f} s, target < {target} s", flush=True)
        worst |= done.returncode != 0 or seconds >= target
    return worst


if __name__ == "__main__":
    sys.exit(main())
