"""Which commands would listen on a port, among those that start by themselves."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from fleetmesh.text import ssh_command
from fleetmesh.text.commands import acting, from_program, program

_KUBECTL = ("kubectl", "oc", "k3s", "microk8s")
_CONTAINERS = ("docker", "nerdctl", "podman")
_NETCAT = ("nc", "ncat", "netcat")
_ASKING = (
    *("curl", "fuser", "http", "lsof", "mysql", "nmap", "ping", "psql", "redis-cli", "rsync"),
    *("scp", "sftp", "ss", "telnet", "wait-for-it", "wget"),
)
"""Clients, and what looks who listens."""
_FIREWALLS = ("firewall-cmd", "iptables", "ip6tables", "nft", "ufw")
_OF_THE_SHELL = ("chmod", "date", "for", "seq", "ulimit")
_HARMLESS = (*_ASKING, *_FIREWALLS, *_NETCAT, *_OF_THE_SHELL, "autossh", "socat", "ssh")
"""Where a number is no port to listen on, or where it is known how that is said."""


def takes(line: str, port: int) -> bool:
    """Whether a line, or a unit's command, would listen on a port.

    A unit's command has its words joined by spaces, as systemctl shows them. The listen address
    does not matter: a listener on all addresses and one on loopback exclude each other.
    """
    return str(port) in _taken(line)[0]


def may_take(line: str, port: int) -> bool:
    """Whether a line gives the port to a program of which nobody knows what it does with it."""
    return not takes(line, port) and str(port) in _taken(line)[1]


@lru_cache(maxsize=2**12)
def _taken(line: str) -> tuple[frozenset[str], frozenset[str]]:
    """The ports that are taken, and that may be: a host's tunnels ask about the same lines."""
    taken: set[str] = set()
    unclear: set[str] = set()
    for words in acting(line):
        own = from_program(words)
        for at in range(len(words)):
            taken.update(_listening(program(words[at]), words[at:]))
        names = {program(word) for word in words}
        shut_in = names & set(_CONTAINERS) and not re.search(r"--net(work)?[ =]host", " ".join(own))
        if not shut_in and not names & set(_HARMLESS):
            unclear.update(_given(own))
    return frozenset(taken), frozenset(unclear - taken)


def _listening(name: str, argv: list[str]) -> Iterator[str]:
    """The ports on which a command listens, of the forms that are well known."""
    rest = argv[1:]
    if ssh := ssh_command.parse(argv):
        yield from (forward.port for forward in (*ssh.local, *ssh.dynamic))
    elif name == "socat":
        listen = (
            re.match(r"[A-Z]+[46]?-L(?:ISTEN)?:(?:.*:)?(\d+)", w, re.IGNORECASE) for w in rest
        )
        yield from (match[1] for match in listen if match)
    elif name in _KUBECTL and "port-forward" in rest:
        forwards = (re.fullmatch(r"(\d+)(?::\w[\w-]*)?", word) for word in rest)
        yield from (match[1] for match in forwards if match)
    elif name in _CONTAINERS and {"create", "run"} & set(rest):
        for before, word in zip(argv, rest, strict=False):
            published = re.fullmatch(r"(?:-\w*p|--publish)=?(.*)", word)
            follows = re.fullmatch(r"-\w*p|--publish", before)
            given = word if follows else published[1] if published else ""
            if match := re.fullmatch(r"(?:.*:)?(\d+)(?:-(\d+))?:\d+(?:-\d+)?(?:/tcp)?", given):
                yield from map(str, range(int(match[1]), int(match[2] or match[1]) + 1))
    elif name in _NETCAT and any(re.match(r"-\w*l|--listen", word) for word in rest):
        yield from (word.removeprefix("-p") for word in rest)
    elif "http.server" in rest and name.startswith("python"):
        yield from (word for word in rest if word.isdecimal())


def _given(argv: list[str]) -> Iterator[str]:
    """The ports among a program's words: a number by itself, or where any address may ask.

    That at a machine's address, or in a URL, may as well be a server that is asked.
    """
    for before, word in pairwise(argv):
        option, _, value = word.rpartition("=")
        option = option or (before if before.startswith("-") else "")
        match = re.fullmatch(r"(?:(?:0\.0\.0\.0|\*|\[::\])?:)?(\d+)", value)
        if match and not _AMOUNT.search(option):
            yield match[1]


_AMOUNT = re.compile(r"age|bytes|count|delay|interval|limit|lines|max|min|seconds|size|time|ttl")
"""What an option is called whose number is no port."""
