"""Commands: whatever a command or its host does, there is one bounded, honest outcome."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paramiko
import pytest
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from fleetmesh.sessions import Session, Target, connect
from fleetmesh.sessions.algorithms import choose
from fleetmesh.sessions.target import Deadline
from fleetmesh.sessions.transport import Transport
from fleetmesh.sessions.turns import Turns
from fleetmesh.text.ssh_settings import SshSettings

from .conftest import Sshd, alive, key_line

StartSshd = Callable[..., Sshd]
TargetFor = Callable[..., Target]
MB = 10**6


# A moment before, so that what was printed has left the host.
TOUCH = "sleep 0.1; touch"


def wait_for(file: Path) -> None:
    end = time.monotonic() + 5
    while not file.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def once(running: Path, action: Callable[[], None]) -> None:
    """Do `action` as soon as the command has written the file `running`."""

    def wait() -> None:
        wait_for(running)
        action()

    threading.Thread(target=wait).start()


def test_a_command_returns_both_streams_and_its_status(either: Session) -> None:
    completed = either.run("echo out; echo err >&2; exit 3", deadline=5)
    assert completed.lost is None
    assert (completed.exit_status, completed.stdout, completed.stderr) == (3, b"out\n", b"err\n")
    assert completed.command == "echo out; echo err >&2; exit 3"
    assert not completed.truncated
    assert either.channels == 1


def test_when_and_how_long_is_recorded(either: Session) -> None:
    before = datetime.now(UTC)
    completed = either.run("sleep 0.3", deadline=5)
    assert before <= completed.started <= before + timedelta(seconds=1)
    assert completed.started.utcoffset() == timedelta(0)
    assert 0.3 <= completed.seconds < 1


def test_a_command_is_a_shell_s_in_the_home_directory(either: Session) -> None:
    completed = either.run('cd ~ && pwd; cd - ; echo "$0" | grep -c sh', deadline=5)
    home, here, shell = completed.stdout.decode().split()
    assert (home, shell) == (here, "1")


def test_output_that_is_no_text_is_untouched(either: Session) -> None:
    assert either.run("printf '\\000\\377\\r\\n'", deadline=5).stdout == b"\x00\xff\r\n"


def test_20_MB_on_each_stream_do_not_block_one_another(either: Session) -> None:
    command = (
        "head -c 20000000 /dev/zero & head -c 20000000 /dev/zero >&2 & wait; head -c 3 /dev/zero"
    )
    completed = either.run(command, deadline=20, limit=50 * MB)
    assert completed.lost is None
    assert (len(completed.stdout), len(completed.stderr)) == (20 * MB + 3, 20 * MB)


def test_output_over_the_limit_is_cut_and_the_command_ended(
    either: Session, tmp_path: Path
) -> None:
    command = f"echo $$ > {tmp_path}/pid; exec cat /dev/zero"
    completed = either.run(command, deadline=10, limit=100_000)
    assert completed.lost == "the command printed more than 100000 bytes"
    assert completed.truncated
    assert completed.exit_status is None
    assert len(completed.stdout) == 100_000
    assert completed.seconds < 5
    time.sleep(0.2)
    assert not alive(tmp_path / "pid")


def test_output_of_exactly_the_limit_is_whole(either: Session) -> None:
    completed = either.run("printf 1234; printf 5678 >&2", deadline=5, limit=8)
    assert (completed.lost, completed.truncated) == (None, False)
    completed = either.run("printf 1234; printf 56789 >&2", deadline=5, limit=8)
    assert completed.truncated
    assert len(completed.stdout + completed.stderr) == 8


def test_a_command_that_exceeds_its_deadline_is_ended(
    either: Session, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    command = f"echo $$ > {tmp_path}/pid; echo partial; exec sleep 30"
    completed = either.run(command, deadline=0.6)
    assert completed.lost == "the command did not finish within 0.6 s"
    assert completed.exit_status is None
    assert completed.stdout == b"partial\n"
    assert completed.seconds < 1.2
    time.sleep(0.2)
    if either.target.transport == "ssh" and os.geteuid() == 0:
        # For root's own sessions sshd takes no signals; it says so when it is sent one.
        assert (
            "session_signal_req: session signalling" in request.getfixturevalue("_common_sshd").log
        )
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    else:
        assert not alive(tmp_path / "pid")
    assert either.run("echo next", deadline=5).stdout == b"next\n"


def test_a_session_that_is_closed_ends_what_runs_on_it(either: Session) -> None:
    with ThreadPoolExecutor() as pool:
        running = pool.submit(either.run, "sleep 300", deadline=300)
        time.sleep(0.5)
        either.close()
        assert running.result(60).lost


def test_the_end_of_a_local_command_is_the_end_of_its_children(tmp_path: Path) -> None:
    local = connect(Target("workstation", "workstation", transport="local"))
    completed = local.run(f"sleep 30 & echo $! > {tmp_path}/pid; wait", deadline=0.4)
    assert completed.lost
    time.sleep(0.1)
    assert not alive(tmp_path / "pid")


def test_a_background_child_that_keeps_the_output_open_is_not_waited_for(either: Session) -> None:
    completed = either.run("sleep 2 & echo done", deadline=0.5)
    assert completed.lost == "the command did not finish within 0.5 s"
    assert completed.stdout == b"done\n"
    assert completed.seconds < 1


def test_a_command_ended_by_a_signal_has_no_status(either: Session) -> None:
    completed = either.run("echo before; kill -KILL $$", deadline=5)
    assert completed.lost == "the command was ended by SIGKILL"
    assert (completed.exit_status, completed.stdout) == (None, b"before\n")


def test_input_is_fed_while_output_is_drained(either: Session) -> None:
    given = os.urandom(5 * MB)
    completed = either.run("cat", deadline=10, stdin=given)
    assert completed.stdout == given


def test_the_end_of_the_input_follows_its_last_byte(either: Session) -> None:
    """Also where the command says nothing before it has read all."""
    completed = either.run('s=$(cat); echo "$s"', deadline=30, stdin=b"all")
    assert (completed.lost, completed.stdout) == (None, b"all\n")
    assert completed.seconds < 10


def test_without_input_a_command_reads_the_end_of_it(either: Session) -> None:
    assert either.run("cat; echo end", deadline=2).stdout == b"end\n"


def test_input_that_nobody_reads_does_not_hang(either: Session) -> None:
    assert either.run("exec true", deadline=5, stdin=b"x" * 5 * MB).exit_status == 0
    completed = either.run("sleep 10", deadline=0.5, stdin=b"x" * 5 * MB)
    assert completed.lost == "the command did not finish within 0.5 s"


def test_several_threads_share_a_session(either: Session) -> None:
    def run(number: int) -> bytes:
        return either.run(f"sleep 0.2; echo {number}", deadline=10).stdout

    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, range(8))) == [f"{n}\n".encode() for n in range(8)]
    assert time.monotonic() - began < 1.4
    assert either.channels == 8


def test_a_closed_session_runs_nothing(either: Session) -> None:
    either.close()
    either.close()
    completed = either.run("echo never", deadline=5)
    assert completed.lost == f"the session with {either.target.name} is closed"
    assert completed.stdout == b""


def test_local_commands_have_a_process_group_of_their_own() -> None:
    local = connect(Target("workstation", "workstation", transport="local"))
    group = int(local.run("ps -o pgid= -p $$", deadline=5).stdout)
    assert group != os.getpgrp()
    assert local.identity.address == "local"
    assert local.identity.host_key_type is None


def test_more_channels_than_the_host_allows(
    start_sshd: StartSshd, target_for: TargetFor, tmp_path: Path
) -> None:
    session = connect(target_for(start_sshd("MaxSessions 1")))
    try:
        with ThreadPoolExecutor(4) as pool:
            running = tmp_path / "running"
            command = f"touch {running}; sleep 1; echo first"
            first = pool.submit(session.run, command, deadline=5)
            wait_for(running)
            others = [pool.submit(session.run, f"echo {n}", deadline=5) for n in range(3)]
            assert first.result().stdout == b"first\n"
        assert [each.result().stdout for each in others] == [b"0\n", b"1\n", b"2\n"]
        session.prepare("cat")
        assert session.run("cat", stdin=b"prepared", deadline=5).stdout == b"prepared"
    finally:
        session.close()


def test_what_is_being_prepared_is_waited_for(
    start_sshd: StartSshd, target_for: TargetFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the only channel that there may be, and nobody else would ever end it."""
    session = connect(target_for(start_sshd("MaxSessions 1")))
    opened, opens = threading.Event(), Turns.open

    def slowly(turns: Turns, seconds: float) -> tuple[paramiko.Channel, Deadline]:
        found = opens(turns, seconds)
        opened.set()
        time.sleep(0.5)
        return found

    monkeypatch.setattr(Turns, "open", slowly)
    try:
        with ThreadPoolExecutor() as pool:
            pool.submit(session.prepare, "cat")
            opened.wait(5)
            assert session.run("cat", stdin=b"prepared", deadline=2).stdout == b"prepared"
    finally:
        session.close()


