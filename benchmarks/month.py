"""A month in an hour: the timer at a short interval, while faults come and go; needs root.

    sudo .venv/bin/python -m benchmarks.month [MINUTES]

The rehearsal fleet is verified from a machine beside it, by the real timer with the key that is
good for nothing else. Each fault stays until a whole run has seen it, and stays away as long. Now
and then the machine itself loses power in the middle of a run. In the end each witness is asked
which changes of verdict it has seen: all must name those of the records, each of them once.
"""

import json
import random
import re
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import cycle, pairwise

from fleetmesh.evidence.folder import read
from fleetmesh.evidence.run import Run
from rehearsal import fleet, verifier
from rehearsal.faults import FAULTS
from rehearsal.machine import NspawnMachine
from selftests.fleet.by_timer import (
    STATE,
    install,
    next_run,
    put_permits,
    take_permits,
    wait_for_start,
)

EVERY = "20s"
SOUND = "READY"


@dataclass(frozen=True)
class Trouble:
    """What comes and goes, and the verdict of a run that sees it."""

    name: str
    verdict: str
    come: Callable[[NspawnMachine], None]
    go: Callable[[NspawnMachine], None]


@dataclass(frozen=True)
class Change:
    """Two runs of which the later one has another verdict."""

    run: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.run}: {self.before} -> {self.after}"


def _fault(name: str, verdict: str) -> Trouble:
    fault = FAULTS[name]()
    return Trouble(name, verdict, lambda _: fault.inject(), lambda _: fault.heal())


def _power_cut(box: NspawnMachine) -> None:
    wait_for_start(box)
    box.power_off()


TROUBLES = (
    _fault("unit-disabled", "NOT READY"),
    Trouble(
        "host-off",
        "INCONCLUSIVE",
        lambda _: fleet.power_off("workstation"),
        lambda _: fleet.power_on("workstation"),
    ),
    _fault("linger-off", "NOT READY"),
    Trouble("power-cut-in-a-run", "INCOMPLETE", _power_cut, verifier.power_on),
    _fault("rogue-forward", "NOT READY"),
)


def _runs(box: NspawnMachine) -> list[Run]:
    """What the records tell, oldest first."""
    return [read(plan.parent) for plan in sorted((box.files / STATE).glob("*/plan.json"))]


def _changes(verdicts: Iterable[tuple[str, str]]) -> list[Change]:
    told = pairwise(sorted(verdicts))
    return [Change(run, before, after) for (_, before), (run, after) in told if before != after]


def by_record(box: NspawnMachine) -> list[Change]:
    """What has happened; a run that broke off is no verdict of anybody's."""
    return _changes((run.id, run.conclusion) for run in _runs(box) if not run.open)


def by_history(box: NspawnMachine) -> list[Change]:
    """What the service itself wrote down after each run."""
    lines = (box.files / STATE / "history.jsonl").read_text().splitlines()
    return _changes((entry["run"], entry["verdict"]) for entry in map(json.loads, lines))


def by_systemd(box: NspawnMachine) -> list[Change]:
    """What the service's exit status said, where systemd has told it."""
    said = box.run(["journalctl", "--output=cat", "--unit=fleet-verify.service"]).stdout
    runs = re.split(r"(?m)^Starting fleet-verify", said)
    status = re.compile(r"Main process exited, code=exited, status=(\d+)")
    found = []
    for told in runs:
        if run := re.search(r"/([^/ ]+)/evidence.html", told):
            exited = status.search(told)
            found.append((run[1], {0: SOUND, 1: "NOT READY"}.get(int(exited[1]) if exited else 0)))
    return _changes((run, verdict or "INCONCLUSIVE") for run, verdict in found)


WITNESSES = (by_record, by_history, by_systemd)
"""Whoever is to see each change of verdict once; the first says what has happened."""


def main(minutes: float) -> int:
    """Have troubles come and go for so long; print what each witness has seen of it."""
    was = fleet.record()
    fleet.up("after", lambda _: None)
    with verifier.verifier() as box:
        try:
            install(box, "--fleet", verifier.FILE, "--every", EVERY)
            put_permits(box)
            return _month(box, minutes * 60)
        finally:
            take_permits()
            if was is None:
                fleet.down()


def _month(box: NspawnMachine, seconds: float) -> int:
    missed = [] if _seen(box, SOUND, "at first") else ["at first"]
    end, number = time.monotonic() + seconds, 0
    for trouble in cycle(TROUBLES):
        if time.monotonic() > end:
            break
        number += 1
        trouble.come(box)
        if trouble.come is not _power_cut and not _seen(box, trouble.verdict, trouble.name):
            missed.append(trouble.name)
        trouble.go(box)
        if trouble.come is _power_cut and _runs(box)[-1].conclusion != trouble.verdict:
            missed.append(trouble.name)
        if not _seen(box, SOUND, f"after {trouble.name}"):
            missed.append(f"the end of {trouble.name}")
    return _told(box, number, missed)


def _seen(box: NspawnMachine, verdict: str, what: str) -> bool:
    """Whether runs begun from now on have this verdict; the last of one, two or three counts."""
    for _ in range(random.randint(1, 3)):
        ran = next_run(box)
    print(f"{what:30} {ran.verdict:14} {ran.result}", flush=True)
    return ran.verdict == verdict


def _told(box: NspawnMachine, number: int, missed: list[str]) -> int:
    print(f"\n{len(_runs(box))} runs, {number} troubles came and went")
    happened = by_record(box)
    for witness in WITNESSES:
        seen = witness(box)
        lacking, more = set(happened) - set(seen), set(seen) - set(happened)
        twice = len(seen) - len(set(seen))
        told = f"{len(seen)} changes, {len(lacking)} missed, {len(more)} besides, {twice} twice"
        print(f"{witness.__name__:12} {told}")
        if lacking or more or twice:
            missed.append(witness.__name__)
    for change in happened:
        print(f"  {change}")
    print(f"not as it happened: {', '.join(missed) or 'nothing'}")
    return 1 if missed or not number else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60))
