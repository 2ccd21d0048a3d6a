"""The command line of ssh, read as ssh itself reads it: `ssh -G` says what it understood."""

import shlex
import subprocess

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fleetmesh.text.ssh_command import SshCommand, parse, seconds
from fleetmesh.tunnels.takers import may_take, takes

PORTS = st.integers(1, 65535).map(str)
NAMES = st.sampled_from(["coulombcore", "198.18.77.12", "[fd00:18::12]"])
BINDS = st.sampled_from(["", "127.0.0.1:", "localhost:", "0.0.0.0:", "[::1]:"])
FORWARDS = st.builds("{}{}:{}:{}".format, BINDS, PORTS, NAMES, PORTS)
FROM_SOCKETS = st.builds("/run/{}.sock:{}:{}".format, PORTS, NAMES, PORTS)
PLAIN = [
    "-N", "-T", "-4", "-fN", "-vC", "-oBatchMode=yes", "-oServerAliveInterval 5", "-g", "-Ng",
    "-oGatewayPorts=true", "-oGatewayPorts no",
]  # fmt: skip
SETTINGS = [
    "-l first", "-lfirst", "-o 'User other'", "-o user=third", "-p 2222", "-p22022", "-o Port=2200",
    "-J jump", "-J none", "-Nvp 2022", "-o ProxyJump=hop@jump:22", "-o 'ProxyJump none'",
    "-o 'ProxyCommand nc -X a=b %h %p'", "-o 'ProxyCommand=nc -X 5 h'", "-o ProxyCommand=none",
    "-o HostName=elsewhere", "-o 'HostName = 198.18.77.13'", "-b 127.0.0.1", "-c aes128-ctr",
    "-e none", "-S none", "-E /dev/null",
]  # fmt: skip
DESTINATIONS = [
    "coulombcore", "tegwick@coulombcore", "ssh://coulombcore", "ssh://tegwick@coulombcore:2222",
    "tegwick@198.18.77.12",
]  # fmt: skip
COMMANDS = ["", "true", "true -L 1:h:2", "-- true -L 1:h:2", "sh -c 'ssh -p 9 x'"]


def forward(letter: str) -> st.SearchStrategy[list[str]]:
    """The option with its argument beside it, attached, after other letters, or as a keyword."""
    keyword = {"L": "LocalForward", "R": "RemoteForward"}[letter]
    written = st.builds("{}{} {}:{}".format, BINDS, PORTS, NAMES, PORTS)
    return st.one_of(
        FORWARDS.map(lambda it: [f"-{letter}", it]),
        (FORWARDS | FROM_SOCKETS).map(lambda it: [f"-NT{letter}{it}"]),
        written.map(lambda it: ["-o", f"{keyword}={it}"]),
        written.map(lambda it: [f"-o{keyword} {it}"]),
    )


def options() -> st.SearchStrategy[list[str]]:
    one = (
        st.sampled_from([*PLAIN, *SETTINGS]).map(
            lambda it: [it] if it in PLAIN else shlex.split(it)
        )
        | forward("L")
        | forward("R")
        | st.builds("{}{}".format, BINDS, PORTS).map(lambda it: ["-D", it])
    )
    return st.lists(one, max_size=5).map(lambda them: [word for some in them for word in some])


@settings(max_examples=120, deadline=None, derandomize=True)
@given(options(), st.sampled_from(DESTINATIONS), options(), st.sampled_from(COMMANDS))
def test_it_is_read_as_ssh_reads_it(
    before: list[str], destination: str, after: list[str], command: str
) -> None:
    argv = ["ssh", *before, destination, *after, *shlex.split(command)]
    understood = parse(argv)
    assert understood is not None
    assert seen(understood) == understood_by_ssh(argv)


def seen(command: SshCommand) -> dict[str, object]:
    return {
        "hostname": command.host,
        "user": command.user,
        "port": command.options.get("port", "22"),
        "jump": command.jump,
        "localforward": {(it.listen, it.target) for it in command.local},
        "remoteforward": {(it.listen, it.target) for it in command.remote},
        "dynamicforward": {(it.listen, "") for it in command.dynamic},
    }


