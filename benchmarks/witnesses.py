"""Who has seen the changes of verdict in a month of runs, and which; see benchmarks/month.py."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from fleetmesh.evidence.folder import read
from fleetmesh.evidence.run import Run
from rehearsal.machine import NspawnMachine
from selftests.fleet.by_timer import STATE
from selftests.monitoring.prometheus import Prometheus
from selftests.monitoring.receivers import Receiver

SOUND = "READY"
HOOK, SWITCH = "/hook/fleet", "/ping/a-key"


@dataclass(frozen=True)
class Change:
    """Two runs of which the later one has another verdict."""

    run: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.run}: {self.before} -> {self.after}"


def runs_of(box: NspawnMachine) -> list[Run]:
    """What the records tell, oldest first."""
    return [read(plan.parent) for plan in sorted((box.files / STATE).glob("*/plan.json"))]


def _changes(verdicts: Iterable[tuple[str, str]]) -> list[Change]:
    told = pairwise(sorted(verdicts))
    return [Change(run, before, after) for (_, before), (run, after) in told if before != after]


def by_record(box: NspawnMachine) -> list[Change]:
    """What has happened; a run that broke off is no verdict of anybody's."""
    return _changes((run.id, run.conclusion) for run in runs_of(box) if not run.open)


def by_history(box: NspawnMachine) -> list[Change]:
    """What the service itself wrote down after each run."""
    lines = (box.files / STATE / "history.jsonl").read_text().splitlines()
    return _changes((entry["run"], entry["verdict"]) for entry in map(json.loads, lines))


def by_systemd(box: NspawnMachine) -> list[Change]:
    """What the service's exit status said, where systemd has told it."""
    said = box.run(["journalctl", "--output=cat", "--unit=fleet-verify.service"]).stdout
    parts = re.split(r"(?m)^Starting fleet-verify", said)
    status = re.compile(r"Main process exited, code=exited, status=(\d+)")
    found = []
    for told in parts:
        if run := re.search(r"/([^/ ]+)/evidence.html", told):
            exited = status.search(told)
            found.append((run[1], {0: SOUND, 1: "NOT READY"}.get(int(exited[1]) if exited else 0)))
    return _changes((run, verdict or "INCONCLUSIVE") for run, verdict in found)


def by_notification(receiver: Receiver) -> list[Change]:
    """What people were told, in the order in which it came."""
    found = []
    for body in (json.loads(body) for path, body in receiver.arrived if path == HOOK):
        before, _, after = body["title"].rpartition(": ")[2].partition(" → ")
        if before == "no run before":
            continue
        (run,) = re.findall(r"Evidence: \S*/(\S+?)/evidence.html", body["message"])
        found.append(Change(run, before, after))
    return found


def by_prometheus(box: NspawnMachine, reading: Prometheus, since: float) -> list[Change]:
    """What one would see who looks at the metrics every second."""
    span = {"start": str(since), "end": str(time.time()), "step": "1s"}
    began = _samples(reading, "fleetmesh_last_run_timestamp_seconds", "", span)
    verdicts = _samples(reading, "fleetmesh_run_verdict == 1", "verdict", span)
    known = {f"{run.started.timestamp():.3f}": run.id for run in runs_of(box)}
    seen = {known[f"{float(value):.3f}"]: verdicts[at] for at, value in began.items()}
    return _changes(seen.items())


def _samples(
    reading: Prometheus, query: str, label: str, span: Mapping[str, str]
) -> dict[float, str]:
    """By time: the value of the one series, or the label of the one that there is."""
    found: dict[float, str] = {}
    for series in reading.ask("query_range", query=query, **span)["result"]:
        for at, value in series["values"]:
            assert at not in found, f"two series at once: {query}"
            found[at] = series["metric"][label] if label else value
    return found


def by_switch(box: NspawnMachine, receiver: Receiver) -> list[str]:
    """Where the dead man's switch was not told what happened: a start for each run, and its end."""
    ended = Counter(run.conclusion == SOUND for run in runs_of(box) if not run.open)
    told = Counter(path.removeprefix(SWITCH) for path, _ in receiver.arrived)
    wrong = [
        f"{SWITCH}{step}: {told[step]} pings for {count} runs"
        for step, count in (("", ended[True]), ("/fail", ended[False]))
        if told[step] != count
    ]
    every = len(runs_of(box))
    if not ended.total() <= told["/start"] <= every:  # a run that was cut off may have pinged none
        wrong.append(f"{SWITCH}/start: {told['/start']} pings for {every} runs")
    return wrong


def compared(happened: list[Change], witnesses: Mapping[str, list[Change]]) -> list[str]:
    """The witnesses who have not seen each change once, and nothing else."""
    for change in happened:
        print(f"  {change}")
    wrong = []
    for name, seen in witnesses.items():
        lacking, more = set(happened) - set(seen), set(seen) - set(happened)
        twice = len(seen) - len(set(seen))
        told = f"{len(seen)} changes, {len(lacking)} missed, {len(more)} besides, {twice} twice"
        print(f"{name:12} {told}")
        if lacking or more or twice:
            wrong.append(name)
    return wrong
