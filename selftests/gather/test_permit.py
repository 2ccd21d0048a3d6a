"""What a verification key is allowed is what the suite asks, neither more nor less."""

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from fleetmesh.facts import FACTS
from fleetmesh.gather.batch import COMMAND, compose
from fleetmesh.gather.demands import permits
from fleetmesh.gather.permit import NONCE, Permit
from fleetmesh.inventory import load
from selftests.inventory import RUNBOOK
from selftests.processes import family

ROOT = Path(__file__).parents[2]
INVENTORY = load(RUNBOOK)
GATE = ROOT / "infra/verify/gate"
WORD = "fleetmesh-0123456789abcdef"


def test_ports_are_those_that_the_questions_open() -> None:
    every = [fact for name, fact in FACTS.items() if name != "writes"]
    found = permits([("all", every)], INVENTORY, "127.0.0.1:7443")
    assert {host: set(permit.destinations) for host, permit in found.items()} == {
        "railiance01": {"127.0.0.1:18000", "127.0.0.1:18765", "127.0.0.1:7443"},
        "coulombcore": {"10.43.170.94:8000", "10.43.103.154:8765", "127.0.0.1:7443"},
        "workstation": set(),
    }


def test_host_that_is_asked_no_service_forwards_nothing() -> None:
    line = permits([("clocks", [FACTS["clocks"]])], INVENTORY)["workstation"].authorized_keys("KEY")
    assert line == 'restrict,command="sh .config/fleetmesh/gate" KEY\n'


def test_one_command_of_two_runs_stands_once() -> None:
    permit = permits([(name, [FACTS["clocks"]]) for name in "ab"], INVENTORY)["workstation"]
    assert permit.lines.endswith("  a, b\n")
    assert permit.lines.count("\n") == 2, "the command, and its questions"


