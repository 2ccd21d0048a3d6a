"""A month in an hour: the timer at a short interval, while faults come and go; needs root.

    sudo .venv/bin/python -m benchmarks.month [MINUTES]

The rehearsal fleet is verified from a machine beside it, by the real timer with the key that is
good for nothing else. Each fault stays until a whole run has seen it, and stays away as long. Now
and then the machine itself loses power in the middle of a run. In the end each witness is asked
which changes of verdict it has seen: the history, systemd, a webhook that was notified, and a
Prometheus. All must name those of the records, each of them once. So must the dead man's switch.
"""

import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from fleetmesh.evidence.folder import read
from fleetmesh.evidence.run import Run
from rehearsal import fleet, network, verifier
from rehearsal.faults import FAULTS
from rehearsal.machine import NspawnMachine
from selftests.fleet.by_timer import (
    SERVICE,
    STATE,
    TIMER,
    install,
    next_run,
    operator,
    put_permits,
    take_permits,
    wait_for_start,
)
from selftests.monitoring.prometheus import Prometheus, prometheus
from selftests.monitoring.receivers import Receiver, http

EVERY = "20s"
SOUND = "READY"
METRICS = "/var/lib/fleet-metrics"
HOOK, SWITCH = "/hook/fleet", "/ping/a-key"
MONITORING = """
monitoring:
  textfile: /var/lib/fleet-metrics
  dead_man: {{production: "http://{place}{switch}/${{KEY}}"}}
  notify: {{ops: "json://{place}{hook}"}}
"""


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
    runs = {f"{run.started.timestamp():.3f}": run.id for run in _runs(box)}
    seen = {runs[f"{float(value):.3f}"]: verdicts[at] for at, value in began.items()}
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
    ended = Counter(run.conclusion == SOUND for run in _runs(box) if not run.open)
    told = Counter(path.removeprefix(SWITCH) for path, _ in receiver.arrived)
    wrong = [
        f"{SWITCH}{step}: {told[step]} pings for {count} runs"
        for step, count in (("", ended[True]), ("/fail", ended[False]))
        if told[step] != count
    ]
    if not ended.total() <= told["/start"] <= len(_runs(box)):  # one that was cut off may ping none
        wrong.append(f"{SWITCH}/start: {told['/start']} pings for {len(_runs(box))} runs")
    return wrong


def main(minutes: float) -> int:
    """Have troubles come and go for so long; print what each witness has seen of it."""
    was = fleet.record()
    fleet.up("after", lambda _: None)
    address = network.OUTSIDE_ADDRESS.partition("/")[0]
    with ExitStack() as stack:
        stack.callback(lambda: None if was else fleet.down())
        box = stack.enter_context(verifier.verifier())
        stack.callback(take_permits)
        receiver = stack.enter_context(http(address))
        folder = Path(stack.enter_context(TemporaryDirectory()))
        (folder / "none.yml").write_text("groups: []\n")
        reading = stack.enter_context(
            prometheus(folder, box.files / METRICS[1:], folder / "none.yml")
        )
        place = f"{address}:{receiver.port}"
        told = MONITORING.format(place=place, switch=SWITCH.rpartition("/")[0], hook=HOOK)
        operator(box, f"cat >>{verifier.FILE} <<'END'\n{told}END")
        typed = install(box, "--fleet", verifier.FILE, "--every", "1d").stdout
        (opened,) = re.findall(r"^ +(sudo install .*)$", typed, re.MULTILINE)
        operator(box, opened)
        secret = f"umask 077; echo KEY={SWITCH.rpartition('/')[2]} >/etc/fleet-verify/secrets.env"
        box.run(["sh", "-c", secret])
        put_permits(box)
        install(box, "--fleet", verifier.FILE, "--every", EVERY)
        return _month(box, minutes * 60, receiver, reading)


def _month(box: NspawnMachine, seconds: float, receiver: Receiver, reading: Prometheus) -> int:
    since = time.time()
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
    box.run(["systemctl", "stop", TIMER])
    box.run(["sh", "-c", f"while systemctl is-active -q {SERVICE}; do sleep 1; done"], deadline=600)
    witnesses = {
        "history": by_history(box),
        "systemd": by_systemd(box),
        "notified": by_notification(receiver),
        "prometheus": by_prometheus(box, reading, since),
    }
    print(f"\n{len(_runs(box))} runs, {number} troubles came and went")
    for what in by_switch(box, receiver):
        print(what)
        missed.append("the switch")
    missed += _compared(by_record(box), witnesses)
    print(f"not as it happened: {', '.join(missed) or 'nothing'}")
    return 1 if missed or not number else 0


def _seen(box: NspawnMachine, verdict: str, what: str) -> bool:
    """Whether runs begun from now on have this verdict; the last of one or two counts."""
    for _ in range(random.randint(1, 2)):
        ran = next_run(box)
    print(f"{what:30} {ran.verdict:14} {ran.result}", flush=True)
    return ran.verdict == verdict


def _compared(happened: list[Change], witnesses: Mapping[str, list[Change]]) -> list[str]:
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


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60))
