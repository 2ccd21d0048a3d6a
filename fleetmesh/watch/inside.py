"""The sampler that runs in a pod: it is started there, kept going, and its clock made ours."""

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleetmesh.gather.cluster_api import read_kubeconfig, refusals, why_not
from fleetmesh.gather.debug_container import debug_container
from fleetmesh.gather.pod_exec import broken, outcome
from fleetmesh.gather.pods import NoPod, exec_channel, pod_and_container
from fleetmesh.inventory import Inventory
from fleetmesh.outages.stretches import Sample
from fleetmesh.sessions import ApiProblem, api_client
from fleetmesh.text.legible import last_line
from fleetmesh.watch import sampler
from fleetmesh.watch.link import Link, NotYet
from fleetmesh.watch.sampler import SILENCE, NotAsked, clock

PROGRAM = Path(sampler.__file__).read_bytes()
_READ = """
import os, sys
text = b""
while len(text) < int(sys.argv[2]):
    text += os.read(0, int(sys.argv[2]) - len(text)) or os._exit(1)
exec(text)
"""
"""Has Python read the program, which is too long for the address of a request that starts it."""
_STDOUT, _STDERR, _STATUS = 1, 2, 3
_ASK = 1.0
"""Seconds between two questions for what was sampled."""
_AGAIN, _SOON = 2.0, 0.1
_LINE = 1 << 20
"""Bytes of a line that is not whole."""
_BEATS = 30
"""Answers by which the pod's clock is known: not more, because clocks drift."""


@dataclass(frozen=True)
class Asked:
    """Where a lane asks from inside of the cluster."""

    host: str
    port: int
    path: str
    kept: bool


@dataclass
class Clock:
    """How far another clock is from ours, as bounds.

    What it says on a question came after the question was put, and before the answer was here.
    """

    _low: deque[float] = field(default_factory=lambda: deque(maxlen=_BEATS))
    _high: deque[float] = field(default_factory=lambda: deque(maxlen=_BEATS))

    def learn(self, put: float, said: float, heard: float) -> None:
        """A question that was put, what the other clock said on it, and when we heard that."""
        self._low.append(put - said)
        self._high.append(heard - said)

    def sample(self, begin: float, end: float, why: str | None) -> Sample:
        """A sample by our clock: begun no earlier, and ended no later."""
        low, high = max(self._low), min(self._high)
        return Sample(begin + min(low, high), end + max(low, high), why)


Heard = Callable[[str, Sample], None]
Judged = Callable[[str, tuple[int, Mapping[str, str], bytes]], str | None]