def test_a_host_that_allows_no_command(start_sshd: StartSshd, target_for: TargetFor) -> None:
    session = connect(target_for(start_sshd("MaxSessions 0")))
    try:
        session.prepare("true")
        with ThreadPoolExecutor(3) as pool:
            done = [pool.submit(session.run, "true", deadline=5) for _ in range(3)]
        assert {each.result().lost for each in done} == {
            "coulombcore opened no channel for the command: connect failed: open failed"
        }
    finally:
        session.close()


def test_a_connection_that_drops_in_the_middle(frail: Session, sshd: Sshd, tmp_path: Path) -> None:
    once(tmp_path / "running", lambda: sshd.send(signal.SIGKILL))
    completed = frail.run(f"echo partial; {TOUCH} {tmp_path}/running; exec sleep 5", deadline=5)
    assert completed.lost == (
        "the connection to coulombcore was lost during the command (connection closed)"
    )
    assert (completed.exit_status, completed.stdout) == (None, b"partial\n")
    assert completed.seconds < 2
    again = frail.run("echo again", deadline=5)
    assert again.lost == completed.lost
    assert again.seconds < 0.2


def test_a_host_that_stops_answering_is_told_from_a_slow_command(
    frail: Session, sshd: Sshd, tmp_path: Path
) -> None:
    once(tmp_path / "running", lambda: sshd.send(signal.SIGSTOP))
    completed = frail.run(f"echo partial; {TOUCH} {tmp_path}/running; exec sleep 5", deadline=1)
    assert completed.lost == "coulombcore stopped answering; the command had 1 s"
    assert completed.stdout == b"partial\n"
    assert completed.seconds < 1.5
    assert frail.run("true", deadline=5).seconds < 0.2


