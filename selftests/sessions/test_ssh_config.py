"""Each setting of ssh_config that a session honours, proven by a login that needs it."""

import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fleetmesh.sessions import (
    ConfigProblem,
    HostKeyMismatch,
    HostKeyUnknown,
    LoginRefused,
    Session,
    Target,
    Unreachable,
    connect,
)
from fleetmesh.sessions.ssh_config import SshConfigError, home, jump_host, settings
from fleetmesh.sessions.target import Deadline

from .conftest import USER, Sshd, alive, key_line, keygen

StartSshd = Callable[..., Sshd]
TargetFor = Callable[..., Target]


def who_answers(target: Target) -> Session:
    session = connect(target)
    try:
        assert session.run("echo $USER", deadline=5).stdout.decode().strip() == USER
    finally:
        session.close()
    return session


def refused(target: Target, kind: type[Unreachable]) -> str:
    with pytest.raises(kind) as caught:
        connect(target).close()
    return caught.value.cause


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Start an ssh-agent that holds the given key files; returns its socket."""
    path = tmp_path / "agent"
    process = subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(path)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    while not path.exists():
        time.sleep(0.01)

    def hold(*files: Path) -> Path:
        environment = {**os.environ, "SSH_AUTH_SOCK": str(path)}
        command = ["ssh-add", "-q", *map(str, files)]
        subprocess.run(command, env=environment, check=True, stdin=subprocess.DEVNULL)
        return path

    yield hold
    process.terminate()
    process.wait()


def without_agent_line(target: Target) -> None:
    """Take `IdentityAgent none` out again."""
    assert target.ssh_config
    text = target.ssh_config.read_text()
    target.ssh_config.write_text(re.sub(r" *IdentityAgent none\n", "", text))


def test_user_and_port_of_the_target_win(sshd: Sshd, target_for: TargetFor) -> None:
    target = target_for(sshd, "User nobody-at-all", "Port 9")
    assert "nobody-at-all" not in str(replace(target, user=USER, port=sshd.port))
    assert who_answers(replace(target, user=USER, port=sshd.port)).identity.user == USER


def test_include_with_globs_and_inside_a_host_block(
    sshd: Sshd, target_for: TargetFor, tmp_path: Path
) -> None:
    target = target_for(sshd)
    config = target.ssh_config
    assert config
    lines = config.read_text().splitlines(keepends=True)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "10-way").write_text("".join(lines[1:4]))
    (tmp_path / "parts" / "20-keys").write_text("".join(lines[4:]))
    config.write_text(f"Host coulombcore\n  Include {tmp_path}/parts/*\n")
    who_answers(target)
    with pytest.raises(Unreachable):  # the included lines hold for that host alone
        connect(replace(target, ssh="railiance01.invalid"))


def test_match_blocks(sshd: Sshd, target_for: TargetFor) -> None:
    target = target_for(sshd)
    assert target.ssh_config
    text = target.ssh_config.read_text()
    target.ssh_config.write_text(
        text.replace("Host coulombcore", "Match originalhost coulombcore exec true")
    )
    who_answers(target)


def test_every_identity_file_is_tried_in_order(
    sshd: Sshd, target_for: TargetFor, tmp_path: Path
) -> None:
    first, second = keygen(tmp_path / "first"), keygen(tmp_path / "second")
    target = target_for(sshd, f"IdentityFile {first}", f"IdentityFile {second}")
    session = who_answers(target)
    assert session.identity.login
    assert str(sshd.user_key) in session.identity.login
    assert [line.split()[-1] for line in sshd.log.splitlines() if "Failed publickey" in line] == [
        subprocess.check_output(["ssh-keygen", "-lf", file], text=True).split()[1]
        for file in (first, second)
    ]


def test_tokens_in_identity_file(sshd: Sshd, target_for: TargetFor, tmp_path: Path) -> None:
    (sshd.user_key).rename(tmp_path / f"key-{USER}-coulombcore")
    who_answers(target_for(sshd, f"IdentityFile {tmp_path}/key-%r-%n"))


def test_a_key_of_the_agent(sshd: Sshd, target_for: TargetFor, agent: Callable[..., Path]) -> None:
    target = target_for(sshd, f"IdentityAgent {agent(sshd.user_key)}")
    sshd.user_key.unlink()
    session = who_answers(target)
    assert "user_key" in (session.identity.login or "")


def test_the_environment_s_agent(
    sshd: Sshd,
    target_for: TargetFor,
    agent: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = target_for(sshd)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent(sshd.user_key)))
    sshd.user_key.unlink()
    refused(target, LoginRefused)  # IdentityAgent none holds
    without_agent_line(target)
    who_answers(target)


def test_an_encrypted_key_that_the_agent_holds(
    sshd: Sshd, target_for: TargetFor, agent: Callable[..., Path]
) -> None:
    path = agent(sshd.user_key)
    command = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(sshd.user_key)]
    subprocess.run(command, check=True)
    who_answers(target_for(sshd, f"IdentityAgent {path}"))


def test_an_agent_that_hangs_does_not_hang_us(
    sshd: Sshd, target_for: TargetFor, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "mute"))
        mute.listen()
        target = target_for(sshd, f"IdentityAgent {tmp_path}/mute", connect_deadline=2.0)
        began = time.monotonic()
        who_answers(target)
        assert time.monotonic() - began < 2


def test_a_dead_agent_is_left_out(sshd: Sshd, target_for: TargetFor, tmp_path: Path) -> None:
    target = target_for(sshd, f"IdentityAgent {tmp_path}/nowhere")
    who_answers(target)
    sshd.user_key.unlink()
    assert f"the agent at {tmp_path}/nowhere" in refused(target, LoginRefused)


def test_identities_only_keeps_an_agent_full_of_keys_from_using_up_the_attempts(
    start_sshd: StartSshd, target_for: TargetFor, agent: Callable[..., Path], tmp_path: Path
) -> None:
    sshd = start_sshd("MaxAuthTries 3")
    path = agent(*[keygen(tmp_path / f"other{number}") for number in range(6)])
    (sshd.folder / "authorized_keys").write_text("")
    lines = (f"IdentityAgent {path}", "IdentitiesOnly yes")
    told = refused(target_for(sshd, *lines), LoginRefused)
    assert "of the agent" not in told
    told = refused(target_for(sshd, lines[0], name="everything"), LoginRefused)
    assert "Too many authentication failures" in told
    assert "of the agent" in told


def test_configured_keys_come_before_the_agent_s_others(
    start_sshd: StartSshd, target_for: TargetFor, agent: Callable[..., Path], tmp_path: Path
) -> None:
    sshd = start_sshd("MaxAuthTries 2")
    path = agent(*[keygen(tmp_path / f"other{number}") for number in range(6)])
    who_answers(target_for(sshd, f"IdentityAgent {path}"))


@pytest.fixture
def certified(start_sshd: StartSshd, tmp_path: Path) -> tuple[Sshd, Path]:
    """An sshd that trusts only a CA, and the certificate of its user key."""
    authority = keygen(tmp_path / "authority")
    sshd = start_sshd(f"TrustedUserCAKeys {authority}.pub")
    (sshd.folder / "authorized_keys").write_text("")
    command = ["ssh-keygen", "-q", "-s", str(authority), "-I", "fleet", "-n", USER, "-V", "+5m"]
    subprocess.run([*command, f"{sshd.user_key}.pub"], check=True)
    return sshd, sshd.folder / "user_key-cert.pub"


def test_a_certificate_file(
    certified: tuple[Sshd, Path], target_for: TargetFor, tmp_path: Path
) -> None:
    sshd, certificate = certified
    elsewhere = certificate.rename(tmp_path / "fleet-cert.pub")
    refused(target_for(sshd, name="bare"), LoginRefused)
    session = who_answers(target_for(sshd, f"CertificateFile {elsewhere}"))
    assert session.identity.login == f"publickey {sshd.user_key} with the certificate {elsewhere}"


def test_a_certificate_beside_the_key(certified: tuple[Sshd, Path], target_for: TargetFor) -> None:
    sshd, certificate = certified
    session = who_answers(target_for(sshd))
    assert str(certificate) in (session.identity.login or "")


@pytest.mark.parametrize("named", [True, False])
def test_a_certificate_whose_key_is_in_the_agent(
    certified: tuple[Sshd, Path],
    target_for: TargetFor,
    agent: Callable[..., Path],
    tmp_path: Path,
    named: bool,
) -> None:
    sshd, certificate = certified
    path = agent(sshd.user_key)  # adds the certificate that lies beside it, too
    elsewhere = certificate.rename(tmp_path / "fleet-cert.pub")
    sshd.user_key.unlink()
    more = [f"CertificateFile {elsewhere}"] if named else []
    who_answers(target_for(sshd, f"IdentityAgent {path}", *more))


def test_a_certificate_without_its_key_is_left_out(
    certified: tuple[Sshd, Path], target_for: TargetFor
) -> None:
    sshd, certificate = certified
    sshd.user_key.unlink()
    told = refused(target_for(sshd, f"CertificateFile {certificate}"), LoginRefused)
    assert f"{certificate} (its private key is neither" in told


def test_a_key_beside_a_certificate_that_is_not_accepted_is_still_tried(
    start_sshd: StartSshd, target_for: TargetFor, tmp_path: Path
) -> None:
    sshd = start_sshd()
    stranger = keygen(tmp_path / "stranger")
    command = ["ssh-keygen", "-q", "-s", str(stranger), "-I", "x", "-n", USER]
    subprocess.run([*command, f"{sshd.user_key}.pub"], check=True)
    session = who_answers(target_for(sshd))
    assert "certificate" not in (session.identity.login or "")


@pytest.mark.parametrize("option", ["IdentityFile", "CertificateFile", "UserKnownHostsFile"])
def test_a_file_of_a_user_who_is_not_here(sshd: Sshd, target_for: TargetFor, option: str) -> None:
    said = refused(target_for(sshd, f"{option} ~former-colleague/file"), ConfigProblem)
    assert re.search(r"no such user here|No such user", said), said  # or ssh itself says so
    assert "former-colleague" in said


def test_host_key_alias(sshd: Sshd, target_for: TargetFor, tmp_path: Path) -> None:
    target = target_for(sshd, "HostKeyAlias the-real-name")
    assert "knows the-real-name not at all" in refused(target, HostKeyUnknown)
    (tmp_path / "known_hosts").write_text(f"the-real-name {key_line(sshd.host_key)}\n")
    who_answers(target)


def test_several_known_hosts_files_and_a_hashed_entry(
    sshd: Sshd, target_for: TargetFor, tmp_path: Path
) -> None:
    target = target_for(sshd)
    assert target.ssh_config
    text = target.ssh_config.read_text()
    more = f"UserKnownHostsFile {tmp_path}/none-here {tmp_path}/second"
    target.ssh_config.write_text(re.sub("UserKnownHostsFile.*", more, text))
    refused(target, HostKeyUnknown)
    second = tmp_path / "second"
    second.write_text(f"[127.0.0.1]:{sshd.port} {key_line(sshd.host_key)}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(second)], check=True, capture_output=True)
    assert second.read_text().startswith("|1|")
    who_answers(target)


def test_the_global_known_hosts_file(sshd: Sshd, target_for: TargetFor) -> None:
    target = target_for(sshd)
    assert target.ssh_config
    text = target.ssh_config.read_text()
    text = text.replace("UserKnownHostsFile", "GlobalKnownHostsFile", 1)
    target.ssh_config.write_text(
        text.replace("GlobalKnownHostsFile none", "UserKnownHostsFile none")
    )
    who_answers(target)


def test_connect_timeout_shortens_the_deadline(target_for: TargetFor, sshd: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        target = replace(target_for(sshd, "ConnectTimeout 1"), port=port)
        assert "within 1 s" in refused(target, Unreachable)
        assert time.monotonic() - began < 2


def test_a_jump_host(start_sshd: StartSshd, target_for: TargetFor, tmp_path: Path) -> None:
    bastion, inner = start_sshd(name="bastion"), start_sshd(name="inner")
    target_for(bastion, name="bastion")
    target = target_for(inner, "ProxyJump bastion")
    assert "knows 127.0.0.1 not at all" in refused(target, HostKeyUnknown)
    known = tmp_path / "known_hosts"
    known.write_text(known.read_text() + f"[127.0.0.1]:{inner.port} {key_line(inner.host_key)}\n")
    session = who_answers(target)
    assert session.identity.jumps == ("bastion",)
    assert session.identity.host_key == key_line(inner.host_key)
    assert "Accepted publickey" in bastion.log


def test_a_chain_of_jump_hosts(
    start_sshd: StartSshd, target_for: TargetFor, tmp_path: Path
) -> None:
    sshds = {name: start_sshd(name=name) for name in ("one", "two", "inner")}
    (tmp_path / "known_hosts").write_text(
        "".join(f"[127.0.0.1]:{s.port} {key_line(s.host_key)}\n" for s in sshds.values())
    )
    target_for(sshds["one"], name="one")
    target_for(sshds["two"], name="two")
    session = who_answers(target_for(sshds["inner"], f"ProxyJump one,{USER}@two"))
    assert session.identity.jumps == ("one", f"{USER}@two")
    assert "Accepted publickey" in sshds["one"].log
    assert "Accepted publickey" in sshds["two"].log


def test_a_failing_jump_host_is_named(start_sshd: StartSshd, target_for: TargetFor) -> None:
    bastion = start_sshd(name="bastion")
    target_for(bastion, name="bastion")
    target = target_for(bastion, "ProxyJump bastion")
    (bastion.folder / "authorized_keys").write_text("")
    told = refused(target, LoginRefused)
    assert told.startswith("bastion (jump host of coulombcore) did not accept any of the keys")


def test_a_jump_host_with_another_key_is_refused(
    start_sshd: StartSshd, target_for: TargetFor, tmp_path: Path
) -> None:
    bastion = start_sshd(name="bastion")
    target_for(bastion, name="bastion")
    target = target_for(bastion, "ProxyJump bastion", host_keys=(key_line(bastion.host_key),))
    other = keygen(tmp_path / "other")
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{bastion.port} {key_line(other)}\n")
    told = refused(target, HostKeyMismatch)
    assert told.startswith("bastion (jump host of coulombcore)'s host key changed")


def test_a_jump_host_that_cannot_reach_the_target(
    start_sshd: StartSshd, target_for: TargetFor
) -> None:
    bastion = start_sshd(name="bastion")
    target_for(bastion, name="bastion")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    target = replace(target_for(bastion, "ProxyJump bastion"), port=port)
    assert refused(target, Unreachable) == (
        f"bastion could not reach coulombcore on 127.0.0.1:{port}: "
        "connect failed: Connection refused"
    )


def test_jump_hosts_in_a_circle(sshd: Sshd, target_for: TargetFor) -> None:
    target = target_for(sshd, "ProxyJump coulombcore")
    assert "ProxyJump leads in a circle" in refused(target, ConfigProblem)


PROXY = """
import os, socket, sys, threading
far = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def up():
    while data := os.read(0, 65536): far.sendall(data)
    far.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := far.recv(65536): os.write(1, data)