class Inside:
    """Keeps a sampler going in the probe's pod until it is stopped.

    `heard` gets each sample by its lane; `judged` says what an answer lacks; `noted` why nothing
    can be asked from inside, and with None that it can be again.
    """

    def __init__(
        self,
        inventory: Inventory,
        link: Link,
        lanes: Mapping[str, Asked],
        heard: Heard,
        judged: Judged,
        noted: Callable[[str | None], None],
        stopped: threading.Event,
    ) -> None:
        self._inventory = inventory
        self._link = link
        self._lanes = lanes
        self._heard = heard
        self._judged = judged
        self._noted = noted
        self._stopped = stopped
        self._thread = threading.Thread(target=self._keep, name="inside", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until the program was left, once it was stopped."""
        self._thread.join(5)

    def _keep(self) -> None:
        probe = self._inventory.probe
        if probe.with_ != "python":
            self._noted(
                f"only the Python of a pod's image can sample, and probe.with: {probe.with_}"
            )
            return
        if self._inventory.clusters[probe.cluster].kubectl is not None:
            self._noted("kubectl asks this cluster, and over it nothing can be sampled")
            return
        while not self._stopped.is_set():
            try:
                self._sample()
            except NotYet:
                self._stopped.wait(_SOON)
                continue
            except (NotAsked, NoPod, ApiProblem) as problem:
                self._noted(f"from inside of {probe.cluster}: {problem}")
            except refusals() as error:
                needs = f"`get pods/exec` or `create pods/exec` in {probe.namespace}"
                deadline = self._inventory.limits.http
                self._noted(f"from inside of {probe.cluster}: {why_not(error, deadline, needs)}")
            self._stopped.wait(_AGAIN)

    def _sample(self) -> None:
        probe, deadline = self._inventory.probe, self._inventory.limits.http
        cluster, session = self._inventory.clusters[probe.cluster], self._link.session
        kubeconfig = read_kubeconfig(session, cluster, self._inventory.limits.command)
        if kubeconfig.missing:
            raise NotAsked(kubeconfig.missing)
        given: dict[str, Any] = {"patience": float(SILENCE), "context": cluster.context}
        with ExitStack() as leave:
            client = api_client(session, kubeconfig.text, deadline=deadline, **given)
            api = leave.enter_context(client)
            channel = self._start(api, deadline)
            leave.callback(channel.sock.shutdown)  # as HeldProgram does: its input then ends
            _Talk(self, channel).go_on(self._stopped)

    def _start(self, api: Any, deadline: float) -> Any:
        probe = self._inventory.probe
        where = (probe.namespace, probe.deployment, probe.container)
        name, container = pod_and_container(api, *where, deadline)
        if probe.debug:
            given = (probe.namespace, name, probe.debug)
            container = debug_container(api, *given, deadline, add=False)
        health = [s.health.headers or {} for s in self._inventory.services.values()]
        asked = {
            "lanes": {lane: vars(at) for lane, at in self._lanes.items()},
            "headers": sorted({name for headers in health for name in headers}),
        }
        command = [probe.python, "-c", _READ, json.dumps(asked), str(len(PROGRAM))]
        channel = exec_channel(api, probe.namespace, name, container, command, deadline)
        channel.write_stdin(PROGRAM)
        return channel


class _Talk:
    """The questions to the program, and what it answers."""

    def __init__(self, inside: Inside, channel: Any) -> None:
        self._inside = inside
        self._channel = channel
        self._clock = Clock()
        self._put: dict[int, float] = {}
        self._answers: dict[int, tuple[int, Mapping[str, str], bytes]] = {}
        self._came = b""

    def go_on(self, stopped: threading.Event) -> None:
        """Ask and listen until it is stopped. Raises NotAsked where the program ends before."""
        number, due = 0, clock()
        err = b""
        try:
            while not stopped.is_set() and self._channel.is_open():
                if clock() >= due:
                    number, due = number + 1, clock() + _ASK
                    self._put[number] = clock()
                    self._channel.write_stdin(f"{number}\n".encode())
                self._channel.update(timeout=max(0.01, min(0.5, due - clock())))
                if said := self._channel.read_channel(_STDOUT):
                    self._read(said)
                err = (err + (self._channel.read_channel(_STDERR) or b""))[-4096:]
                if len(self._put) > SILENCE / 2:  # of its own time: we may have been held up
                    raise NotAsked("the program in the pod is silent")
        except broken() as error:
            raise NotAsked(f"the connection to the program in the pod broke: {error}") from None
        if stopped.is_set():
            return
        with suppress(*broken()):
            err += self._channel.read_channel(_STDERR) or b""
        status, refused = outcome(self._channel.read_channel(_STATUS) or b"")
        raise NotAsked(refused or last_line(err, f"the program in the pod ended ({status})"))

    def _read(self, said: bytes) -> None:
        heard = clock()
        *lines, self._came = (self._came + said).split(b"\n")
        if len(self._came) > _LINE:
            raise NotAsked("the program in the pod prints without end")
        for line in lines:
            try:
                self._take(json.loads(line), heard)
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                raise NotAsked(
                    f"the program in the pod says what it should not: {error!r}"
                ) from None

    def _take(self, told: dict[str, Any], heard: float) -> None:
        for answer in told["answers"]:
            headers = {str(name): str(value) for name, value in answer["headers"]}
            body = str(answer["body"]).encode("latin-1")
            self._answers[int(answer["number"])] = (int(answer["status"]), headers, body)
        put = self._put.pop(told["number"], None) if told["number"] is not None else None
        if put is not None:
            self._inside._noted(None)
            self._clock.learn(put, float(told["at"]), heard)
            self._put = {n: at for n, at in self._put.items() if n > told["number"]}
        for lane, begin, end, found in told["samples"]:
            why = found
            if isinstance(found, int):
                why = self._inside._judged(lane, self._answers[found])
            self._inside._heard(str(lane), self._clock.sample(float(begin), float(end), why))
