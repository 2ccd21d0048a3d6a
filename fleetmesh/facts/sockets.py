"""Sockets and the login sessions that hold them, as ss(8) and loginctl(1) show them."""

import re
from dataclasses import dataclass

from fleetmesh.facts.fact import Fact, NotUnderstood, Probes, blocks, succeeded
from fleetmesh.facts.probe import Exec
from fleetmesh.transcript import Transcript

_PROCESS = re.compile(r'\("([^"]*)",pid=(\d+),fd=\d+\)')
_SESSION = re.compile(r"session-([^/]+)\.scope")


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
        return _bare(self.local.rpartition(":")[0])

    @property
    def peer_ip(self) -> str:
        """The other end's address, an IPv4 one never in its IPv6 form."""
        return _bare(self.peer.rpartition(":")[0])

    @property
    def peer_port(self) -> int:
        """The other end's port; 0 for a listener."""
        port = self.peer.rpartition(":")[2]
        return int(port) if port.isdigit() else 0

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


def _bare(address: str) -> str:
    return address.strip("[]").removeprefix("::ffff:").partition("%")[0]


def parse_sockets(transcript: Transcript) -> tuple[Socket, ...]:
    """Read `ss -HOtnpe` with or without -l and -i; one socket a line, state column present or not.

    ss omits `uid:` for root and `bytes_…:` for zero.
    """
    sockets = []
    for line in succeeded(transcript).splitlines():
        columns = line.split()
        if columns and columns[0] in ("LISTEN", "ESTAB"):
            del columns[0]
        if len(columns) < 4 or not (columns[0].isdigit() and ":" in columns[2]):
            raise NotUnderstood(f"not a line of ss: {line!r}")
        fields = dict(re.findall(r"(?:^|\s)(\w+):(\S+)", " ".join(columns[4:])))
        sockets.append(
            Socket(
                local=columns[2],
                peer=columns[3],
                uid=int(fields.get("uid", "0")),
                cgroup=fields.get("cgroup"),
                processes=tuple((name, int(pid)) for name, pid in _PROCESS.findall(line)),
                sent=int(fields.get("bytes_sent", "0")) - _retransmitted(fields),
                received=int(fields.get("bytes_received", "0")),
            )
        )
    return tuple(sockets)


def _retransmitted(fields: dict[str, str]) -> int:
    return int(fields.get("bytes_retrans", "0"))


def parse_listeners(transcript: Transcript) -> tuple[Socket, ...]:
    """As parse_sockets; a host that answers on SSH listens somewhere, so none is not believed."""
    sockets = parse_sockets(transcript)
    if not sockets:
        raise NotUnderstood("no listening socket at all, not even sshd's")
    return sockets


@dataclass(frozen=True)
class LoginSession:
    """A logind session; `remote_host` is empty for a local one."""

    id: str
    user: str
    service: str
    remote_host: str
    leader: int


def parse_sessions(transcript: Transcript) -> dict[str, LoginSession]:
    """Read blocks of `loginctl show-session`; the suite's own session is always among them."""
    sessions = {}
    for block in blocks(succeeded(transcript)):
        try:
            session = LoginSession(
                id=block["Id"],
                user=block["Name"],
                service=block.get("Service", ""),
                remote_host=_bare(block.get("RemoteHost", "")),
                leader=int(block.get("Leader", "0")),
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
    """Read `pid uid` lines, each followed by a NUL-separated argument vector and a newline."""
    succeeded(transcript)
    processes = []
    rest = transcript.stdout
    while rest.strip(b"\n"):
        match = re.match(rb"\n*== (\d+) (\d+)\n((?:[^\0]*\0)*?)(?=\n== |\n*\Z)", rest)
        if not match:
            raise NotUnderstood(f"expected `== pid uid`, found {rest[:40]!r}")
        argv = tuple(word.decode("utf-8", "replace") for word in match[3].split(b"\0")[:-1])
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
    'loginctl show-session "$id" -p Id -p Name -p Service -p RemoteHost -p Leader; echo; done'
)
_PROCESSES = (
    "for d in /proc/[0-9]*; do read -r name 2>/dev/null <$d/comm || continue; "
    "case $name in ssh|autossh) printf '\\n== %s %s\\n' ${d#/proc/} \"$(stat -c %u $d)\"; "
    "cat $d/cmdline;; esac; done 2>/dev/null; true"
)

LISTENERS = Fact("listeners", _on_every_host("ss -HOtlnpe"), parse_listeners)
CONNECTIONS = Fact("connections", _on_every_host("ss -HOtnpei state established"), parse_sockets)
SESSIONS = Fact("sessions", _on_fleet_hosts(_SESSIONS), parse_sessions)
PROCESSES = Fact("processes", _on_every_host(_PROCESSES), parse_processes)
