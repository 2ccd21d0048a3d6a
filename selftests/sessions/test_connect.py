"""Every way in which a host can fail to be reached, told apart and named."""

import os
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest

from fleetmesh.sessions import (
    HostKeyMismatch,
    HostKeyUnknown,
    LoginRefused,
    Target,
    Unreachable,
    connect,
    connect_all,
)
from fleetmesh.sessions.host_keys import HostKey
from fleetmesh.sessions.userauth import Userauth

from .conftest import USER, Sshd, key_line, keygen

StartSshd = Callable[..., Sshd]
TargetFor = Callable[..., Target]


def fingerprint(file: Path) -> str:
    return HostKey.from_line(key_line(file)).fingerprint


def cause(target: Target, kind: type[Unreachable] = Unreachable) -> str:
    began = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        connect(target).close()
    assert time.monotonic() - began < target.connect_deadline + 1
    assert type(caught.value) is kind
    assert caught.value.host == target.name
    return caught.value.cause


@contextmanager
def listening(*, greeting: bytes = b"", accept: bool = True) -> Iterator[int]:
    """A port where something else than sshd is."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        done = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            connection.sendall(greeting)
            done.wait(10)
            connection.close()

        filling = []
        if accept:
            thread = threading.Thread(target=serve)
            thread.start()
        else:  # a full backlog: the kernel drops every further SYN
            for _ in range(4):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
                filling.append(filler)
            time.sleep(0.05)
        try:
            yield listener.getsockname()[1]
        finally:
            done.set()
            if accept:
                thread.join()
            for filler in filling:
                filler.close()


def test_what_answered_is_known(session_target: Target, sshd: Sshd) -> None:
    session = connect(session_target)
    try:
        identity = session.identity
        assert identity.address == f"127.0.0.1:{sshd.port}"
        assert identity.user == USER
        assert identity.host_key == key_line(sshd.host_key)
        assert identity.fingerprint == fingerprint(sshd.host_key)
        assert identity.host_key_type == "ssh-ed25519"
        assert (identity.server or "").startswith("SSH-2.0-OpenSSH")
        assert identity.login == f"publickey {sshd.user_key} ({fingerprint(sshd.user_key)})"
    finally:
        session.close()


@pytest.fixture
def session_target(sshd: Sshd, target_for: TargetFor) -> Target:
    return target_for(sshd)


def test_a_refused_connection(session_target: Target) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    target = replace(session_target, port=port)
    assert cause(target) == f"coulombcore refused the connection on 127.0.0.1:{port}"


def test_a_host_that_answers_nothing(session_target: Target) -> None:
    with listening(accept=False) as port:
        target = replace(session_target, port=port, connect_deadline=0.6)
        assert cause(target) == f"no answer from coulombcore on 127.0.0.1:{port} within 0.6 s"


def test_a_host_that_accepts_and_stays_silent(session_target: Target) -> None:
    with listening() as port:
        target = replace(session_target, port=port, connect_deadline=0.6)
        assert cause(target) == (
            f"coulombcore accepted the connection on 127.0.0.1:{port} "
            "but did not greet as an SSH server within 0.6 s"
        )


FAREWELLS = {
    "long": ("x" * 30_000, "x" * 299 + "…"),
    "escapes": ("\x1b]0;owned\x07\x9b2J\u202e", "⟨ESC⟩]0;owned⟨BEL⟩⟨U+009B⟩2J⟨U+202E⟩"),
    "lines": ("two\nlines\r\n", "two lines"),
}


@pytest.mark.parametrize(("said", "told"), FAREWELLS.values(), ids=FAREWELLS)
def test_what_a_host_says_as_it_goes_is_one_sentence(
    session_target: Target, said: str, told: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def leave() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                words = said.encode()
                payload = struct.pack(">BII", 1, 2, len(words)) + words + bytes(4)  # RFC 4253, 11.1
                padding = 16 - (len(payload) + 5) % 8
                head = struct.pack(">IB", len(payload) + padding + 1, padding)
                connection.sendall(b"SSH-2.0-x\r\n" + head + payload + bytes(padding))
                while connection.recv(65536):
                    pass

        thread = threading.Thread(target=leave)
        thread.start()
        port = listener.getsockname()[1]
        found = cause(replace(session_target, port=port))
        thread.join()
    assert found == f"coulombcore ended the connection on 127.0.0.1:{port}: {told}"


def test_a_host_that_never_ends_its_greeting(session_target: Target) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                for _line in range(40):
                    connection.sendall(b"wait a little\r\n")
                    time.sleep(0.1)

        thread = threading.Thread(target=drip)
        thread.start()
        port = listener.getsockname()[1]
        told = cause(replace(session_target, port=port, connect_deadline=0.6))
        thread.join()
    assert "did not greet as an SSH server within 0.6 s" in told


def test_a_host_that_stalls_in_the_key_exchange(session_target: Target) -> None:
    with listening(greeting=b"SSH-2.0-Stalled\r\n") as port:
        target = replace(session_target, port=port, connect_deadline=0.6)
        assert "did not finish the key exchange within 0.6 s" in cause(target)


def test_a_host_that_stalls_in_the_login(start_sshd: StartSshd, target_for: TargetFor) -> None:
    sshd = start_sshd("AuthorizedKeysCommand /bin/sleep 3", f"AuthorizedKeysCommandUser {USER}")
    (sshd.folder / "authorized_keys").write_text("")
    told = cause(target_for(sshd, connect_deadline=1.0))
    assert told == "coulombcore did not answer the login within 1 s"


def test_something_that_is_no_sshd(session_target: Target) -> None:
    with listening(greeting=b"HTTP/1.1 400 Bad Request\r\n" * 100) as port:
        told = cause(replace(session_target, port=port))
    assert f"what listens on 127.0.0.1:{port} does not speak SSH" in told


def test_a_host_that_closes_at_once(session_target: Target) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            listener.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        told = cause(replace(session_target, port=listener.getsockname()[1]))
        thread.join()
    assert "before it greeted as an SSH server" in told


def test_a_host_that_closes_in_the_key_exchange_leaves_no_timer(session_target: Target) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet_and_hang_up() -> None:
            with listener.accept()[0] as connection:
                connection.sendall(b"SSH-2.0-Short\r\n")
                connection.recv(4096)

        thread = threading.Thread(target=greet_and_hang_up)
        thread.start()
        port = listener.getsockname()[1]
        told = cause(replace(session_target, port=port, connect_deadline=30))
        thread.join()
    assert "broke off the key exchange" in told


def test_a_name_that_does_not_resolve(session_target: Target) -> None:
    assert session_target.ssh_config
    session_target.ssh_config.write_text("HostName nowhere.invalid\n")
    assert "the name nowhere.invalid does not resolve" in cause(session_target)


def test_name_servers_that_do_not_answer(
    session_target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*_: object, **__: object) -> list[object]:
        time.sleep(1.2)
        return []

    monkeypatch.setattr("fleetmesh.sessions.tcp.socket.getaddrinfo", hang)
    told = cause(replace(session_target, connect_deadline=0.5))
    assert told == "coulombcore: no name server told the address of 127.0.0.1 within 0.5 s"


def test_a_changed_host_key(session_target: Target, sshd: Sshd, tmp_path: Path) -> None:
    other = keygen(tmp_path / "other")
    target = replace(session_target, host_keys=(key_line(other),))
    assert cause(target, HostKeyMismatch) == (
        f"coulombcore's host key changed: pinned ssh-ed25519 {fingerprint(other)} (the inventory), "
        f"offered ssh-ed25519 {fingerprint(sshd.host_key)}"
    )
    assert "Accepted" not in sshd.log


def test_the_inventory_s_pin_wins_over_known_hosts(
    session_target: Target, sshd: Sshd, tmp_path: Path
) -> None:
    (tmp_path / "known_hosts").write_text("")
    connect(replace(session_target, host_keys=(key_line(sshd.host_key),))).close()


def test_an_unknown_host(session_target: Target, sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("")
    told = cause(session_target, HostKeyUnknown)
    assert "coulombcore's host key is not pinned" in told
    assert fingerprint(sshd.host_key) in told
    assert (tmp_path / "known_hosts").read_text() == ""
    assert "Accepted" not in sshd.log


def test_a_revoked_host_key(session_target: Target, sshd: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(known.read_text() + f"@revoked * {key_line(sshd.host_key)}\n")
    assert "offered a host key that is revoked" in cause(session_target, HostKeyMismatch)
    pinned = replace(session_target, host_keys=(key_line(sshd.host_key),))
    assert "offered a host key that is revoked" in cause(pinned, HostKeyMismatch)


def test_a_host_known_only_by_its_authority(
    session_target: Target, sshd: Sshd, tmp_path: Path
) -> None:
    (tmp_path / "known_hosts").write_text(f"@cert-authority * {key_line(sshd.host_key)}\n")
    assert "certificate authority" in cause(session_target, HostKeyUnknown)


def test_a_host_with_several_keys_shows_the_pinned_one(
    start_sshd: StartSshd, target_for: TargetFor, tmp_path: Path
) -> None:
    rsa = keygen(tmp_path / "rsa", "-b", "2048", kind="rsa")
    ecdsa = keygen(tmp_path / "ecdsa", kind="ecdsa")
    sshd = start_sshd(f"HostKey {rsa}", f"HostKey {ecdsa}")
    target = target_for(sshd)
    for file in (rsa, ecdsa, sshd.host_key):
        session = connect(replace(target, host_keys=(key_line(file),)))
        session.close()
        assert session.identity.host_key == key_line(file)


def test_a_pinned_type_that_the_host_no_longer_has(session_target: Target, tmp_path: Path) -> None:
    ecdsa = keygen(tmp_path / "ecdsa", kind="ecdsa")
    told = cause(replace(session_target, host_keys=(key_line(ecdsa),)), HostKeyMismatch)
    assert f"pinned ecdsa-sha2-nistp256 {fingerprint(ecdsa)}" in told


def test_a_key_that_is_not_accepted(session_target: Target, sshd: Sshd) -> None:
    (sshd.folder / "authorized_keys").write_text("")
    told = cause(session_target, LoginRefused)
    assert told == (
        f"coulombcore did not accept any of the keys for {USER}; "
        f"offered: {sshd.user_key} ({fingerprint(sshd.user_key)})"
    )


def test_an_encrypted_key_is_left_out_with_its_reason(session_target: Target, sshd: Sshd) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(sshd.user_key)], check=True
    )
    told = cause(session_target, LoginRefused)
    assert "coulombcore has no key to log in with" in told
    assert f"{sshd.user_key} (is encrypted, and no agent holds it; ssh-add it)" in told


@pytest.mark.parametrize("content", ["", "no key at all\n"])
def test_a_broken_key_file_is_left_out(session_target: Target, sshd: Sshd, content: str) -> None:
    sshd.user_key.write_text(content)
    assert f"left out: {sshd.user_key} (" in cause(session_target, LoginRefused)


def test_a_missing_key_file_is_named(session_target: Target, sshd: Sshd) -> None:
    sshd.user_key.unlink()
    assert f"{sshd.user_key} (no such file)" in cause(session_target, LoginRefused)


def test_a_host_that_wants_another_method(start_sshd: StartSshd, target_for: TargetFor) -> None:
    sshd = start_sshd("PubkeyAuthentication no", "PasswordAuthentication yes")
    told = cause(target_for(sshd), LoginRefused)
    assert told == "coulombcore accepts no keys, only password"


def test_a_host_that_wants_more_than_a_key(start_sshd: StartSshd, target_for: TargetFor) -> None:
    sshd = start_sshd("AuthenticationMethods publickey,password", "PasswordAuthentication yes")
    assert "wants another proof besides" in cause(target_for(sshd), LoginRefused)


def test_a_deadline_bounds_a_stopped_sshd(session_target: Target, sshd: Sshd) -> None:
    os.kill(sshd.process.pid, signal.SIGSTOP)
    told = cause(replace(session_target, connect_deadline=0.6))
    assert "did not greet as an SSH server within 0.6 s" in told


def test_all_hosts_are_tried_at_once_and_one_failure_leaves_the_others(
    session_target: Target,
) -> None:
    with listening() as silent, listening() as mute:
        targets = [
            session_target,
            replace(session_target, name="railiance01", port=silent, connect_deadline=0.8),
            replace(session_target, name="workstation", port=mute, connect_deadline=0.8),
        ]
        began = time.monotonic()
        reached = connect_all(targets)
        assert time.monotonic() - began < 1.4
    assert list(reached) == ["coulombcore", "railiance01", "workstation"]
    good = reached["coulombcore"]
    assert not isinstance(good, Unreachable)
    assert good.run("true", deadline=5).exit_status == 0
    good.close()
    for name in ("railiance01", "workstation"):
        failed = reached[name]
        assert isinstance(failed, Unreachable)
        assert failed.cause.startswith(name)


def test_what_a_host_says_before_it_greets_is_quoted(session_target: Target) -> None:
    """As sshd does to an address that has tried too often (PerSourcePenalties)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def turn_away() -> None:
            with listener.accept()[0] as connection:
                connection.sendall(b"Not allowed at this time\r\n")

        thread = threading.Thread(target=turn_away)
        thread.start()
        told = cause(replace(session_target, port=listener.getsockname()[1]))
        thread.join()
    assert told.endswith("before it greeted as an SSH server; it says: Not allowed at this time")


