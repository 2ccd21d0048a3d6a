"""How well `watch` times outages, and what it takes of each host; needs root.

    sudo .venv/bin/python benchmarks/watch.py [--calm SECONDS]

Causes outages on a rehearsal fleet under `watch` and under the drill's own prober, and compares
what the two say. Target: within 0.2 s, and at most 2 % of a core on each host, for the session and
the sampler themselves. What the sampled services, tunnels and bridges take to answer is told
beside it: in the rehearsal, all of those but the tunnels are stand-ins. Exits with 1 for a miss.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from fleetmesh.watch.watcher import Watcher
from rehearsal import cgroup, fleet
from rehearsal.drill.prober import Outage, Prober
from rehearsal.faults.clusters import BRIDGES, SERVICES, kubectl
from rehearsal.faults.machines import COULOMB, HUB, HUB_BRIDGE, RAILIANCE, root, user

ROOT = Path(__file__).parents[1]
HOSTS = (RAILIANCE, COULOMB)
AGREE, SHARE = 0.2, 2.0
"""Seconds, and per cent of a core."""
TUNNELS_SSHD = "ss -HtnpO state established '( sport = :22 )' dst 198.18.77.11"
MISHAPS: dict[str, Callable[[], object]] = {
    "the tunnel's unit is restarted": lambda: user(RAILIANCE, f"systemctl --user restart {HUB}"),
    "the bridge's pod is killed": lambda: kubectl(
        BRIDGES, f"delete pods -l app.kubernetes.io/name={HUB_BRIDGE}"
    ),
    "the far sshd is stopped for 5 s, and the tunnels with it": lambda: root(
        COULOMB,
        f"systemctl stop ssh.socket ssh; {TUNNELS_SSHD} | grep -o 'pid=[0-9]*' | cut -d= -f2 | "
        "sort -u | xargs -r kill; sleep 5; systemctl reset-failed ssh; systemctl start ssh",
    ),
    "the service's pod is killed": lambda: kubectl(
        SERVICES, "delete pods -l app.kubernetes.io/name=state-hub"
    ),
}


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calm", type=int, default=30, help="seconds of calm that are measured")
    given = parser.parse_args()
    fleet.up("after", lambda _: None)
    fleet.wait_until_ready()
    missed = _cost(given.calm)
    with tempfile.TemporaryDirectory() as reports, _Watch(Path(reports)) as watch:
        seen = [_happens(what, act) for what, act in MISHAPS.items()]
    for what, outages in seen:
        print(f"\n{what}")
        for outage in outages:
            missed += _compare(outage, watch.record)
    print(f"\n{missed} missed")
    return 1 if missed else 0


class _Watch:
    """`fleetmesh watch`, as a process of its own."""

    def __init__(self, reports: Path) -> None:
        self._reports = reports
        self.lines: list[str] = []
        self.record: dict[str, Any] = {}

    def __enter__(self) -> "_Watch":
        words = ("-m", "fleetmesh", "watch", "--fleet=rehearsal", f"--reports={self._reports}")
        self._process = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        self._read(lambda line: "all hops are watched" in line)
        self._read(lambda line: "Persist across reboot" in line)  # the first snapshot is judged
        return self

    def _read(self, enough: Callable[[str], bool]) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.lines.append(line.strip())
            if enough(line):
                return

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        self._read(lambda _: False)
        self._process.wait(60)
        files = list(self._reports.glob("*/watch.json"))
        if len(files) != 1:
            sys.exit("watch has left no watch.json; it said:\n" + "\n".join(self.lines[-20:]))
        (file,) = files
        self.record = json.loads(file.read_text())


def _happens(what: str, act: Callable[[], object]) -> tuple[str, list[Outage]]:
    with Prober() as prober:
        time.sleep(1)
        begin = time.monotonic()
        act()
        prober.recovered(begin)
        time.sleep(1)
    fleet.wait_until_ready()
    time.sleep(4)
    return what, [outage for outage in prober.outages() if outage.failed]


def _compare(outage: Outage, record: dict[str, Any]) -> int:
    wall = time.time() - time.monotonic() + outage.begin
    started = datetime.fromisoformat(record["started"]).timestamp()
    at = wall - started
    near = [
        one
        for one in record["incidents"]
        if one["service"] == outage.service and abs(one["began"][0] - at) < 3
    ]
    if not near:
        print(f"  MISSED {outage.service}: {outage.seconds:.2f} s, of which watch says nothing")
        return 1
    one = max(near, key=lambda incident: float(incident["at_most"]))
    off = one["at_most"] - outage.seconds
    good = abs(off) <= AGREE
    print(
        f"  {'ok' if good else 'MISSED'} {outage.service}: prober {outage.seconds:.2f} s, "
        f"watch {one['certain']:.2f} to {one['at_most']:.2f} s ({off:+.2f} s), "
        f"began {one['began'][0] - at:+.2f} s; {one['told']}"
    )
    return 0 if good else 1


def _groups() -> Iterator[tuple[str, str, int]]:
    """Every control group without children: machine, what it is, and its CPU time in µs."""
    for machine in HOSTS:
        top = cgroup.machine(machine)
        for file in top.rglob("cpu.stat"):
            if not any(child.is_dir() for child in file.parent.iterdir()):
                yield machine, str(file.parent.relative_to(top)), _microseconds(file)


def _microseconds(file: Path) -> int:
    return int(file.read_text().split()[1])


def _shares(seconds: float) -> dict[tuple[str, str], float]:
    """Per cent of a core that each group takes."""
    before = {(machine, name): used for machine, name, used in _groups()}
    time.sleep(seconds)
    return {
        (machine, name): (used - before.get((machine, name), 0)) / seconds / 1e4
        for machine, name, used in _groups()
    }


def _cost(seconds: int) -> int:
    """What sampling takes while all is calm, without the snapshots that are judged."""
    idle = _shares(seconds / 2)
    listed = json.loads(user(RAILIANCE, "kubectl -n activity-core get pods -o json"))
    pods = [
        pod["metadata"]["uid"].replace("-", "_")
        for pod in listed["items"]
        if pod["metadata"]["name"].startswith("actcore-api")
    ]
    with Watcher(fleet.inventory(), None) as watcher:
        while not watcher.ledger.complete:
            time.sleep(0.1)
        time.sleep(12)  # until it asks at its calm pace
        found = _shares(seconds)
    missed = 0
    print(f"in {seconds} s of calm, in per cent of a core, beyond what the idle fleet takes:")
    for machine in HOSTS:
        more = {
            name: share - idle.get((machine, name), 0.0)
            for (of, name), share in found.items()
            if of == machine
        }
        fresh = [name for name in more if "/session-" in name and (machine, name) not in idle]
        own = {n: s for n, s in more.items() if n in fresh or any(pod in n for pod in pods)}
        mine, all_of_it = sum(own.values()), sum(more.values())
        good = mine <= SHARE
        missed += not good
        print(
            f"  {'ok' if good else 'MISSED'} {machine}: {mine:.2f} its own session and sampler; "
            f"{all_of_it - mine:.2f} to carry and answer the questions"
        )
    _snapshots()
    return missed


def _snapshots() -> None:
    before = {machine: _microseconds(cgroup.machine(machine) / "cpu.stat") for machine in HOSTS}
    with tempfile.TemporaryDirectory() as reports:
        words = ("-m", "fleetmesh", "check", "--fleet=rehearsal", f"--reports={reports}")
        subprocess.run([sys.executable, *words], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    for machine in HOSTS:
        used = _microseconds(cgroup.machine(machine) / "cpu.stat") - before[machine]
        print(f"  a snapshot takes {used / 1e6:.2f} s of a core on {machine}, stand-ins included")


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("it needs root, for the rehearsal fleet")
    sys.exit(main())
