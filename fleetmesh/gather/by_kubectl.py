"""Questions to a cluster's API by the kubectl of its host, where the suite can read no kubeconfig.

The inventory names the command (`kubectl: sudo -n k3s kubectl`). A transcript holds what kubectl
printed and its exit status; `api_objects.answered` reads an answer of the API out of it.
"""

import re
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from fleetmesh.by_hand import on
from fleetmesh.gather import batch
from fleetmesh.gather.commands import Batch, Exec, answers_of, new_nonce, not_believed, why
from fleetmesh.gather.permit import NONCE, Permit
from fleetmesh.gather.pod_exec import Asked, ExecInPod
from fleetmesh.gather.probe import Held, OfHost, Question
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory, Limits
from fleetmesh.sessions import Completed
from fleetmesh.text.legible import last_line
from fleetmesh.text.shell import join, quote

BY = {"by": "kubectl"}
"""Among a transcript's details, where kubectl asked."""
_NO_OBJECT = re.compile(r'^Error from server \(NotFound\): .+ "[^"]*" not found$', re.MULTILINE)
_ENDED = re.compile(r"^command terminated with exit code (\d+)\s*\Z", re.MULTILINE)
"""By which kubectl says that the program in the pod ended, and not itself."""
_NO_SUCH_PROGRAM = (126, 127)
_NOT_STARTED = re.compile(
    "executable file not found|OCI runtime exec failed|failed to exec in container"
    "|error executing command in container"
)
"""By which a container runtime says that it could not start the program."""


@dataclass(frozen=True)
class KubectlGet(Exec):
    """A GET of the API, as `kubectl get --raw PATH`."""

    cluster: str = ""


class KubectlRequests(Batch):
    """All GETs of one cluster, in one exec of its host, beside its batch of other commands."""

    batch = False

    @staticmethod
    def group(question: Question) -> object:
        """All of a cluster."""
        return question.probe.cluster

    def answers(self) -> list[Transcript]:
        """Ask. What kubectl could not ask, or the API refused, is lost for kubectl's reason."""
        return [_told(transcript) for transcript in super().answers()]


KubectlGet.errand = KubectlRequests


def _told(transcript: Transcript) -> Transcript:
    transcript = replace(transcript, details=BY)
    if transcript.lost or transcript.exit_status == 0 or no_object(transcript):
        return transcript
    said = last_line(transcript.stderr, f"exit status {transcript.exit_status}")
    return replace(transcript, lost=f"{transcript.host}: kubectl: {said}")


def no_object(transcript: Transcript) -> bool:
    """Whether kubectl says that the API knows the resource and has no object of that name."""
    return bool(transcript.exit_status and _NO_OBJECT.search(transcript.err))


@dataclass(frozen=True)
class KubectlExec(OfHost):
    """A program in a pod, as `kubectl exec -i`, held until the batches have run."""

    host: str
    kubectl: tuple[str, ...]
    inside: ExecInPod

    @property
    def command(self) -> str:
        """What the host's shell runs. What the program reads ends with `hold`, or with it."""
        says = f"printf %s {quote(self.inside.asked.says.decode())}; " if self._says else ""
        wait = f"sleep {self.inside.hold:g} >/dev/null 2>&1 & wait"
        given = join(["sh", "-c", f"trap 'kill $!; exit' TERM; echo $$; {says}{wait}"])
        words = [word for word in self.inside.kubectl if word != "-i"]
        words.insert(words.index("exec") + 1, "-i")
        asked = join([*self.kubectl, *words])
        return f"{given} | {{ read p; {asked}; s=$?; kill $p 2>/dev/null; exit $s; }}"

    @property
    def _says(self) -> bool:
        return bool(self.inside.asked.says)

    @property
    def seconds(self) -> float:
        """Until it has answered, and as long as it may be held after."""
        return self.inside.seconds + self.inside.hold

    def typed(self, inventory: Inventory) -> str:
        """As it is run."""
        return on(inventory, self.host, self.command)


