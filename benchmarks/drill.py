"""How long the drill takes, and what is left of one that is killed at each stage; needs root.

    sudo .venv/bin/python -m benchmarks.drill [whole|killed]…

`whole` walks it once, from outside: all of it, and each outage of the cutover. `killed` ends it by
SIGKILL in every stage, takes the fleet down, looks for what is left, and then walks it twice more:
the stages must come out the same. Run it on an idle machine.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rehearsal.drill.stages import STAGES
from selftests.rehearsal.leftovers import alive, footprint, processes

ROOT = Path(__file__).parents[1]
DRILL = (sys.executable, "-m", "rehearsal", "drill")
DOWN = (sys.executable, "-m", "rehearsal", "down")
TARGET = 90  # seconds


def whole() -> dict[str, Any]:
    """Walk it once; returns its data. Exits where it does not hold."""
    start = time.monotonic()
    done = subprocess.run(DRILL, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    seconds = time.monotonic() - start
    report = Path(done.stdout.rpartition("report: ")[2].splitlines()[0]).with_name("drill.json")
    found: dict[str, Any] = json.loads(report.read_text())
    print(f"drill: {len(found['stages'])} stages in {seconds:.1f} s, target < {TARGET} s")
    for stage in found["stages"]:
        for one in stage["measured"]:
            bound = f", must be < {one['bound']:g} s" if one["bound"] is not None else ""
            print(f"  {stage['stage']:20} {one['what']:40} {one['seconds']:6.2f} s{bound}")
    if done.returncode:
        sys.exit(found["conclusion"])
    return found | {"wall": seconds}


def ends(drill: dict[str, Any]) -> dict[str, str]:
    """How each check ended in each stage."""
    return {
        f"{stage['stage']}: {check['check']}": check["outcome"]
        for stage in drill["stages"]
        for check in stage["checks"]
    }


def killed() -> bool:
    """Kill it in each stage; whether nothing was ever left."""
    subprocess.run(DOWN, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    before, clean = footprint(), True
    for number, stage in enumerate(STAGES, 1):
        with subprocess.Popen(DRILL, cwd=ROOT, stdout=subprocess.PIPE, text=True) as drill:
            assert drill.stdout
            while f"{number:2} of {len(STAGES)}" not in drill.stdout.readline():
                assert drill.poll() is None, f"it ended before {stage.title()}"
            time.sleep(1)
            running = processes() | family(drill.pid)
            os.kill(drill.pid, signal.SIGKILL)
        subprocess.run(DOWN, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        time.sleep(0.5)
        left = {key: value for key, value in footprint().items() if value != before[key]}
        still = alive(running)
        clean &= not left and not still
        told = "nothing left" if not left and not still else f"LEFT: {left} {still}"
        print(f"killed in {stage.title():20} {told}", flush=True)
    return clean


def family(pid: int) -> dict[int, str]:
    """A process and all its descendants, with their start times."""
    found: dict[int, str] = {}
    for child in [pid, *children(pid)]:
        stat = Path(f"/proc/{child}/stat").read_text()
        found[child] = stat.rpartition(")")[2].split()[19]
    return found


def children(pid: int) -> list[int]:
    """All descendants of a process."""
    found: list[int] = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, listed.read_text().split()):
            found += [child, *children(child)]
    return found


def main() -> int:
    """Measure and print; 1 if something is too slow, left behind, or not the same."""
    wanted = sys.argv[1:] or ["whole", "killed"]
    worst = 0
    if "killed" in wanted:
        worst |= not killed()
        first, second = whole(), whole()
        same = ends(first) == ends(second)
        print("twice the same outcomes" if same else "the outcomes DIFFER")
        worst |= not same
    if "whole" in wanted:
        worst |= whole()["wall"] >= TARGET
    return worst


if __name__ == "__main__":
    sys.exit(main())
