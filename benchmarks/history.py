"""What a history of 5000 runs costs: the end of one more run, the pages, pruning; and of 500.

    .venv/bin/python benchmarks/history.py [RUNS]

Each step is a process of its own; seconds are of its processor (user and system), less what
starting Python takes, so that other work on the machine hardly shows. A run has 120 checks. One in
twelve saw something else than in the run before; after fifty runs, one fails for one run.
"""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fleetmesh.__main__ import main as fleetmesh
from fleetmesh.evidence.entry import Entry
from fleetmesh.evidence.folder import read
from fleetmesh.evidence.history import HISTORY
from fleetmesh.evidence.history_lines import Lines
from fleetmesh.evidence.since import since
from fleetmesh.gather import plain
from selftests.evidence.conftest import result, transcript
from selftests.evidence.sealing import record

CHECKS, EVERY = 120, timedelta(hours=4)
FIRST = datetime.now(UTC) - timedelta(days=1)


def name(number: int) -> str:
    """Of a run, the 0th being the newest."""
    return f"{FIRST - number * EVERY:%Y-%m-%dT%H%M%SZ}_rehearsal_prereqs_{number:06x}"


def run(reports: Path, number: int) -> Path:
    """A run's folder, whole."""
    results = [
        result(f"t.py::test_{n}", transcript(), notes=(f"saw the thing that check {n} looks for",))
        for n in range(CHECKS)
    ]
    return record(reports, name(number), results, started=plain.rfc3339(FIRST - number * EVERY))


def otherwise(entry: Entry, number: int) -> Entry:
    """The run of this number, as the history has it."""
    checks = [
        replace(seen, saw=(f"counted {number * 7 + n}",)) if n % 12 == 0 else seen
        for n, seen in enumerate(entry.checks)
    ]
    if red := number % 50 == 0:
        checks[1] = replace(checks[1], outcome="fail", reason="it is not as it should be")
    started = FIRST - number * EVERY
    return replace(
        entry,
        run=name(number),
        verdict="NOT READY" if red else "READY",
        started=started,
        finished=started + timedelta(minutes=1),
        checks=tuple(checks),
    )


def grow(reports: Path, runs: int) -> None:
    """A folder with so many runs, of which all but the newest are as small as can be."""
    newest = Entry.of(read(run(reports, 1)))
    lines = Lines()
    with (reports / HISTORY).open("wb") as file:
        for number in range(runs, 1, -1):
            entry = otherwise(newest, number)
            file.write(lines.written(entry))
            folder = reports / entry.run
            folder.mkdir()
            for part in ("plan.json", "events.jsonl", "evidence.html"):
                (folder / part).write_text("{}")
        file.write(lines.written(newest))


STEPS: dict[str, Callable[[Path], object]] = {
    "start": lambda _: None,
    "one more run": lambda reports: since(reports / name(0)),
    "index": lambda reports: fleetmesh(["history", "--reports", str(reports)]),
    "prune": lambda reports: fleetmesh(["prune", "--reports", str(reports), "--keep", "30d"]),
    "index, pruned": lambda reports: fleetmesh(["history", "--reports", str(reports)]),
}


def step(what: str, reports: Path) -> None:
    """Carry one out, and print what it took."""
    STEPS[what](reports)
    used = resource.getrusage(resource.RUSAGE_SELF)
    took = {"seconds": used.ru_utime + used.ru_stime, "mib": used.ru_maxrss / 1024}
    print(json.dumps(took), file=sys.stderr)


def measured(what: str, reports: Path) -> tuple[float, float]:
    """Seconds and MiB."""
    done = subprocess.run(
        [sys.executable, __file__, "--step", what, reports],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    took = json.loads(done.stderr.splitlines()[-1])
    return took["seconds"], took["mib"]


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--step"]:
        step(sys.argv[2], Path(sys.argv[3]))
        return
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    took: dict[int, dict[str, tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as place:
        for runs in (many // 10, many):
            reports = Path(place) / str(runs)
            reports.mkdir()
            grow(reports, runs)
            run(reports, 0)
            took[runs] = {what: measured(what, reports) for what in STEPS}
            size = (reports / HISTORY).stat().st_size / 1e6
            pages = len(list(reports.glob("index*.html")))
            left = sum(1 for folder in reports.iterdir() if folder.is_dir())
            print(
                f"{runs} runs: {HISTORY} {size:.1f} MB, {pages} pages, {left} folders when pruned"
            )
    print(f"{'':14} {many // 10:>16} {many:>22}   ratio")
    for what in list(STEPS)[1:]:
        few, lots = (
            (took[runs][what][0] - took[runs]["start"][0], took[runs][what][1])
            for runs in (many // 10, many)
        )
        print(
            f"{what:14} {few[0]:6.2f} s {few[1]:5.0f} MiB {lots[0]:10.2f} s {lots[1]:5.0f} MiB"
            f" {lots[0] / few[0]:7.1f}"
        )


if __name__ == "__main__":
    main()
