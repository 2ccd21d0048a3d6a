"""A batch put together, run by a real shell, and taken apart again."""

import re
import shlex
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetmesh.gather.batch import COMMAND, MISREAD, CommandAnswer, Disordered, compose, split

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
    done = given_to_read(compose(commands, NONCE))
    assert done.returncode == 0
    return done.stdout, done.stderr


def given_to_read(text: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["sh", "-c", COMMAND], input=text, capture_output=True, timeout=20, check=False
    )


def answers(stdout: bytes, stderr: bytes, count: int) -> dict[int, CommandAnswer]:
    """The answers of a batch that ran to its end."""
    return split(stdout, stderr, NONCE, count, broken=False)


def said(answer: CommandAnswer) -> tuple[bytes, bytes, int | None]:
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
    found = answers(banner + stdout, banner + stderr, len(commands))
    assert {index: said(answer) for index, answer in found.items()} == dict(enumerate(commands))
    times = [time for answer in found.values() for time in (answer.began, answer.ended or 0)]
    assert times == sorted(times)


def test_command_that_hangs_is_ended_and_the_next_one_runs() -> None:
    stdout, stderr = run(("echo before; sleep 9; echo after", 0.2), ("echo next", 5))
    hanging, following = answers(stdout, stderr, 2).values()
    assert hanging.timed_out
    assert hanging.stdout == b"before\n"
    assert said(following) == (b"next\n", b"", 0)


def test_command_that_will_not_be_ended_is_killed() -> None:
    stdout, stderr = run(("trap '' TERM; sleep 9 & wait; sleep 9", 0.1), ("echo next", 5))
    hanging, following = answers(stdout, stderr, 2).values()
    assert hanging.exit_status == 137
    assert hanging.timed_out
    assert following.stdout == b"next\n"


def test_command_reads_nothing_and_cannot_end_the_batch() -> None:
    stdout, stderr = run(("cat", 5), ("exit 3", 5), ("kill -9 $$", 5), ("syntax (", 5), ("date", 5))
    found = answers(stdout, stderr, 5)
    assert [found[index].exit_status for index in range(5)] == [0, 3, 137, 2, 0]
    assert found[0].stdout == b""


def test_commands_speak_the_posix_locale_and_find_what_lies_in_sbin() -> None:
    stdout, stderr = run(('echo "$LC_ALL $PATH"', 5))
    language, path = answers(stdout, stderr, 1)[0].stdout.decode().split()
    assert language == "C"
    assert {"/usr/sbin", "/sbin"} <= set(path.split(":"))


def test_output_that_breaks_off_gives_no_wrong_answer() -> None:
    commands = [(b"one\n", b"warning\n", 0), (b"", b"", 1), (b"three", b"\n%s end 2\n" % OTHER, 7)]
    stdout, stderr = run(*((says(*command), 5) for command in commands))
    assert len(answers(stdout, stderr, 3)) == len(commands)
    cut = [(stdout[:end], stderr) for end in range(len(stdout))]
    cut += [(stdout, stderr[:end]) for end in range(len(stderr))]
    finished = {
        (index, *said(answer))
        for pair in cut
        for index, answer in split(*pair, NONCE, 3, broken=True).items()
        if answer.exit_status is not None or answer.ended is not None
    }
    assert finished == {(0, *commands[0]), (1, *commands[1])}
    for pair in cut:  # nothing of a batch that ran to its end can be missing
        with pytest.raises(Disordered):
            answers(*pair, 3)


def test_half_the_questions_are_none() -> None:
    text = compose([("echo one", 5), ("echo 'zw\u00f6lf'", 5)], NONCE)
    whole = given_to_read(text)
    assert answers(whole.stdout, whole.stderr, 2)[1].stdout.decode() == "zw\u00f6lf\n"
    begun = [text[:end] for end in range(0, len(text), 7)]
    for other in [
        *begun,
        text[1:],
        text[:-1],
        text + b"\ntrue",
        b"\n" + text,
        text[:99] + text[98:],
    ]:
        done = given_to_read(other)
        assert (done.returncode, done.stdout, done.stderr) == (MISREAD, b"", b"")


