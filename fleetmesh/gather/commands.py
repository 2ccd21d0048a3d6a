"""Shell commands on a host, all in two execs; and files on the suite's own machine."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fleetmesh.by_hand import on
from fleetmesh.gather import batch
from fleetmesh.gather.permit import NONCE, Permit
from fleetmesh.gather.probe import Errand, OfHost, Probe, Question
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory, Limits
from fleetmesh.sessions import Completed, Session
from fleetmesh.text import regular_file
from fleetmesh.text.legible import last_line
from fleetmesh.text.shell import join

_LONGEST_FILE = 2**20
"""Bytes of a file of the suite's own machine."""
_KEPT = 64 * 1024
"""Bytes that are kept of each stream of a command that did not end by itself."""
_HANGING = 2 * batch.PATIENCE
"""So many times the deadline of a command, and the batch is given up."""


@dataclass(frozen=True)
class Exec(OfHost):
    """A shell command on a host, run as part of that host's one batch."""

    host: str
    command: str
    seconds: float | None = None
    """Deadline of this command; None means the inventory's `limits.command`."""

    def typed(self, inventory: Inventory) -> str:
        """The command itself."""
        return on(inventory, self.host, self.command)


@dataclass(frozen=True)
class WhileHeld(Exec):
    """A command that is to see the sockets of the held requests: run while they are open."""


@dataclass(frozen=True)
class Clock(OfHost):
    """A host's clock, answered from the times that frame its batch."""

    host: str

    def typed(self, inventory: Inventory) -> str:
        """With date."""
        return on(inventory, self.host, "date +%s.%N")


class Batch(Errand):
    """All commands of a host that need not wait for anything, in one exec."""

    def answers(self) -> list[Transcript]:
        """Run them, and take the answers apart."""
        session = self.fleet.live(self.questions[0].host)
        return run_batch(session, self.questions, self.fleet.inventory)

    @classmethod
    def takes(cls, questions: list[Question], limits: Limits) -> tuple[float, float]:
        """The batch's own deadline."""
        return 0.0, longest((d for _, d in _commands(questions, limits)), limits.command)

    @classmethod
    def permit(cls, questions: list[Question], inventory: Inventory, permit: Permit) -> None:
        """Allow the text of the batch."""
        permit.allow(batch_text(questions, inventory, NONCE))


Exec.errand = Clock.errand = Batch


class LateBatch(Batch):
    """Those that wait until the requests are held, in another exec, whose shell waits for them."""

    batch = True

    def prepare(self) -> None:
        """Have the shell started: it takes two round trips."""
        self.fleet.live(self.questions[0].host).prepare(batch.COMMAND)


WhileHeld.errand = LateBatch


@dataclass(frozen=True)
class ReadFile(Probe):
    """A file on the machine that runs the suite."""

    path: Path

    def asked_of(self, _: Inventory) -> str:
        """No host."""
        return ""

    def typed(self, _: Inventory) -> str:
        """As cat(1)."""
        return join(["cat", str(self.path)])


class Reading(Errand):
    """Files of the suite's own machine; one that cannot be read exits 1, as cat(1) does."""

    def answers(self) -> list[Transcript]:
        """Read them."""
        return [_read(question) for question in self.questions]


ReadFile.errand = Reading


def run_batch(
    session: Session, questions: list[Question], inventory: Inventory
) -> list[Transcript]:
    """Run the commands of `questions` on one host, in one exec, and take the answers apart."""
    default = inventory.limits.command
    nonce = new_nonce()
    asked = [question for question in questions if isinstance(question.probe, Exec)]
    commands = _commands(questions, inventory.limits)
    done = session.run(
        batch.COMMAND,
        stdin=batch.compose(commands, nonce),
        deadline=longest((deadline for _, deadline in commands), default),
    )
    try:
        answers = answers_of(done, nonce, len(commands))
    except batch.Disordered as found:
        cause = f"{session.target.name}: {not_believed(found)}"
        return [q.lost(cause, started=done.started, seconds=done.seconds) for q in questions]
    offset = _offset(done, answers)
    deadlines = batch.deadlines([deadline for _, deadline in commands], answers)
    transcripts = [
        _transcript(question, answers.get(index), done, deadlines[index], offset)
        for index, question in enumerate(asked)
    ]
    clocks = [question for question in questions if not isinstance(question.probe, Exec)]
    return transcripts + [_clock(question, done, answers) for question in clocks]


_NONCE = re.compile(rb"fleetmesh-[0-9a-f]{16}")