def understood_by_ssh(argv: list[str]) -> dict[str, object]:
    done = subprocess.run(
        ["ssh", "-G", "-F", "none", "-o", "EscapeChar=none", *argv[1:]],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10,
    )  # fmt: skip
    assume("-J" not in done.stderr and "Inconsistent options" not in done.stderr)
    assert done.returncode == 0, done.stderr
    lines = [line.partition(" ")[::2] for line in done.stdout.splitlines()]
    told = dict(lines)
    jumps = [value for name, value in lines if name in ("proxyjump", "proxycommand")]
    forwards = {
        kind: {
            _ends(value, "*" if told["gatewayports"] == "yes" and kind[0] != "r" else "127.0.0.1")
            for name, value in lines
            if name == kind
        }
        for kind in ("localforward", "remoteforward", "dynamicforward")
    }
    return {
        "hostname": told["hostname"],
        "user": told["user"] if told["user"] != _login_name() else None,
        "port": told["port"],
        "jump": jumps[0] if jumps and jumps[0] != "none" else None,
        **forwards,
    }


def _ends(shown: str, unnamed: str) -> tuple[str, str]:
    listen, _, target = shown.replace("[", "").replace("]", "").partition(" ")
    if listen.isdecimal():
        listen = f"{unnamed}:{listen}"
    return listen.replace("localhost", "127.0.0.1"), target


def _login_name() -> str:
    return subprocess.run(["id", "-un"], capture_output=True, text=True, timeout=5).stdout.strip()


@pytest.mark.parametrize(
    ("line", "forwards"),
    [
        ("ssh -L 8000:/run/hub.sock h", [("127.0.0.1:8000", "/run/hub.sock")]),
        ("ssh -L 0.0.0.0:8000:/run/hub.sock h", [("0.0.0.0:8000", "/run/hub.sock")]),
        ("ssh -L /run/a.sock:/run/b.sock h", [("/run/a.sock", "/run/b.sock")]),
        ("ssh -L :8000:h:80 h", [("*:8000", "h:80")]),
        ("ssh -L '*:8000:h:80' h", [("*:8000", "h:80")]),
        ("autossh -M 0 -N h -L 8000:h:80", [("127.0.0.1:8000", "h:80")]),
        ("/usr/lib/autossh/autossh -M 20000:7 h -L 8000:h:80", [("127.0.0.1:8000", "h:80")]),
        ("ssh -N -- h -L 8000:h:80", []),
    ],
)
def test_forwards(line: str, forwards: list[tuple[str, str]]) -> None:
    command = parse(shlex.split(line))
    assert command is not None
    assert [(it.listen, it.target) for it in command.local] == forwards
    assert command.host == "h"


TIMES = "0 00 0s 5 15s 1M 1m30s 1w2d 1m30 30s1 x 5x 1.5 -1 s"


@pytest.mark.parametrize("time", TIMES.split())
def test_a_time_is_as_long_as_ssh_takes_it(time: str) -> None:
    argv = ["ssh", "-G", "-F", "none", "-o", f"ServerAliveInterval={time}", "h"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=10)
    told = dict(line.partition(" ")[::2] for line in done.stdout.splitlines())
    assert seconds(time) == (None if done.returncode else int(told["serveraliveinterval"]))


@pytest.mark.parametrize(
    ("written", "value"),
    [("yes", "yes"), ("True", "yes"), ("FALSE", "no"), ("accept-new", "accept-new"), ("on", "on")],
)
def test_a_switch_is_on_by_either_word(written: str, value: str) -> None:
    command = parse(["ssh", "-o", f"StrictHostKeyChecking={written}", "h"])
    assert command is not None
    assert command.switch("StrictHostKeyChecking") == value
    assert command.switch("BatchMode") is None


def test_remote_proxy_is_a_forward() -> None:
    command = parse(["ssh", "-R", "1080", "-R", "*:1081", "h"])
    assert command is not None
    assert [(it.listen, it.target) for it in command.remote] == [
        ("127.0.0.1:1080", ""),
        ("*:1081", ""),
    ]
    assert command.is_tunnel


def test_keys_are_all_kept_and_options_are_told_in_lower_case() -> None:
    command = parse(["ssh", "-i", "a", "-oIdentityFile=b", "-o", "BatchMode=Yes", "-o", "X=1", "h"])
    assert command is not None
    assert command.keys == ("a", "b")
    assert command.option("batchMODE") == "yes"
    assert command.option("Y") is None
    assert not command.is_tunnel