TEXT = f"exit 65 # text;\nn={WORD}; echo $n && echo 'a\n b'".encode()


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A gate that lets one text through."""
    permit = Permit()
    permit.allow(TEXT.replace(WORD.encode(), NONCE.encode()), "test")
    (tmp_path / "permitted").write_text(permit.lines)
    (tmp_path / "gate").write_text(GATE.read_text())
    return tmp_path / "gate"


def through(gate: Path, text: bytes, command: str | None = COMMAND) -> tuple[int, str]:
    asked = {} if command is None else {"SSH_ORIGINAL_COMMAND": command}
    done = subprocess.run(
        ["sh", gate], env={"PATH": "/usr/bin:/bin", "HOME": "/", **asked}, cwd="/", input=text,
        capture_output=True, timeout=10, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.decode()


def test_gate_lets_the_questions_through_and_they_are_answered(gate: Path) -> None:
    commands = [("echo one; exit 3", 5.0), ("cat", 5.0)]
    permit = Permit()
    permit.allow(compose(commands, NONCE), "test")
    gate.with_name("permitted").write_text(permit.lines)
    status, said = through(gate, compose(commands, WORD))
    assert (status, said.count(WORD)) == (0, 4)
    assert "\none\n" in said


@pytest.mark.parametrize("command", ["cat", "cat; true", "printf x; cat"])
def test_gate_refuses_another_command_with_the_same_text(gate: Path, command: str) -> None:
    assert through(gate, TEXT, command) == (126, "")


def test_gate_refuses_another_command_before_it_has_said_anything(gate: Path) -> None:
    """As scp and sftp, which wait for an answer."""
    environment = {"PATH": "/usr/bin:/bin", "SSH_ORIGINAL_COMMAND": "/usr/lib/sftp-server"}
    with subprocess.Popen(["sh", gate], env=environment, stdin=-1, stderr=-1) as run:
        assert run.wait(10) == 126


@pytest.mark.parametrize("command", [None, ""])
def test_gate_opens_no_shell(gate: Path, command: str | None) -> None:
    assert through(gate, TEXT, command) == (126, "")


def test_gate_takes_no_part_of_the_command_for_text(gate: Path) -> None:
    assert through(gate, b"", f"{COMMAND}\n{TEXT.decode()}") == (126, "")
    assert through(gate, TEXT, TEXT.decode()) == (126, "")
    assert through(gate, b"'\0" + TEXT, COMMAND[:-1]) == (126, "")


def changed() -> list[bytes]:
    word = WORD.encode()
    lines = TEXT.splitlines(keepends=True)
    return [
        b"", TEXT[:-1], lines[0], b"".join(lines[:-1]), TEXT[1:], TEXT * 2,
        TEXT + b";id", TEXT + b"\n", TEXT + b"\n\n", TEXT + b" ", TEXT + b"\0", TEXT + b"\1",
        b"\n" + TEXT, b"\0" + TEXT, TEXT.replace(b"\n", b"\0\n"), TEXT.replace(b"\n", b"\r\n"),
        TEXT.replace(b"'a", b"'a "), TEXT.replace(word, word + b"0"),
        TEXT.replace(word, word + b";id"),
        TEXT.replace(word, word.upper()), TEXT.replace(word, b"fleetmesh-$(id)89abcdef"),
        TEXT.replace(word, word[:-1]), TEXT.replace(word, word + b"\n" + word),
        TEXT + b"\n" * 2**20 + b"id", TEXT + b"#" * 2**20,
    ]  # fmt: skip


@pytest.mark.parametrize("text", changed(), ids=lambda text: repr(text[-20:]))
def test_gate_refuses_everything_else(gate: Path, text: bytes) -> None:
    assert through(gate, text) == (126, "")


@pytest.mark.parametrize("more", [b"", b"#"])
def test_gate_runs_nothing_before_the_last_byte_has_come(
    gate: Path, tmp_path: Path, more: bytes
) -> None:
    commands = [(f"touch {tmp_path}/done", 5.0)]
    permit = Permit()
    permit.allow(compose(commands, NONCE), "test")
    gate.with_name("permitted").write_text(permit.lines)
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/", "SSH_ORIGINAL_COMMAND": COMMAND}
    with subprocess.Popen(["sh", gate], env=environment, stdin=-1, stderr=-1, stdout=-1) as run:
        assert run.stdin
        run.stdin.write(compose(commands, WORD))
        run.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            run.wait(0.3)
        assert not (tmp_path / "done").exists()
        run.communicate(more, timeout=10)
    assert run.returncode == (126 if more else 0)
    assert (tmp_path / "done").exists() == (not more)


@pytest.mark.parametrize("content", [None, "", "\n", "  \n", "test\n"])
def test_gate_with_no_list_lets_nothing_through(gate: Path, content: str | None) -> None:
    permitted = gate.with_name("permitted")
    permitted.unlink() if content is None else permitted.write_text(content)
    assert through(gate, TEXT) == (126, "")


def test_gate_shows_nobody_what_it_is_given(gate: Path) -> None:
    """Neither in an argument vector nor in an environment of any of its processes."""
    commands = [("sleep 0.6", 5.0)]
    permit = Permit()
    permit.allow(compose(commands, NONCE), "test")
    gate.with_name("permitted").write_text(permit.lines)
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/", "SSH_ORIGINAL_COMMAND": COMMAND}
    shown = b""
    with subprocess.Popen(
        ["sh", gate], env=environment, stdin=-1, stdout=-1, start_new_session=True
    ) as run:
        assert run.stdin
        run.stdin.write(compose(commands, WORD))
        run.stdin.close()
        while run.poll() is None:
            for pid in family(run.pid):
                with suppress(OSError):
                    shown += Path(f"/proc/{pid}/cmdline").read_bytes()
                    shown += Path(f"/proc/{pid}/environ").read_bytes()
        assert run.stdout
        assert WORD.encode() in run.stdout.read()
    assert b"sleep 0.6" in shown, "nothing of it was seen"
    assert WORD.encode() not in shown