@pytest.mark.parametrize("shell", ["dash", "bash", "zsh", "fish", "tcsh"])
def test_a_shell_that_reads_the_questions_as_its_own_asks_none_of_them(
    shell: str, tmp_path: Path
) -> None:
    """As where .bashrc goes on into another shell."""
    text = compose([(f"touch {tmp_path}/asked", 5)], NONCE)
    done = subprocess.run([shell], input=text, capture_output=True, timeout=20, check=False)
    assert (done.returncode != 0, done.stdout) == (True, b"")
    assert not (tmp_path / "asked").exists()


def test_nobody_else_is_shown_the_nonce_nor_a_question_before_its_turn(tmp_path: Path) -> None:
    """Whatever the process list shows anybody, of every process, as often as it can be read."""
    asked = [(f"sleep 0.{n} # question {n}", 5.0) for n in (3, 4)]
    text = compose([*asked, (f"touch {tmp_path}/ended", 5)], NONCE)
    seen = set()
    with subprocess.Popen(
        ["sh", "-c", COMMAND], stdin=-1, stdout=-3, stderr=-3, start_new_session=True
    ) as batch:
        assert batch.stdin
        batch.stdin.write(text)
        batch.stdin.close()
        end = time.monotonic() + 20
        while batch.poll() is None and time.monotonic() < end:
            for file in (
                f for name in ("cmdline", "environ") for f in Path("/proc").glob(f"[0-9]*/{name}")
            ):
                try:
                    if (
                        int((file.parent / "stat").read_text().rpartition(")")[2].split()[3])
                        == batch.pid
                    ):
                        seen.add((file.name, file.read_bytes()))
                except OSError:
                    continue
    assert (tmp_path / "ended").exists()
    shown = [content for _, content in seen]
    assert any(b"sleep" in content for content in shown), "nothing of it was seen"
    assert not any(NONCE.encode() in content for content in shown)
    for name, content in seen:
        assert sum(command.encode() in content for command, _ in asked) <= (name == "cmdline")


FORGED = [
    ("begin", b""), ("end", b" 1.0 0"), ("begin", b" 1.0"), ("end", b" 1.0"), ("end", b""),
]  # fmt: skip


def marks(stream: bytes) -> list[tuple[int, int]]:
    """Where the markers of a stream stand."""
    return [match.span() for match in re.finditer(rb"\n%s [^\n]*\n" % NONCE.encode(), stream)]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.data())
def test_whoever_knows_the_nonce_and_answers_is_found_out(data: st.DataObject) -> None:
    """Markers more, fewer, twice or in another order, on either stream, in any command's output."""
    streams = list(STREAMS)
    which = data.draw(st.integers(0, 1))
    stream, found = streams[which], marks(streams[which])
    kind = data.draw(st.sampled_from(["put", "put within a line", "take", "swap", "repeat"]))
    one, two = data.draw(
        st.lists(st.sampled_from(found), min_size=2, max_size=2, unique=True).map(sorted)
    )
    if kind.startswith("put"):
        word, rest = data.draw(st.sampled_from(FORGED))
        mark = b"%s %s %d%s\n" % (NONCE.encode(), word.encode(), data.draw(st.integers(0, 4)), rest)
        at = data.draw(st.integers(found[0][1], len(stream)))
        stream = stream[:at] + (b"\n" if kind == "put" else b"") + mark + stream[at:]
    elif kind == "take":
        stream = stream[: one[0]] + stream[one[1] :]
    elif kind == "swap":
        mark, other = stream[slice(*one)], stream[slice(*two)]
        stream = stream[: one[0]] + other + stream[one[1] : two[0]] + mark + stream[two[1] :]
    else:
        stream = stream[: one[1]] + stream[one[0] :]
    streams[which] = stream
    for broken in (False, True):
        with pytest.raises(Disordered):
            split(streams[0], streams[1], NONCE, 3, broken=broken)


