"""A program in a running pod of a Deployment, over the API's WebSocket, kept until it is told."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from fleetmesh.by_hand import in_cluster, on
from fleetmesh.gather.cluster_api import ApiRequests, refusals, why_not
from fleetmesh.gather.debug_container import PULL, debug_container
from fleetmesh.gather.pods import NoPod, exec_channel, pod_and_container
from fleetmesh.gather.probe import Held, OfCluster, OpenFleet, Probe, Question
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import FIRST_DEBUG_CONTAINER, Inventory, Limits
from fleetmesh.sessions import ApiProblem, api_client
from fleetmesh.text import strict_json
from fleetmesh.text.legible import brief
from fleetmesh.text.shell import join, quote

_OUTPUT_LIMIT = 1024 * 1024
_KEPT = 4096
"""Bytes that are kept of each stream of a program that prints without end."""
_STDOUT, _STDERR, _STATUS = 1, 2, 3  # channels of the protocol, as kubelet and client number them
_NO_SUCH_PROGRAM = (126, 127)
"""What some container runtimes make of a program that cannot be started, as a shell does."""


def _line_said(out: bytes, _: bytes) -> bool:
    return b"\n" in out


@dataclass(frozen=True)
class Asked:
    """A program in a pod that asks and then waits: its sockets stay open until it is told."""

    program: str
    """What it is, by a word: its account is read by it."""
    command: tuple[str, ...]
    says: bytes = b""
    """What it is given to read at once."""
    farewell: bytes | None = b"\n"
    """What it is given to read in the end; None if only the end of its input ends it."""
    answered: Callable[[bytes, bytes], bool] = _line_said
    """Whether what it has printed on both its streams is all, until it is told."""


@dataclass(frozen=True)
class ExecInPod(OfCluster):
    """A program in a running pod of a Deployment, as `kubectl exec deploy/… -- python -c …`.

    It says what it has to say and then waits: its sockets stay open until the batches have run.
    """

    cluster: str
    namespace: str
    deployment: str
    container: str | None
    """None means the one that kubectl takes."""
    asked: Asked
    seconds: float
    """Deadline of its answer, from the API's acceptance."""
    hold: float
    """Seconds after which the program ends by itself, if nobody lets it."""
    debug: str | None = None
    """The image of the ephemeral container in which it runs, instead of one of the pod's own."""

    @property
    def command(self) -> list[str]:
        """The argument vector."""
        return list(self.asked.command)

    @property
    def kubectl(self) -> list[str]:
        """What kubectl is told."""
        stdin = ["-i"] if self.asked.says else []
        container = FIRST_DEBUG_CONTAINER if self.debug else self.container
        inside = ["-c", container] if container else []
        return [
            *("-n", self.namespace, "exec", *stdin, f"deploy/{self.deployment}", *inside),
            *("--", *self.command),
        ]

    def typed(self, inventory: Inventory) -> str:
        """With kubectl exec."""
        if not self.asked.says:
            return in_cluster(inventory, self.cluster, join(self.kubectl))
        cluster = inventory.clusters[self.cluster]
        asked = join([*cluster.typed_kubectl, *self.kubectl])
        return on(inventory, cluster.host, f"printf %s {quote(self.asked.says.decode())} | {asked}")

    def of(self, inventory: Inventory) -> Probe:
        """By the host's kubectl, if the inventory names one."""
        from fleetmesh.gather.by_kubectl import KubectlExec  # noqa: PLC0415 - it holds one of these

        cluster = inventory.clusters[self.cluster]
        if cluster.kubectl is None:
            return self
        return KubectlExec(cluster.host, cluster.typed_kubectl, self)

    @property
    def details(self) -> dict[str, str]:
        """What its account is read by, where the program is not the suite's own."""
        if self.asked.program == "python":
            return {}
        return {"with": self.asked.program, "said": str(len(self.asked.says))}

    @property
    def remedy(self) -> str:
        """What to write where the pod has no such program."""
        image = brief(self.debug) if self.debug else "the pod's image"
        if self.asked.program == "python":
            return f"name the Python of {image} as probe.python in the inventory"
        return f"name another program of {image} as probe.with in the inventory"


class InPod(Held):
    """A program that runs in a pod and waits there, and the connection to its API."""

    permit = ApiRequests.permit
    loads = "kubernetes.stream"

    def begin(self) -> None:
        """Start it, and wait until it has said its line or it is known why not."""
        question, probe = self.question, self.question.probe
        self._started, clock = datetime.now(UTC), monotonic()
        self._program: HeldProgram | None = None
        kubeconfig = self.fleet.kubeconfig(probe.cluster)
        self._lost = kubeconfig.missing
        session, deadline = self.fleet.live(question.host), self.fleet.inventory.limits.http
        try:
            if not self._lost:
                patience = probe.seconds + probe.hold + deadline
                context = self.fleet.inventory.clusters[probe.cluster].context
                given: dict[str, Any] = {"patience": patience, "context": context, "ahead": 2}
                client = api_client(session, kubeconfig.text, deadline=deadline, **given)
                api = self.kept.enter_context(client)
                self._program = HeldProgram(api, probe, deadline, self.fleet)
                self.kept.callback(self._program.close)
        except ApiProblem as problem:
            self._lost = str(problem)
        except NoPod as problem:
            self._lost = f"{question.host}: {problem}"
        except refusals() as error:
            needs = f"`{_rights(probe)}` in {probe.namespace}"
            self._lost = f"{question.host}: {why_not(error, deadline, needs)}"
        self._seconds = monotonic() - clock

    def answers(self) -> list[Transcript]:
        """Let the program end, and tell what it said; the time is that until its line."""
        question = self.question
        given: dict[str, Any] = {"lost": self._lost}
        if self._program:
            given = self._program.finish()
            if given.get("lost"):
                given["lost"] = f"{question.host}: {given['lost']}"
        return [question.answer(started=self._started, seconds=self._seconds, **given)]

    @classmethod
    def takes(cls, questions: list[Question], limits: Limits) -> tuple[float, float]:
        """A kubeconfig, the Deployment, its pods, the handshake, the line; then its end."""
        line = max(question.probe.seconds for question in questions)
        pull = PULL if any(question.probe.debug for question in questions) else 0.0
        return limits.command + 3 * limits.http + pull + line, limits.http


