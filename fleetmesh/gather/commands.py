"""Shell commands on a host, all in one exec; and files on the suite's own machine."""

import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from fleetmesh import regular_file
from fleetmesh.facts import batch
from fleetmesh.facts.probe import Exec, ReadFile
from fleetmesh.gather.question import Question
from fleetmesh.inventory import Inventory
from fleetmesh.legible import last_line
from fleetmesh.sessions import Completed, Session
from fleetmesh.transcript import Transcript

_LONGEST_FILE = 2**20
"""Bytes of a file of the suite's own machine."""
_KEPT = 64 * 1024
"""Bytes that are kept of each stream of a command that did not end by itself."""
_HANGING = 3
"""So many commands of a batch may run into their deadline before the batch is given up."""


def run_batch(
    session: Session, questions: list[Question], inventory: Inventory
) -> list[Transcript]:
    """Run the commands of `questions` on one host, in one exec, and take the answers apart."""
    default = inventory.limits.command
    nonce = new_nonce()
    asked = [question for question in questions if isinstance(question.probe, Exec)]
    commands = _commands(questions, inventory)
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
    transcripts = [
        _transcript(question, answers.get(index), done, commands[index][1], offset)
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
    return batch.compose(_commands(questions, inventory), nonce)


def answers_of(done: Completed, nonce: str, count: int) -> dict[int, batch.Answer]:
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


def _commands(questions: list[Question], inventory: Inventory) -> list[tuple[str, float]]:
    asked = [
        (question.probe.command, question.probe.seconds or inventory.limits.command)
        for question in questions
        if isinstance(question.probe, Exec)
    ]
    return asked or [("true", inventory.limits.command)]  # for the sake of its clock


def longest(deadlines: Iterable[float], default: float) -> float:
    """Seconds after which one host's batch of commands with these deadlines is given up."""
    return _HANGING * default + sum(max(0.0, deadline - default) for deadline in deadlines)


def _transcript(
    question: Question,
    answer: batch.Answer | None,
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
    return (
        f"{host} ran no command of the suite: exit status {done.exit_status}, "
        f"{last_line(done.stderr, 'and it said nothing')}"
    )


def _offset(done: Completed, answers: dict[int, batch.Answer]) -> float:
    """Seconds that the host's clock is ahead, as well as one exchange can tell."""
    if not answers:
        return 0.0
    first = min(answer.began for answer in answers.values())
    return first - done.started.timestamp()


def _clock(question: Question, done: Completed, answers: dict[int, batch.Answer]) -> Transcript:
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


def read_file(question: Question) -> Transcript:
    """Read a file of the suite's own machine; one that cannot be read exits 1, as cat(1) does."""
    probe = question.probe
    assert isinstance(probe, ReadFile)
    try:
        return question.answer(exit_status=0, stdout=regular_file.read(probe.path, _LONGEST_FILE))
    except OSError as error:
        return question.answer(exit_status=1, stderr=f"{probe.path}: {error.strerror}".encode())