class HeldKubectl(Held):
    """A kubectl that runs a program in a pod, on a channel of its own."""

    def begin(self) -> None:
        """Start it, and wait until the program has answered, or it is known why not."""
        self._nonce = new_nonce()
        self._leave = threading.Event()
        self._heard = threading.Event()
        self._answered: float | None = None
        self._started, self._clock = datetime.now(UTC), monotonic()
        pool = ThreadPoolExecutor(1, "kubectl-exec")
        self.kept.callback(pool.shutdown)
        self.kept.callback(self._leave.set)
        self._done: Future[Completed] = pool.submit(self._run)
        self._done.add_done_callback(lambda _: self._heard.set())
        self._heard.wait(self.question.probe.inside.seconds)

    def _run(self) -> Completed:
        probe = self.question.probe
        return self.fleet.live(probe.host).run(
            batch.COMMAND,
            stdin=batch.compose([(probe.command, probe.seconds)], self._nonce),
            deadline=probe.seconds + self.fleet.inventory.limits.command,
            follow=self._follow,
        )

    def _follow(self, out: bytes, err: bytes) -> bool:
        asked: Asked = self.question.probe.inside.asked
        if self._answered is None:
            found = batch.split(out, err, self._nonce, 1, broken=True).get(0)
            if found and asked.answered(found.stdout, found.stderr):
                self._answered = monotonic()
                self._heard.set()
        return self._leave.is_set()

    def answers(self) -> list[Transcript]:
        """Leave it, and tell what it said; the time is that until its answer."""
        question, answered = self.question, self._answered
        self._leave.set()
        done = self._done.result()
        given: dict[str, Any] = {
            "started": self._started,
            "seconds": (answered or monotonic()) - self._clock,
        }
        try:
            found = answers_of(done, self._nonce, 1).get(0)
        except batch.Disordered as error:
            return [question.lost(f"{question.host}: {not_believed(error)}", **given)]
        if found is None:
            return [question.lost(why(question.host, done), **given)]
        inside: ExecInPod = question.probe.inside
        given |= {"stdout": found.stdout, "stderr": found.stderr, "exit_status": found.exit_status}
        given["details"] = {"pod": f"a pod of {inside.deployment}", **BY, **inside.details}
        if answered is not None and found.ended is None:
            given["details"]["left"] = "while it kept its connection"
            return [question.answer(**given)]
        if found.ended is None or found.timed_out:
            late = f"the program in the pod did not answer within {inside.seconds:g} s"
            return [question.lost(f"{question.host}: {late}", **given)]
        return [_ended(question, given)]

    @classmethod
    def takes(cls, questions: list[Question], limits: Limits) -> tuple[float, float]:
        """Its answer; then no more than it takes to leave it."""
        return max(question.probe.inside.seconds for question in questions), limits.command

    @classmethod
    def permit(cls, questions: list[Question], _: Inventory, permit: Permit) -> None:
        """Allow each by itself."""
        for question in questions:
            probe = question.probe
            permit.allow(batch.compose([(probe.command, probe.seconds)], NONCE))


KubectlExec.errand = HeldKubectl


def _ended(question: Question, given: dict[str, Any]) -> Transcript:
    """A program that ended by itself, or a kubectl that did not run it."""
    inside: ExecInPod = question.probe.inside
    err = given["stderr"].decode("utf-8", "replace")
    status, by_program = given["exit_status"], _ENDED.search(err)
    said = last_line(err[: by_program.start()] if by_program else err, f"exit status {status}")
    if status and not by_program and not _NOT_STARTED.search(err):
        return question.lost(f"{question.host}: kubectl: {said}", **given)
    if status and (not by_program or status in _NO_SUCH_PROGRAM):
        program = f"{inside.command[0]} cannot be run in deploy/{inside.deployment}"
        return question.lost(f"{question.host}: {program}: {said}; {inside.remedy}", **given)
    if by_program:
        given["stderr"] = err[: by_program.start()].encode()
    return question.answer(**given)
