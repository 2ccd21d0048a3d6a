"""Sockets and the login sessions that hold them, as ss(8) and loginctl(1) show them."""

import re
from dataclasses import dataclass
from ipaddress import ip_address

from fleetmesh.facts.fact import Fact, NotUnderstood, Probes, blocks, succeeded
from fleetmesh.facts.probe import Exec
from fleetmesh.transcript import Transcript

_PROCESS = re.compile(r'\("(.*?)",pid=(\d+),fd=\d+\)')
_USERS = re.compile(rf"users:\((?:{_PROCESS.pattern},?)+\)")
_LINE = re.compile(
    r"(?:(?:LISTEN|ESTAB) +)?\d+ +\d+ +(?P<local>\S+:\d+) +(?P<peer>\S+:(?:\d+|\*))(?P<more> .*|)"
)
_SESSION = re.compile(r"session-([^/]+)\.scope")
_POD = re.compile(
    r"kubepods.*[/-]pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?/"
)
End = tuple[str, int]
"""Address and port of one end of a connection, the address in one form alone: see `end`."""


@dataclass(frozen=True)
class Socket:
    """A TCP socket: its ends, who holds it, and what it has carried (payload bytes)."""

    local: str
    peer: str
    uid: int
    cgroup: str | None
    processes: tuple[tuple[str, int], ...] = ()
    sent: int = 0
    received: int = 0

    @property
    def port(self) -> int:
        """Local port."""
        return int(self.local.rpartition(":")[2])

    @property
    def ip(self) -> str:
        """Local address, without brackets and interface."""
        return bare(self.local.rpartition(":")[0])

    @property
    def peer_ip(self) -> str:
        """The other end's address, an IPv4 one never in its IPv6 form."""
        return bare(self.peer.rpartition(":")[0])

    @property
    def peer_port(self) -> int:
        """The other end's port; 0 for a listener."""
        port = self.peer.rpartition(":")[2]
        return int(port) if port.isdigit() else 0

    @property
    def near(self) -> End:
        """The local end."""
        return (self.ip, self.port)

    @property
    def far(self) -> End:
        """The other end."""
        return (self.peer_ip, self.peer_port)

    @property
    def pod(self) -> str | None:
        """UID of the pod whose control group holds the socket, by either of a kubelet's drivers.

        A group below user.slice is whatever its user calls it.
        """
        if (self.cgroup or "").startswith("/user.slice/"):
            return None
        match = _POD.search(self.cgroup or "")
        return match[1].replace("_", "-") if match else None

    @property
    def attributable(self) -> bool:
        """Whether ss could see a control group."""
        return bool(self.cgroup) and not str(self.cgroup).startswith("unreachable")

    @property
    def unit(self) -> str | None:
        """The innermost service whose cgroup holds the socket, None where a session does."""
        services = re.findall(r"[^/]+\.service", self.cgroup or "")
        if self.session or not services or services[-1].startswith("user@"):
            return None
        return str(services[-1])

    @property
    def session(self) -> str | None:
        """Id of the login session whose scope holds the socket."""
        match = _SESSION.search(self.cgroup or "")
        return match[1] if match else None


def end(address: str, port: int) -> End:
    """An end whose address is without brackets and interface, and IPv4 where it can be."""
    return (bare(address), port)


def bare(address: str) -> str:
    """An address in its one form; what is none, as a wildcard or a host's name, stays as it is."""
    address = address.partition("%")[0].strip("[]")
    try:
        read = ip_address(address)
    except ValueError:
        return address
    return str(getattr(read, "ipv4_mapped", None) or read)


def parse_sockets(transcript: Transcript) -> tuple[Socket, ...]:
    """Read `ss -HOtnpe` with or without -l and -i; one socket a line, state column present or not.

    ss omits `uid:` for root and `bytes_…:` for zero. A process may call itself anything, so that
    the names are taken out before the other fields are read.
    """
    sockets = []
    for line in succeeded(transcript).splitlines():
        columns = _LINE.fullmatch(line)
        if not columns:
            raise NotUnderstood(f"not a line of ss: {line!r}")
        users = _USERS.search(columns["more"])
        fields = dict(re.findall(r"\s(\w+):(\S+)", _USERS.sub("", columns["more"])))
        try:
            number = {name: int(fields.get(name, "0")) for name in _NUMBERS}
        except ValueError as error:
            raise NotUnderstood(f"{error} in the line of ss: {line!r}") from None
        sockets.append(
            Socket(
                local=columns["local"],
                peer=columns["peer"],
                uid=number["uid"],
                cgroup=fields.get("cgroup"),
                processes=tuple(
                    (n, int(pid)) for n, pid in _PROCESS.findall(users[0] if users else "")
                ),
                sent=number["bytes_sent"] - number["bytes_retrans"],
                received=number["bytes_received"],
            )
        )
    return tuple(sockets)