ExecInPod.errand = InPod


def _rights(probe: ExecInPod) -> str:
    own = "get pods/exec` or `create pods/exec"
    return f"{own}` or `patch pods/ephemeralcontainers" if probe.debug else own


class HeldProgram:
    """A program in a pod that has said its line, or has ended, or what is known of why not."""

    def __init__(self, api: Any, probe: ExecInPod, deadline: float, fleet: OpenFleet) -> None:
        """Start it and wait for its line; `deadline` in seconds, for each request before it.

        Raises NoPod, and what the client does.
        """
        self._deadline = deadline
        self._probe = probe
        where = (probe.namespace, probe.deployment, probe.container)
        self.pod, self.container = pod_and_container(api, *where, deadline)
        if probe.debug:
            with fleet.adding:
                given = (probe.namespace, self.pod, probe.debug)
                self.container = debug_container(api, *given, deadline, add=fleet.may_write)
        self._said: dict[int, bytes] = {_STDOUT: b"", _STDERR: b"", _STATUS: b""}
        self._lost: str | None = None
        place = (probe.namespace, self.pod, self.container)
        self._channel = exec_channel(api, *place, probe.command, deadline)
        if probe.asked.says:
            with suppress(*broken()):
                self._channel.write_stdin(probe.asked.says)
        self._listen(probe.seconds, self._answered)
        if self._channel.is_open() and not self._answered():
            self._lose(f"the program in the pod did not answer within {probe.seconds:g} s")

    def _answered(self) -> bool:
        return self._probe.asked.answered(self._said[_STDOUT], self._said[_STDERR])

    def finish(self) -> dict[str, Any]:
        """Let it go on, and return all that is known of it, as a transcript takes it."""
        farewell, left = self._probe.asked.farewell, False
        if not self._lost and farewell is None and self._channel.is_open():
            left = True  # over a WebSocket, input ends with the connection
        elif not self._lost and farewell is not None:
            with suppress(*broken()):
                self._channel.write_stdin(farewell)
            self._listen(self._deadline, lambda: False)
            if self._channel.is_open():
                self._lose(f"the program in the pod did not end within {self._deadline:g} s")
        self.close()
        given: dict[str, Any] = {
            "stdout": self._said[_STDOUT],
            "stderr": self._said[_STDERR],
            "details": {"pod": self.pod, "container": self.container, **self._probe.details},
        }
        if self._lost:
            return {**given, "lost": self._lost}
        if left:
            given["details"]["left"] = "while it kept its connection"
            return given
        status, refused = outcome(self._said[_STATUS])
        if status in _NO_SUCH_PROGRAM:
            refused = (
                brief(self._said[_STDERR].decode("utf-8", "replace").strip())
                or f"exit code {status}"
            )
        if refused:
            program, remedy = self._probe.command[0], self._probe.remedy
            return {
                **given,
                "lost": f"{program} cannot be run in {self.pod}: {refused}; {remedy}",
            }
        return {**given, "exit_status": status}

    def close(self) -> None:
        """Leave it, whether it has ended or not: its standard input then ends."""
        self._channel.sock.shutdown()  # close() leaves the socket open once the server has closed

    def _listen(self, seconds: float, enough: Callable[[], bool]) -> None:
        until = monotonic() + seconds
        try:
            while self._channel.is_open() and monotonic() < until and not enough():
                self._channel.update(timeout=min(0.5, max(0.0, until - monotonic())))
                self._drain()
                if self._lost:
                    return
        except broken() as error:
            with suppress(*broken()):
                self._drain()
            self._lose(f"the connection to the program in the pod broke: {brief(str(error))}")
        with suppress(*broken()):
            self._drain()  # what came together with the end

    def _drain(self) -> None:
        for channel in self._said:
            self._said[channel] += self._channel.read_channel(channel) or b""
        if sum(map(len, self._said.values())) > _OUTPUT_LIMIT:
            self._lose(f"the program in the pod printed more than {_OUTPUT_LIMIT} bytes")
            self._said = {channel: said[:_KEPT] for channel, said in self._said.items()}

    def _lose(self, why: str) -> None:
        self._lost = self._lost or why


def broken() -> tuple[type[Exception], ...]:
    """What a connection to a program in a pod raises when it breaks."""
    from websocket import WebSocketException  # noqa: PLC0415 - heavy

    return (WebSocketException, OSError)


def outcome(status: bytes) -> tuple[int | None, str | None]:
    """Exit status, or the API's own message about why the program could not be started.

    Both are None where no status came. Source: metav1.Status, as kubelet sends it on channel 3.
    """
    try:
        found = strict_json.loads(status)
        if found["status"] == "Success":
            return 0, None
        if found.get("reason") == "NonZeroExitCode":
            return int(found["details"]["causes"][0]["message"]), None
        # An id of the one attempt would make two of one cause.
        return None, brief(re.sub(r'"?[0-9a-f]{64}"?', "…", str(found["message"])))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None, None
