"""The words of a tunnel's ssh, found on its host: exactly, or not at all."""

import os
import stat
import subprocess
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from fleetmesh.facts.pins import parse_pins
from selftests.facts import cases

FAILS = '[ -z "$FAILS" ] || { echo "$FAILS"; exit 1; }'
PROGRAMS = {
    "systemctl": f'{FAILS}\necho "MainPID=$PID"; echo "$SHOWN"',
    "ss": f'{FAILS}\necho "$LISTENS"',
}
SHOW = '\nshow() { told; printf "%s" "$source"; printf " <%s>" "$@"; echo; }\n'
TRANSCRIPT = cases.read("known_hosts", "debian13_port").transcript
SCRIPTS = ("as_tunnel", "login", "pins", "renewals")


def script(name: str) -> Path:
    return Path(str(files("fleetmesh.facts").joinpath(f"{name}.sh")))


def shown(argv: str) -> str:
    return f"ExecStart={{ path=/x ; argv[]={argv} ; ignore_errors=no ; start_time=[n/a] ; pid=1 }}"


def found(tmp_path: Path, unit: str = "tunnel.service", **environment: str) -> str:
    """What `as_tunnel` hands over, where systemctl and ss say what the environment has."""
    for name, text in PROGRAMS.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    call = script("as_tunnel").read_text() + SHOW + f"as_tunnel show '{unit}' 18000 ssh -N host"
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", call], env={"PATH": path, "PID": "0", **environment},
        capture_output=True, text=True, timeout=10, check=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("/usr/bin/ssh -N -o A=b host", "unit <-N> <-o> <A=b> <host>"),
        ("/usr/bin/ssh -NT -L 1:2:3 user@host", "unit <-NT> <-L> <1:2:3> <user@host>"),
        ("/usr/bin/autossh -M 0 -N host", "unit <-N> <host>"),
        ("autossh -M0 -N host", "unit <-N> <host>"),
        ("/usr/bin/ssh -N * host", "unclear /usr/bin/ssh -N * host"),
        ("/usr/bin/ssh -N ${OPTIONS} host", "unclear /usr/bin/ssh -N ${OPTIONS} host"),
        ("/usr/bin/ssh -N `id` host", "unclear /usr/bin/ssh -N `id` host"),
        ("/usr/bin/ssh -o LocalCommand=echo hi host", "unclear /usr/bin/ssh -o LocalC"),
        ("/usr/bin/ssh -o ProxyCommand nc x host", "unclear /usr/bin/ssh -o ProxyC"),
        ("/bin/sh -c ssh host", "unclear /bin/sh -c ssh host"),
        ("/usr/bin/timeout 1d /usr/bin/ssh host", "unclear /usr/bin/timeout 1d /usr/bin/ssh host"),
    ],
)  # fmt: skip
def test_words_of_a_unit_that_does_not_run(tmp_path: Path, argv: str, words: str) -> None:
    assert found(tmp_path, SHOWN=shown(argv)).startswith(words)


def test_what_no_unit_says_the_inventory_does(tmp_path: Path) -> None:
    assert found(tmp_path, SHOWN="ExecStart=") == "inventory <-N> <host>"
    assert found(tmp_path, unit="", LISTENS="") == "inventory <-N> <host>"


def test_what_nobody_could_ask_is_not_told_to_be_known(tmp_path: Path) -> None:
    """The inventory's words do for a log-in, and are not taken for those of the unit."""
    no_bus = "Failed to connect to bus: No medium found"
    words = "inventory <-N> <host>"
    assert found(tmp_path, FAILS=no_bus) == f"unasked systemctl: {no_bus}\n{words}"
    denied = "Cannot open netlink socket: Operation not permitted"
    assert found(tmp_path, unit="", FAILS=denied) == f"unasked ss: {denied}\n{words}"


def test_a_systemctl_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "timeout").write_text("#!/bin/sh\nexit 124\n")
    (tmp_path / "timeout").chmod(0o755)
    said = "unasked systemctl: no answer within 2 s\ninventory <-N> <host>"
    assert found(tmp_path) == said


def test_words_of_what_runs_are_its_own(tmp_path: Path) -> None:
    """A blank, a quote and a star within a word stay where they are."""
    ssh = tmp_path / "ssh"
    ssh.symlink_to("/bin/sh")
    words = ["-c", "sleep 60; true", "a word", "it's", "*", "$HOME"]
    with subprocess.Popen([str(ssh), *words]) as running:
        try:
            told = " ".join(f"<{word}>" for word in words)
            line = shown(" ".join([str(ssh), *words]))
            assert found(tmp_path, PID=str(running.pid), SHOWN=line) == f"process {told}"
            holds = f'LISTEN 0 128 127.0.0.1:18000 0.0.0.0:* users:(("ssh",pid={running.pid},fd=4))'
            assert found(tmp_path, unit="", LISTENS=holds) == f"process {told}"
            other = shown("/usr/bin/ssh -N other")
            assert found(tmp_path, PID=str(running.pid), SHOWN=other) == "unit <-N> <other>"
        finally:
            running.kill()


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFKP3TCl6AvlhUreDavGQvi7Db1zIh6JjBIpIXk28D/T"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHB+PfiqUv7K+M0oatQbK9HKYvVuJzNCg4yQ24VMzUpc"


@pytest.mark.parametrize(
    ("known", "more", "keys"),
    [
        (f"[core]:2222 {KEY}", (), {KEY}),
        (f"core {KEY}", (), {KEY}),
        (f"[core]:2222 {OTHER}\ncore {KEY}", (), {OTHER}),
        (f"@revoked [core]:2222 {KEY}\ncore {KEY}", (), set()),
        (f"core {KEY}", ("-oHostKeyAlias=hub",), set()),
        (f"hub {KEY}", ("-oHostKeyAlias=hub",), {KEY}),
        (f"[core]:22 {KEY}", ("-p22",), set()),
    ],
)
def test_a_key_is_pinned_as_ssh_looks_it_up(
    tmp_path: Path, known: str, more: tuple[str, ...], keys: set[str]
) -> None:
    """Without its port, where it is not known with it; ssh(1) says so with -v."""
    (tmp_path / "known").write_text(known + "\n")
    only = (f"-oUserKnownHostsFile={tmp_path / 'known'}", "-oGlobalKnownHostsFile=none")
    call = f'told() {{ true; }}\n{script("pins").read_text()}\npins "$@"'
    done = subprocess.run(
        ["sh", "-c", call, "sh", "-F", "none", *more, "-p2222", *only, "core"],
        capture_output=True, text=True, timeout=10, check=True,
    )  # fmt: skip
    pinned = parse_pins(replace(TRANSCRIPT, stdout=done.stdout.encode()))
    assert pinned.keys == keys


@pytest.mark.parametrize("name", SCRIPTS)
def test_shellcheck_has_nothing_to_say(name: str) -> None:
    done = subprocess.run(["shellcheck", script(name)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