STREAMS = (
    b"Welcome\n"
    b"\n%(n)s begin 0 1.000000001\nout\n\n%(n)s end 0 1.5 0\n"
    b"\n%(n)s begin 1 1.5\n\n%(n)s end 1 1.7 124\n"
    b"\n%(n)s begin 2 1.7\nno line break\n%(n)s end 2 1.9 1\n" % {b"n": NONCE.encode()},
    b"\n%(n)s begin 0\n\n%(n)s end 0\n"
    b"\n%(n)s begin 1\nerr\n\n%(n)s end 1\n"
    b"\n%(n)s begin 2\n\n%(n)s end 2\n" % {b"n": NONCE.encode()},
)


def test_the_streams_that_are_tampered_with_are_sound() -> None:
    assert [answer.stdout for answer in answers(*STREAMS, 3).values()] == [
        b"out\n", b"", b"no line break",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "mark",
    [
        b"end 2 1.2.3 1", b"end 2 1.9 " + b"9" * 5000, b"end 2 " + b"9" * 5000 + b".0 1",
        b"end 2 1.9 -1", b"end 2 1.9", b"end 2", b"end", b"", b"end 2 inf 1", b"end 2 1.9 1 1",
        b"end 2 1.9 1\r", b"end 02 1.9 1", b"END 2 1.9 1", b"end 2  1.9 1", b"end 2 1.9 1\0",
        "end \u0662 1.9 1".encode(), b"end " + b"2" * 5000 + b" 1.9 1",
    ],
    ids=lambda mark: mark.decode()[:16],
)  # fmt: skip
def test_a_mark_that_the_script_never_writes_is_not_read(mark: bytes) -> None:
    stdout = STREAMS[0].replace(b"end 2 1.9 1", mark)
    for broken in (False, True):
        with pytest.raises(Disordered):
            split(stdout, STREAMS[1], NONCE, 3, broken=broken)


def test_nothing_stands_between_two_commands() -> None:
    for at in (stop for _, stop in marks(STREAMS[0])[1::2]):
        stdout = STREAMS[0][:at] + b"late\n" + STREAMS[0][at:]
        with pytest.raises(Disordered, match="expected nothing after `end"):
            answers(stdout, STREAMS[1], 3)


@pytest.mark.parametrize("shell", ["bash", "dash", "busybox sh"])
def test_commands_end_where_there_is_no_timeout_and_no_fraction_of_a_second(
    shell: str, tmp_path: Path
) -> None:
    for folder in ("/usr/bin", "/bin"):
        for program in Path(folder).iterdir():
            if program.name not in ("timeout", "date") and not (tmp_path / program.name).exists():
                (tmp_path / program.name).symlink_to(program)
    (tmp_path / "date").write_text("#!/bin/sh\nexec /bin/date $(echo $* | sed s/%N/%%N/)\n")
    (tmp_path / "date").chmod(0o755)
    asked = [("echo before; sleep 3; echo after", 0.3), ("trap '' TERM; sleep 2.5", 0.3)]
    text = compose([*asked, ("echo next; echo more >&2; exit 3", 5)], NONCE)
    done = subprocess.run(
        [*shell.split(), "-c", text.decode().partition(";")[2]],
        capture_output=True,
        env={"PATH": str(tmp_path)},
        timeout=20,
        check=True,
    )
    hanging, deaf, following = answers(done.stdout, done.stderr, 3).values()
    assert (hanging.timed_out, deaf.timed_out) == (True, True)
    assert hanging.stdout == b"before\n"
    assert said(following) == (b"next\n", b"more\n", 3)
    assert following.in_whole_seconds