@pytest.mark.parametrize(
    "argv", [[], ["sshd"], ["/usr/bin/python3", "ssh"], ["ssh: /home/t/.ssh/ctl [mux]"], [""]]
)
def test_another_program_is_not_ssh(argv: list[str]) -> None:
    assert parse(argv) is None


@settings(derandomize=True)
@given(st.lists(st.text(max_size=12) | st.sampled_from(["-L", "-o", "-i", "--", "-", "-p", "-D"])))
def test_whatever_follows_it_is_read(words: list[str]) -> None:
    command = parse(["ssh", *words])
    assert command is not None


@pytest.mark.parametrize(
    ("command", "taken"),
    [
        ("/usr/bin/ssh -N -L 18000:127.0.0.1:8000 h", True),
        ("/usr/bin/ssh -N -L *:18000:127.0.0.1:8000 h", True),
        ("/usr/bin/ssh -N -D localhost:18000 h", True),
        ("/bin/sh -c exec ssh -N -L 127.0.0.1:18000:127.0.0.1:8000 h", True),
        ("/usr/bin/socat TCP-LISTEN:18000,fork TCP:h:8000", True),
        ("/usr/bin/socat tcp4-l:18000 TCP:h:8000", True),
        ("/usr/bin/socat TCP-LISTEN:180001 TCP:h:18000", False),
        ("/usr/bin/ssh -N -L 8000:127.0.0.1:18000 h", False),
        ("/usr/bin/ssh -N -R 18000:127.0.0.1:8000 h", False),
        ("/usr/bin/curl http://127.0.0.1:18000/state/health", False),
        ("sh -c 'ssh -N -L 18000:h:1 r'", True),
        ("kubectl port-forward -n state-hub svc/state-hub 18000:8000", True),
        ("kubectl port-forward svc/state-hub 18000:http", True),
        ("k3s kubectl port-forward svc/state-hub 18000", True),
        ("kubectl port-forward svc/state-hub 8000:18000", False),
        ("podman run --rm -p 127.0.0.1:18000:80 nginx", True),
        ("docker run -d -p 18000:80 nginx", True),
        ("docker run -dp 18000:80/tcp nginx", True),
        ("docker run --publish=17990-18010:17990-18010 nginx", True),
        ("docker run -p 8000:18000 nginx", False),
        ("docker run -p 18000:18000/udp nginx", False),
        ("nc -lk 18000", True),
        ("nc -l -p 18000", True),
        ("ncat -lk 127.0.0.1 18000", True),
        ("nc -vz 127.0.0.1 18000", False),
        ("python3 -m http.server 18000", True),
        ("python3 -m http.server --bind 127.0.0.1 18000", True),
        ("python3 -m http.server 18001", False),
        ("echo ssh -N -L 18000:h:1 r", False),
        ("pkill -f 'ssh -N -L 18000:h:1 r'", False),
    ],
)
def test_what_would_listen_on_a_port(command: str, taken: bool) -> None:
    assert takes(command, 18000) is taken
    assert not may_take(command, 18000)


@pytest.mark.parametrize(
    ("command", "may"),
    [
        ("/opt/app --port 18000", True),
        ("/opt/app --port=18000", True),
        ("/opt/app --listen 0.0.0.0:18000", True),
        ("/opt/app :18000", True),
        ("uvicorn hub:app 18000", True),
        ("podman run --network host hub --port 18000", True),
        ("podman run hub --port 18000", False),
        ("sleep 18000", False),
        ("sh -c 'sleep 18000; true'", False),
        ("timeout 18000 /opt/app", False),
        ("/opt/app --timeout 18000", False),
        ("/opt/app --hub 127.0.0.1:18000", False),
        ("nc -z 127.0.0.1 18000", False),
        ("ss -tln sport = 18000", False),
        ("PORT=18000", False),
        ("echo 18000", False),
        ("/opt/app 180001", False),
    ],
)
def test_what_another_program_makes_of_a_port_is_not_known(command: str, may: bool) -> None:
    assert may_take(command, 18000) is may