def new_nonce() -> str:
    """The random word of one exec, in the form that infra/verify/gate knows."""
    return f"fleetmesh-{secrets.token_hex(8)}"


def batch_text(questions: list[Question], inventory: Inventory, nonce: str) -> bytes:
    """What batch.COMMAND is given to read, so that it puts all `questions` to its host."""
    return batch.compose(_commands(questions, inventory.limits), nonce)


def answers_of(done: Completed, nonce: str, count: int) -> dict[int, batch.CommandAnswer]:
    """The answers of the `count` commands of an exec; none where it ran none of them.

    Raises batch.Disordered where somebody else may have answered.
    """
    mark = b"\n%s " % nonce.encode()
    if not done.lost and mark not in done.stdout and mark not in done.stderr:
        return {}
    return batch.split(done.stdout, done.stderr, nonce, count, broken=bool(done.lost))


def not_believed(found: batch.Disordered) -> str:
    """Why none of a host's answers counts."""
    return f"its answers are not marked as the suite marks them; who gave them is unknown: {found}"


def _commands(questions: list[Question], limits: Limits) -> list[tuple[str, float]]:
    asked = [
        (question.probe.command, question.probe.seconds or limits.command)
        for question in questions
        if isinstance(question.probe, Exec)
    ]
    return asked or [("true", limits.command)]  # for the sake of its clock


def longest(deadlines: Iterable[float], default: float) -> float:
    """Seconds after which one host's batch of commands with these deadlines is given up."""
    each = list(deadlines)
    several = _HANGING * default + sum(max(0.0, deadline - default) for deadline in each)
    return min(several, sum(each) + default)


def _transcript(
    question: Question,
    answer: batch.CommandAnswer | None,
    done: Completed,
    deadline: float,
    offset: float,
) -> Transcript:
    if answer is None:
        return question.lost(why(question.host, done), started=done.started, seconds=done.seconds)
    given: dict[str, Any] = {
        "started": datetime.fromtimestamp(answer.began - offset, UTC),
        "seconds": max(0.0, (answer.ended or answer.began) - answer.began),
        "exit_status": answer.exit_status,
        "stdout": answer.stdout,
        "stderr": answer.stderr,
    }
    if answer.ended is None or answer.timed_out:
        given |= {"stdout": answer.stdout[:_KEPT], "stderr": answer.stderr[:_KEPT]}
    if answer.ended is None:
        return question.lost(why(question.host, done), **given)
    if answer.timed_out:
        return question.lost(
            f"{question.host}: `{question.fact}` did not end within {deadline:g} s", **given
        )
    return question.answer(**given)


def why(host: str, done: Completed) -> str:
    """Why an exec answered nothing, or nothing more."""
    if done.lost:
        return done.lost if host in done.lost else f"{host}: {done.lost}"
    if done.exit_status == batch.MISREAD or _NONCE.search(done.stderr):  # which it complains about
        return (
            f"{host} ran no command of the suite: what its log-in shell starts by itself "
            "(as .bashrc) read the questions from its standard input"
        )
    said = last_line(done.stderr) or last_line(done.stdout) or "and it said nothing"
    return f"{host} ran no command of the suite: exit status {done.exit_status}, {said}"


def _offset(done: Completed, answers: dict[int, batch.CommandAnswer]) -> float:
    """Seconds that the host's clock is ahead, as well as one exchange can tell."""
    if not answers:
        return 0.0
    first = min(answer.began for answer in answers.values())
    return first - done.started.timestamp()


def _clock(
    question: Question, done: Completed, answers: dict[int, batch.CommandAnswer]
) -> Transcript:
    ended = [answer.ended for answer in answers.values() if answer.ended is not None]
    if not ended:
        return question.lost(why(question.host, done), started=done.started, seconds=done.seconds)
    first = min(answer.began for answer in answers.values())
    digits = 0 if any(answer.in_whole_seconds for answer in answers.values()) else 9
    return question.answer(
        started=done.started,
        seconds=done.seconds,
        exit_status=0,
        stdout=f"{first:.{digits}f}\n{max(ended):.{digits}f}\n".encode(),
        sent=done.started,
        received=done.started + timedelta(seconds=done.seconds),
    )


def _read(question: Question) -> Transcript:
    path = question.probe.path
    try:
        return question.answer(exit_status=0, stdout=regular_file.read(path, _LONGEST_FILE))
    except OSError as error:
        return question.answer(exit_status=1, stderr=f"{path}: {error.strerror}".encode())
