"""Shell commands on a host, all in one exec; and files on the suite's own machine."""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

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
_HANGING = 3
"""So many commands of a batch may run into their deadline before the batch is given up."""


def run_batch(
    session: Session, questions: list[Question], inventory: Inventory
) -> list[Transcript]:
    """Run the commands of `questions` on one host, in one exec, and take the answers apart."""
    default = inventory.limits.command
    nonce = f"fleetmesh-{secrets.token_hex(8)}"
    asked = [question for question in questions if isinstance(question.probe, Exec)]
    commands = _commands(questions, inventory)
    done = session.run(
        batch_text(questions, inventory, nonce),
        deadline=longest((deadline for _, deadline in commands), default),
    )
    answers = batch.split(done.stdout, done.stderr, nonce)
    offset = _offset(done, answers)
    transcripts = [
        _transcript(question, answers.get(index), done, commands[index][1], offset)
        for index, question in enumerate(asked)
    ]
    clocks = [question for question in questions if not isinstance(question.probe, Exec)]
    return transcripts + [_clock(question, done, answers) for question in clocks]


def batch_text(questions: list[Question], inventory: Inventory, nonce: str) -> str:
    """The one shell command that puts all `questions` to their host."""
    commands = _commands(questions, inventory)
    return batch.compose(commands or [("true", inventory.limits.command)], nonce)


def _commands(questions: list[Question], inventory: Inventory) -> list[tuple[str, float]]:
    return [
        (question.probe.command, question.probe.seconds or inventory.limits.command)
        for question in questions
        if isinstance(question.probe, Exec)
    ]


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
        return question.lost(_why(question, done), started=done.started, seconds=done.seconds)
    given = {
        "started": datetime.fromtimestamp(answer.began - offset, UTC),
        "seconds": (answer.ended or answer.began) - answer.began,
        "exit_status": answer.exit_status,
        "stdout": answer.stdout,
        "stderr": answer.stderr,
    }
    if answer.ended is None:
        return question.lost(_why(question, done), **given)
    if answer.timed_out:
        return question.lost(
            f"{question.host}: `{question.fact}` did not end within {deadline:g} s", **given
        )
    return question.answer(**given)


def _why(question: Question, done: Completed) -> str:
    if done.lost:
        return done.lost if question.host in done.lost else f"{question.host}: {done.lost}"
    return (
        f"{question.host} ran no command of the suite: exit status {done.exit_status}, "
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
        return question.lost(_why(question, done), started=done.started, seconds=done.seconds)
    first = min(answer.began for answer in answers.values())
    return question.answer(
        started=done.started,
        seconds=done.seconds,
        exit_status=0,
        stdout=f"{first:.9f}\n{max(ended):.9f}\n".encode(),
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