@pytest.mark.parametrize(
    ("keys", "reached", "requests"),
    [
        (["right"], True, ["publickey"]),
        (["wrong"], False, ["publickey", "none", "publickey"]),  # and then as with several
        (["wrong", "right"], True, ["none", *["publickey"] * 3]),  # a probe each, and a signature
        (["rsa"], True, ["none", "publickey", "publickey"]),  # how to sign is for the host to tell
    ],
)
def test_the_only_key_signs_at_once(
    sshd: Sshd, target_for: TargetFor, monkeypatch: pytest.MonkeyPatch,
    keys: list[str], reached: bool, requests: list[str],
) -> None:  # fmt: skip
    made: list[str] = []
    request = Userauth._request

    def noted(self: Userauth, method: str) -> paramiko.Message:
        made.append(method)
        return request(self, method)

    monkeypatch.setattr(Userauth, "_request", noted)
    right = sshd.folder / "right"
    sshd.user_key.rename(right)
    files = {"right": right, "wrong": keygen(sshd.folder / "wrong")}
    files["rsa"] = keygen(sshd.folder / "rsa", "-b", "2048", kind="rsa")
    with (sshd.folder / "authorized_keys").open("a") as authorized:
        authorized.write(f"{key_line(files['rsa'])}\n")
    target = target_for(sshd, *(f"IdentityFile {files[key]}" for key in keys))
    if reached:
        connect(target).close()
    else:
        said = cause(target, LoginRefused)
        assert said.count(str(files["wrong"])) == 1, said
    assert made == requests
