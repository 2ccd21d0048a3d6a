"""A batch put together, run by a real shell, and taken apart again."""

import shlex
import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetmesh.facts.batch import Answer, compose, split

NONCE = "fleetmesh-0123456789abcdef"
OTHER = b"fleetmesh-fedcba9876543210"
LOOKALIKES = [
    b"\n%s begin 1 1.0\n" % OTHER,
    b"\n%s end 0 1.0 0\n" % OTHER,
    b" end 0\n",
    b"\n",
    b"\n\n",
]
OUTPUT = st.lists(st.binary(max_size=20) | st.sampled_from(LOOKALIKES), max_size=3).map(b"".join)


def says(stdout: bytes, stderr: bytes, exit_status: int) -> str:
    """A command that writes exactly that and exits so."""

    def printf(output: bytes) -> str:
        return "printf " + shlex.quote("".join(f"\\{byte:03o}" for byte in output))

    return f"{printf(stdout)}; {printf(stderr)} >&2; exit {exit_status}"


def run(*commands: tuple[str, float]) -> tuple[bytes, bytes]:
    done = subprocess.run(
        ["sh", "-c", compose(commands, NONCE)], stdin=subprocess.DEVNULL,
        capture_output=True, timeout=20,
    )  # fmt: skip
    return done.stdout, done.stderr


def said(answer: Answer) -> tuple[bytes, bytes, int | None]:
    return answer.stdout, answer.stderr, answer.exit_status


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(OUTPUT, OUTPUT, st.integers(0, 123)), min_size=1, max_size=4),
    st.binary(max_size=30),
)
def test_every_command_is_answered_by_its_own_output(
    commands: list[tuple[bytes, bytes, int]], banner: bytes
) -> None:
    stdout, stderr = run(*((says(*command), 5) for command in commands))
    answers = split(banner + stdout, banner + stderr, NONCE)
    assert {index: said(answer) for index, answer in answers.items()} == dict(enumerate(commands))
    times = [time for answer in answers.values() for time in (answer.began, answer.ended or 0)]
    assert times == sorted(times)


def test_command_that_hangs_is_ended_and_the_next_one_runs() -> None:
    stdout, stderr = run(("echo before; sleep 9; echo after", 0.2), ("echo next", 5))
    hanging, following = split(stdout, stderr, NONCE).values()
    assert hanging.timed_out
    assert hanging.stdout == b"before\n"
    assert said(following) == (b"next\n", b"", 0)


def test_command_that_will_not_be_ended_is_killed() -> None:
    stdout, stderr = run(("trap '' TERM; sleep 9 & wait; sleep 9", 0.1), ("echo next", 5))
    hanging, following = split(stdout, stderr, NONCE).values()
    assert hanging.exit_status == 137
    assert hanging.timed_out
    assert following.stdout == b"next\n"


def test_command_reads_nothing_and_cannot_end_the_batch() -> None:
    stdout, stderr = run(("cat", 5), ("exit 3", 5), ("kill -9 $$", 5), ("syntax (", 5), ("date", 5))
    answers = split(stdout, stderr, NONCE)
    assert [answers[index].exit_status for index in range(5)] == [0, 3, 137, 2, 0]
    assert answers[0].stdout == b""


def test_commands_speak_the_posix_locale_and_find_what_lies_in_sbin() -> None:
    stdout, stderr = run(('echo "$LC_ALL $PATH"', 5))
    language, path = split(stdout, stderr, NONCE)[0].stdout.decode().split()
    assert language == "C"
    assert {"/usr/sbin", "/sbin"} <= set(path.split(":"))


def test_output_that_breaks_off_gives_no_wrong_answer() -> None:
    commands = [(b"one\n", b"warning\n", 0), (b"", b"", 1), (b"three", b"\n%s end 2\n" % OTHER, 7)]
    stdout, stderr = run(*((says(*command), 5) for command in commands))
    assert len(split(stdout, stderr, NONCE)) == len(commands)
    broken = [(stdout[:end], stderr) for end in range(len(stdout))]
    broken += [(stdout, stderr[:end]) for end in range(len(stderr))]
    finished = {
        (index, *said(answer))
        for pair in broken
        for index, answer in split(*pair, NONCE).items()
        if answer.exit_status is not None or answer.ended is not None
    }
    assert finished == {(0, *commands[0]), (1, *commands[1])}