"""


def test_a_proxy_command(sshd: Sshd, target_for: TargetFor, tmp_path: Path) -> None:
    script = tmp_path / "proxy.py"
    script.write_text(PROXY)
    proxy = f"echo $$ > {tmp_path}/pid; exec python3 {script} %h %p"
    target = target_for(sshd, f"ProxyCommand sh -c '{proxy}'")
    session = connect(target)
    assert session.run("echo through", deadline=5).stdout == b"through\n"
    session.close()
    assert not alive(tmp_path / "pid")


def test_a_proxy_command_that_fails_is_quoted(sshd: Sshd, target_for: TargetFor) -> None:
    target = target_for(sshd, "ProxyCommand sh -c 'echo no route to %h >&2; exit 4'")
    told = refused(target, Unreachable)
    assert told == "coulombcore: its ProxyCommand ended with status 4: no route to 127.0.0.1"


def test_a_proxy_command_without_a_shell(
    sshd: Sshd, target_for: TargetFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", "/no/shell")
    told = refused(target_for(sshd, "ProxyCommand true"), Unreachable)
    assert told.startswith("coulombcore: its ProxyCommand cannot be run:")


def test_a_proxy_command_that_hangs_ends_at_the_deadline(
    sshd: Sshd, target_for: TargetFor, tmp_path: Path
) -> None:
    target = target_for(
        sshd,
        f"ProxyCommand sh -c 'sleep 60 & echo $! > {tmp_path}/pid; wait'",
        connect_deadline=0.7,
    )
    assert "within 0.7 s" in refused(target, Unreachable)
    assert not alive(tmp_path / "pid")


def test_a_missing_ssh_config_is_named(tmp_path: Path) -> None:
    target = Target("coulombcore", "coulombcore", ssh_config=tmp_path / "nowhere")
    told = refused(target, ConfigProblem)
    assert told.startswith(
        f"coulombcore: ssh_config: Can't open user config file {tmp_path}/nowhere"
    )


def test_a_broken_ssh_config_is_quoted_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Host *\n  Hostnam x\n")
    target = Target("coulombcore", "coulombcore", ssh_config=tmp_path / "config")
    assert f"{tmp_path}/config: line 2: Bad configuration option: hostnam" in refused(
        target, ConfigProblem
    )


def test_a_match_exec_that_hangs_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "config").write_text('Match exec "sleep 20"\n  User x\n')
    target = Target("a", "a", ssh_config=tmp_path / "config", connect_deadline=0.5)
    assert "look for a Match exec that hangs" in refused(target, ConfigProblem)


def test_a_host_name_is_never_taken_for_an_option(tmp_path: Path) -> None:
    target = Target("a", f"-oProxyCommand=touch {tmp_path}/ran", connect_deadline=1)
    told = refused(target, Unreachable)
    assert "usage:" not in told  # which is what ssh says where it is left without a name
    assert not (tmp_path / "ran").exists()


def test_strict_host_key_checking_no_changes_nothing(sshd: Sshd, target_for: TargetFor) -> None:
    target = target_for(sshd, "StrictHostKeyChecking no", "HostKeyAlias unknown")
    refused(target, HostKeyUnknown)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bastion", ("bastion", None, None)),
        ("tegwick@Bastion:2222", ("Bastion", "tegwick", 2222)),
        ("ssh://tegwick@bastion:2222", ("bastion", "tegwick", 2222)),
        ("[2001:db8::1]:22", ("2001:db8::1", None, 22)),
    ],
)
def test_forms_of_a_jump_host(text: str, expected: tuple[str, str | None, int | None]) -> None:
    assert jump_host(text) == expected


@pytest.mark.parametrize("text", ["bastion:port", "@", "bastion:99999"])
def test_what_is_no_jump_host_is_refused(text: str) -> None:
    with pytest.raises(SshConfigError, match="ProxyJump"):
        jump_host(text)


def test_tokens_and_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYS", "/srv/keys")
    (tmp_path / "config").write_text(
        "Host *\n HostName %h.example\n Port 2222\n User tegwick\n"
        " IdentityFile ~/a%%b\n IdentityFile ${KEYS}/%n-%h-%p-%r\n"
        " UserKnownHostsFile %d/known/%k\n"
    )
    found = settings("box", None, None, tmp_path / "config", Deadline(5))
    assert found.hostname == "box.example"
    assert found.identity_files == (
        home() / "a%b",
        Path("/srv/keys/box-box.example-2222-tegwick"),
    )
    assert found.known_hosts_files[0] == home() / "known" / "box"


def test_an_unknown_token_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Host *\n IdentityFile /keys/%Q\n")
    with pytest.raises(SshConfigError, match="%Q"):
        settings("box", None, None, tmp_path / "config", Deadline(5))


@pytest.mark.parametrize(("check", "known"), [("yes", False), ("no", False), ("yes", True)])
def test_check_host_ip(
    start_sshd: StartSshd,
    target_for: TargetFor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    check: str,
    known: bool,
) -> None:
    """The address must not be known for another key; ssh leaves loopback addresses out."""
    sshd = start_sshd("ListenAddress 127.0.0.2")
    address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.2", sshd.port))
    monkeypatch.setattr("fleetmesh.sessions.tcp.socket.getaddrinfo", lambda *_, **__: [address])
    target = target_for(sshd, "HostName coulombcore.example", f"CheckHostIP {check}")
    key = sshd.host_key if known else keygen(tmp_path / "other")
    (tmp_path / "known_hosts").write_text(
        f"[coulombcore.example]:{sshd.port} {key_line(sshd.host_key)}\n"
        f"[127.0.0.2]:{sshd.port} {key_line(key)}\n"
    )
    if known or check == "no":
        who_answers(target)
    else:
        told = refused(target, HostKeyMismatch)
        assert "address 127.0.0.2 is known for another host key" in told
        assert "as CheckHostIP found" in told


def test_a_command_is_started_with_the_variables_of_ssh_config(
    start_sshd: StartSshd, target_for: TargetFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the locale, which would change what commands print."""
    for name in ("LANG", "LC_ALL", "LC_FLEET", "OTHER"):
        monkeypatch.setenv(name, name.lower())
    lines = ("SetEnv FLEET=a", "SendEnv LANG LC_*")
    session = connect(target_for(start_sshd("AcceptEnv *"), *lines))
    told = session.run("env", deadline=5).stdout.decode().splitlines()
    session.close()
    assert {"FLEET=a", "LC_FLEET=lc_fleet"} <= set(told)
    assert not {"LANG=lang", "LC_ALL=lc_all", "OTHER=other"} & set(told)