def test_a_host_that_answers_no_channel_open(frail: Session, sshd: Sshd) -> None:
    sshd.send(signal.SIGSTOP)
    completed = frail.run("true", deadline=0.6)
    assert completed.lost
    assert "no answer within 0.6 s" in completed.lost
    assert completed.seconds < 1.2
    assert frail.run("true", deadline=5).seconds < 0.2


class NeverStarts(paramiko.ServerInterface):
    """Opens a channel, and has no answer to what shall run on it."""

    def __init__(self) -> None:
        self.done = threading.Event()

    def get_allowed_auths(self, _: str) -> str:
        return "publickey"

    def check_auth_publickey(self, *_: object) -> int:
        return AUTH_SUCCESSFUL

    def check_channel_request(self, *_: object) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, *_: object) -> bool:
        self.done.wait(10)
        return False


def test_a_host_that_never_starts_the_command(sshd: Sshd, target_for: TargetFor) -> None:
    server = NeverStarts()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = replace(target_for(sshd), port=listener.getsockname()[1])
        pin = replace(target, host_keys=(key_line(sshd.host_key),))

        def serve() -> None:
            connection, _ = listener.accept()
            transport = paramiko.Transport(connection)
            transport.add_server_key(paramiko.Ed25519Key(filename=str(sshd.host_key)))
            transport.start_server(server=server)
            server.done.wait(10)
            transport.close()
            transport.join(5)

        thread = threading.Thread(target=serve)
        thread.start()
        session = connect(pin)
        completed = session.run("true", deadline=0.6)
        session.close()
        server.done.set()
        thread.join()
    assert completed.lost == "coulombcore stopped answering; the command had 0.6 s"
    assert completed.seconds < 2