_NUMBERS = ("uid", "bytes_sent", "bytes_retrans", "bytes_received")


def parse_listeners(transcript: Transcript) -> tuple[Socket, ...]:
    """As parse_sockets; a host that answers on SSH listens somewhere, so none is not believed."""
    sockets = parse_sockets(transcript)
    if not sockets:
        raise NotUnderstood("no listening socket at all, not even sshd's")
    return sockets


@dataclass(frozen=True)
class LoginSession:
    """A logind session; `remote_host` is empty for a local one.

    With `UseDNS yes`, sshd tells logind a name; `resolved` are its addresses, as the host has them.
    """

    id: str
    user: str
    service: str
    remote_host: str
    leader: int
    resolved: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Whence it came: `remote_host`, or the addresses of that name; none of a local session."""
        try:
            ip_address(self.remote_host)
        except ValueError:
            return self.resolved
        return (self.remote_host,)


def parse_sessions(transcript: Transcript) -> dict[str, LoginSession]:
    """Read blocks of `loginctl show-session`; the suite's own session is always among them.

    A property that was asked for is printed even where it is empty, so that one which is missing
    says nothing. A session that ended after it was listed has no block.
    """
    sessions = {}
    for block in blocks(succeeded(transcript)):
        try:
            session = LoginSession(
                id=block["Id"],
                user=block["Name"],
                service=block["Service"],
                remote_host=bare(block["RemoteHost"]),
                leader=int(block["Leader"]),
                resolved=tuple(dict.fromkeys(map(bare, block.get("Address", "").split()))),
            )
        except (KeyError, ValueError) as error:
            raise NotUnderstood(f"a session without a usable {error}") from None
        sessions[session.id] = session
    if not sessions:
        raise NotUnderstood("no session at all, not even the suite's own")
    return sessions


@dataclass(frozen=True)
class Process:
    """A running ssh client with its exact argument vector."""

    pid: int
    uid: int
    argv: tuple[str, ...]


def parse_processes(transcript: Transcript) -> tuple[Process, ...]:
    """Read `pid uid` lines, each followed by a NUL-separated argument vector and a newline.

    A process that has written a title over its arguments, as ssh's control master does, leaves
    NULs behind it: the title is then all that is known.
    """
    succeeded(transcript)
    processes = []
    rest = transcript.stdout
    while rest.strip(b"\n"):
        match = re.match(rb"\n*== (\d+) (\d+)\n((?:[^\0]*\0)*?)(?=\n== |\n*\Z)", rest)
        if not match:
            raise NotUnderstood(f"expected `== pid uid`, found {rest[:40]!r}")
        argv = tuple(word.decode("utf-8", "replace") for word in match[3].split(b"\0")[:-1])
        if not any(argv[1:]):
            argv = argv[:1]
        if argv:  # a process that ended meanwhile has none
            processes.append(Process(int(match[1]), int(match[2]), argv))
        rest = rest[match.end() :]
    return tuple(processes)


def _on_every_host(command: str) -> Probes:
    return lambda inventory: {host: Exec(host, command) for host in inventory.hosts}


def _on_fleet_hosts(command: str) -> Probes:
    return lambda inventory: {host: Exec(host, command) for host in inventory.fleet_hosts}


_SESSIONS = (
    "loginctl list-sessions --no-legend --no-pager | while read -r id _; do "
    'loginctl show-session "$id" -p Id -p Name -p Service -p RemoteHost -p Leader; '
    'host=$(loginctl show-session "$id" -p RemoteHost --value) && [ "$host" ] && '
    'timeout 1 getent ahosts "$host" | while read -r address _; do echo "Address=$address"; done; '
    "echo; done"
)
_PROCESSES = (
    "read -r name </proc/1/comm || exit; "  # with hidepid, other users' tunnels are hidden
    "for d in /proc/[0-9]*; do read -r name 2>/dev/null <$d/comm || continue; "
    "case $name in ssh|autossh) printf '\\n== %s %s\\n' ${d#/proc/} \"$(stat -c %u $d)\"; "
    "cat $d/cmdline;; esac; done 2>/dev/null; true"
)

LISTENERS = Fact("listeners", _on_every_host("ss -HOtlnpe"), parse_listeners)
CONNECTIONS = Fact("connections", _on_every_host("ss -HOtnpei state established"), parse_sockets)
SESSIONS = Fact("sessions", _on_fleet_hosts(_SESSIONS), parse_sessions)
PROCESSES = Fact("processes", _on_every_host(_PROCESSES), parse_processes)
