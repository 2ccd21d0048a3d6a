"""Traffic from inside the cluster, by which outages and recoveries are measured.

A process in the application's pod asks every service through its bridge about twenty times a
second. All machines share this machine's kernel, and so its monotonic clock.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from rehearsal import access, fleet
from rehearsal.errors import RehearsalError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

PERIOD = 0.05
PATIENCE = 1.0
"""Seconds after which a request that is not answered counts as failed."""

_PROGRAM = """
import json, os, sys, threading, time, urllib.request
targets, period, patience = json.loads(sys.argv[1])
def ask(service, url, expected):
    while True:
        begin = time.monotonic()
        try:
            with urllib.request.urlopen(url, timeout=patience) as answer:
                found = json.load(answer)
            ok = all(found.get(key) == value for key, value in expected.items())
        except Exception:
            ok = False
        end = time.monotonic()
        sys.stdout.write(json.dumps([service, begin, end, ok]) + chr(10))
        sys.stdout.flush()
        time.sleep(max(0.0, period - (end - begin)))
for target in targets:
    threading.Thread(target=ask, args=target, daemon=True).start()
sys.stdin.read()
os._exit(0)
"""


@dataclass(frozen=True)
class TimedRequest:
    """One request: when it began and ended (seconds of the monotonic clock), and how."""

    begin: float
    end: float
    ok: bool


@dataclass(frozen=True)
class Outage:
    """How long a service was unreachable: from its last answer before to its first after."""

    service: str
    begin: float
    """By the monotonic clock."""
    seconds: float
    """0 if every request was answered."""
    asked: int
    failed: int


class Prober:
    """Asks every service for as long as the `with` block lasts; then tells of outages."""

    def __init__(self) -> None:
        self._requests: dict[str, list[TimedRequest]] = {}
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        inventory = fleet.inventory()
        targets = []
        for name, bridge in inventory.bridges.items():
            service = inventory.services[inventory.tunnels[bridge.tunnel].to]
            url = f"http://{name}:{bridge.port}{service.health.path}"
            assert service.health.json_, "the rehearsal's services answer in JSON"
            targets.append((service.id, url, dict(service.health.json_)))
            self._requests[service.id] = []
        probe = inventory.probe
        arguments = json.dumps([targets, PERIOD, PATIENCE])
        command = (
            f"kubectl -n {probe.namespace} exec -i deploy/{probe.deployment} -- "
            f"{probe.python} -u -c {shlex.quote(_PROGRAM)} {shlex.quote(arguments)}"
        )
        self._process = subprocess.Popen(
            [*access.command(inventory.clusters[probe.cluster].host, "-T"), command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._until(lambda: all(self._requests.values()), 10, "traffic from inside the cluster")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(3)
        self._process.stdout.close()

    def recovered(self, since: float, deadline: float = 45) -> dict[str, float]:
        """Seconds from `since` until each service answered again, and twice more at once.

        Only what was asked after `since` counts. Raises RehearsalError after `deadline` seconds.
        """
        found: dict[str, float] = {}

        def all_have() -> bool:
            for service, requests in self._requests.items():
                streak: list[TimedRequest] = []
                for request in reversed(requests):
                    if not request.ok or request.begin < since:
                        break
                    streak.append(request)
                if len(streak) < _STREAK:
                    return False
                found[service] = streak[-1].end - since
            return True

        self._until(all_have, deadline, "answers of all services")
        return found

    def outages(self) -> list[Outage]:
        """The longest outage of each service."""
        with self._changed:
            return [_outage(service, requests) for service, requests in self._requests.items()]

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            try:
                service, begin, end, ok = json.loads(line)
            except ValueError:
                continue  # the last line of a process that was killed
            with self._changed:
                self._requests[service].append(TimedRequest(begin, end, ok))
                self._changed.notify_all()

    def _until(self, ready: Callable[[], bool], deadline: float, what: str) -> None:
        end = time.monotonic() + deadline
        with self._changed:
            while not ready():
                if self._process.poll() is not None:
                    raise RehearsalError(f"{what}: the process in the pod has ended")
                if time.monotonic() > end:
                    raise RehearsalError(f"{what}: not within {deadline:g} s")
                self._changed.wait(0.1)


_STREAK = 3


def _outage(service: str, requests: list[TimedRequest]) -> Outage:
    """The longest stretch without an answer that holds a failed request."""
    stretches: list[tuple[float, float]] = [(0.0, requests[0].begin)]
    answered, failing = requests[0].begin, False
    for request in requests:
        if request.ok:
            if failing:
                stretches.append((request.end - answered, answered))
            answered = request.end
        failing = not request.ok
    if failing:
        stretches.append((requests[-1].end - answered, answered))
    seconds, begin = max(stretches)
    return Outage(service, begin, seconds, len(requests), sum(not r.ok for r in requests))
