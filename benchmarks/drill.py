"""How long the drill takes, and what is left of one that is killed in each stage; needs root.

    sudo .venv/bin/python -m benchmarks.drill
    sudo .venv/bin/python -m benchmarks.drill twice
    sudo .venv/bin/python -m benchmarks.drill killed [STAGE…]

The first walks it once, from outside: all of it, and every time that it measures. `twice` compares
how each check ends in each stage. `killed` ends it by SIGKILL in every stage, takes the fleet down
and looks for what is left. Run it on an idle machine.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rehearsal.drill.course import Course, walk
from rehearsal.drill.stage import Stage
from rehearsal.drill.stages import STAGES
from rehearsal.drill.stages.before import Before, Install
from rehearsal.drill.stages.certificates import Migrate, Renew
from rehearsal.drill.stages.cutover import Cutover, CutoverAgain
from rehearsal.drill.stages.disturbances import (
    NetworkCut,
    NetworkHealed,
    WorkstationOff,
    WorkstationOn,
)
from rehearsal.drill.stages.rollback import BackToTheStart, Rollback
from selftests.processes import alive, family
from selftests.rehearsal.leftovers import footprint, processes

ROOT = Path(__file__).parents[1]
DRILL = (sys.executable, "-m", "rehearsal", "drill")
DOWN = (sys.executable, "-m", "rehearsal", "down")
TARGET = 90  # seconds
NEEDS: dict[type[Stage], type[Stage]] = {
    WorkstationOn: WorkstationOff,
    NetworkHealed: NetworkCut,
    CutoverAgain: Rollback,
    Renew: Migrate,
    BackToTheStart: Migrate,
}


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


def way_to(kind: type[Stage]) -> list[type[Stage]]:
    """The stages without which `kind` cannot be made, and it."""
    need = [one for one in (Before, Install, Cutover) if STAGES.index(one) < STAGES.index(kind)]
    return [*need, *([NEEDS[kind]] if kind in NEEDS else []), kind]


def walk_to(title: str) -> None:
    """Walk the shortest way to a stage."""
    kinds = way_to(next(kind for kind in STAGES if kind.title() == title))
    course = Course("systemd", planned=len(kinds))
    with tempfile.TemporaryDirectory() as folder:
        walk(kinds, None, course, Path(folder), keep=False, say=_say, note=lambda: None)


def _say(what: str) -> None:
    print(what, flush=True)


def killed(titles: Sequence[str]) -> bool:
    """Kill it in each of these stages, on the shortest way there; whether nothing is ever left."""
    subprocess.run(DOWN, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    before, clean = footprint(), True
    for title in titles:
        command = [sys.executable, "-m", "benchmarks.drill", "walk-to", title]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as drill:
            assert drill.stdout
            said = ""
            while f"  {title}: " not in (line := drill.stdout.readline()):
                said += line
                if not line:
                    sys.exit(f"it ended before {title}:\n{said}")
            time.sleep(1)
            running = processes() | family(drill.pid)
            os.kill(drill.pid, signal.SIGKILL)
        subprocess.run(DOWN, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while (still := alive(running)) and time.monotonic() < end:
            time.sleep(0.1)
        left = {key: value for key, value in footprint().items() if value != before[key]}
        clean &= not left and not still
        told = f"LEFT: {left} {still}" if left or still else "nothing left"
        print(f"killed in {title:20} {len(running)} processes ran, {told}", flush=True)
    return clean


def main() -> int:
    """Measure and print; 1 if something is too slow, left behind, or not the same."""
    match sys.argv[1:]:
        case ["walk-to", title]:
            walk_to(title)
            return 0
        case ["killed", *titles]:
            return not killed(titles or [kind.title() for kind in STAGES])
        case ["twice"]:
            same = ends(whole()) == ends(whole())
            print("the same outcomes twice" if same else "the outcomes DIFFER")
            return not same
        case _:
            return bool(whole()["wall"] >= TARGET)


if __name__ == "__main__":
    sys.exit(main())