def test_a_host_that_takes_no_more_input(frail: Session, sshd: Sshd, tmp_path: Path) -> None:
    once(tmp_path / "running", lambda: sshd.send(signal.SIGSTOP))
    completed = frail.run(
        f"{TOUCH} {tmp_path}/running; cat > /dev/null", deadline=1, stdin=b"x" * 60 * MB
    )
    assert completed.lost == "coulombcore stopped answering; the command had 1 s"
    assert completed.seconds < 2


def test_a_host_that_stops_answers_no_close_either(frail: Session, sshd: Sshd) -> None:
    sshd.send(signal.SIGSTOP)
    began = time.monotonic()
    frail.close()
    assert time.monotonic() - began < 1.5


def test_a_dropped_jump_host_ends_what_went_through_it(
    start_sshd: StartSshd, target_for: TargetFor, tmp_path: Path
) -> None:
    bastion, inner = start_sshd(name="bastion"), start_sshd(name="inner")
    target_for(bastion, name="bastion")
    target = target_for(inner, "ProxyJump bastion", host_keys=(key_line(inner.host_key),))
    session = connect(target)
    try:
        once(tmp_path / "running", lambda: bastion.send(signal.SIGSTOP))
        completed = session.run(
            f"echo partial; {TOUCH} {tmp_path}/running; exec sleep 5", deadline=1
        )
        assert completed.lost == "coulombcore stopped answering; the command had 1 s"
    finally:
        session.close()


class Gone:
    """The channel of a jump host whose connection is lost: even closing it fails."""

    _closed = False

    def settimeout(self, seconds: float) -> None:
        """As a socket has it."""

    def send(self, data: bytes) -> int:
        return len(data)

    def recv(self, _: int) -> bytes:
        return b""

    def close(self) -> None:
        raise EOFError


def test_a_jump_host_that_is_gone_does_not_keep_us_waiting() -> None:
    transport, done = Transport(Gone(), choose(SshSettings({}))), threading.Event()
    transport.start_client(event=done)
    assert done.wait(2)
    transport.close()


def test_a_command_is_never_run_twice(frail: Session, sshd: Sshd, tmp_path: Path) -> None:
    once(tmp_path / "running", lambda: sshd.send(signal.SIGKILL))
    frail.run(f"echo ran >> {tmp_path}/count; {TOUCH} {tmp_path}/running; exec sleep 3", deadline=3)
    frail.run("true", deadline=1)
    assert (tmp_path / "count").read_text() == "ran\n"


def test_a_forced_command_s_refusal_is_an_outcome(
    start_sshd: StartSshd, target_for: TargetFor
) -> None:
    sshd = start_sshd("ForceCommand echo not for you; exit 1")
    session = connect(target_for(sshd))
    completed = session.run("true", deadline=5)
    session.close()
    assert (completed.exit_status, completed.stdout) == (1, b"not for you\n")


def test_nothing_is_printed_or_logged(
    frail: Session,
    sshd: Sshd,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    target = replace(frail.target, host_keys=(key_line(sshd.user_key),))
    with suppress(Exception):
        connect(target)
    frail.run("echo x; echo y >&2", deadline=5)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
