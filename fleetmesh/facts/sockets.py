"""Sockets and the login sessions that hold them, as ss(8) and loginctl(1) show them."""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from ipaddress import ip_address

from fleetmesh.facts.fact import Fact, NotUnderstood, Probes, blocks, succeeded
from fleetmesh.gather.commands import WhileHeld
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.text import ssh_settings
from fleetmesh.text.ssh_settings import SshSettings

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
    """-1 where nobody tells."""
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
    def of_a_login(self) -> bool:
        """Whether somebody who can log in holds it: neither a daemon nor a container.

        The ranges are those of systemd's UIDS-GIDS and login.defs(5): below 1000 is the system's,
        and 61184 to 65535 are dynamic users and nobody.
        """
        contained = re.search(
            r"kubepods|docker|libpod|containerd|machine\.slice", self.cgroup or ""
        )
        return self.uid >= 1000 and not 61184 <= self.uid <= 65535 and not contained

    def is_of(self, pid: int) -> bool:
        """Whether the process of that id holds it, as far as ss may say so."""
        return any(holder == pid for _, holder in self.processes)

    @cached_property
    def near(self) -> End:
        """The local end."""
        return (self.ip, self.port)

    @cached_property
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
        return (self.cgroup or "").startswith("/")

    @property
    def unit(self) -> str | None:
        """The innermost service whose cgroup holds the socket, None where a session does."""
        services = re.findall(r"[^/]+\.service", self.cgroup or "")
        if self.session or not services or services[-1].startswith("user@"):
            return None
        return str(services[-1])

    @property
    def of_a_user_manager(self) -> bool:
        """Whether a user's systemd instance runs what holds it, and not the system's."""
        return "/user@" in (self.cgroup or "")

    @property
    def session(self) -> str | None:
        """Id of the login session whose scope holds the socket."""
        match = _SESSION.search(self.cgroup or "")
        return match[1] if match else None


def end(address: str, port: int) -> End:
    """An end whose address is without brackets and interface, and IPv4 where it can be."""
    return (bare(address), port)


@lru_cache(maxsize=2**16)
def bare(address: str) -> str:
    """An address in its one form; what is none, as a wildcard or a host's name, stays as it is."""
    address = address.partition("%")[0].strip("[]")
    try:
        read = ip_address(address)
    except ValueError:
        return address
    return str(getattr(read, "ipv4_mapped", None) or read)


def _on_every_host(command: str) -> Probes:
    return lambda inventory: {host: WhileHeld(host, command) for host in inventory.hosts}


_SOCKETS = files(__package__).joinpath("sockets.sh").read_text()


def _sockets(state: str, command: str) -> Probes:
    """By ss, with the control groups that only ss tells; on the workstation by what there is."""

    def probes(inventory: Inventory) -> dict[str, Probe]:
        workstation = inventory.workstation.host
        asked: dict[str, Probe] = {h: WhileHeld(h, command) for h in inventory.fleet_hosts}
        return {**asked, workstation: WhileHeld(workstation, f"state={state}\n{_SOCKETS}")}

    return probes


_PROCESS = re.compile(r'\("(.*?)",pid=(\d+),fd=\d+\)')
_USERS = re.compile(rf"users:\((?:{_PROCESS.pattern},?)+\)")
_LINE = re.compile(
    r"(?:(?:LISTEN|ESTAB) +)?\d+ +\d+ +(?P<local>\S+:\d{1,5}) +(?P<peer>\S+:(?:\d{1,5}|\*))"
    r"(?P<more> .*|)"
)
_NUMBERS = ("uid", "bytes_sent", "bytes_retrans", "bytes_received")


def parse_sockets(transcript: Transcript) -> tuple[Socket, ...]:
    """Read `ss -HOtnpe` with or without -l and -i; one socket a line, state column present or not.

    ss omits `uid:` for root and `bytes_…:` for zero; sockets.sh has -1 where nobody tells whose it
    is. A process may call itself anything, so that the names are taken out before the other fields
    are read.
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
        socket = Socket(
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
        if not (_is_address(socket.ip) and _is_address(socket.peer_ip)):
            raise NotUnderstood(f"no addresses in the line of ss: {line!r}")
        sockets.append(socket)
    return tuple(sockets)


CONNECTIONS = Fact(
    "connections", _sockets("established", "ss -HOtnpei state established"), parse_sockets
)


def _is_address(ip: str) -> bool:
    try:
        return ip == "*" or bool(ip_address(ip))
    except ValueError:
        return False


def parse_listeners(transcript: Transcript) -> tuple[Socket, ...]:
    """As parse_sockets; a host that answers on SSH listens somewhere, so none is not believed."""
    sockets = parse_sockets(transcript)
    if not sockets:
        raise NotUnderstood("no listening socket at all, not even sshd's")
    return sockets


LISTENERS = Fact("listeners", _sockets("listening", "ss -HOtlnpe"), parse_listeners)


@dataclass(frozen=True)
class LoginSession:
    """A logind session; `remote_host` is empty for a local one.

    With `UseDNS yes`, sshd tells logind a name; `resolved` are its addresses, as the host has them.
    """

    id: str
    remote_host: str
    resolved: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Whence it came: `remote_host`, or the addresses of that name; none of a local session."""
        try:
            ip_address(self.remote_host)
        except ValueError:
            return self.resolved
        return (self.remote_host,)


_SESSIONS = (
    'echo "Own=$XDG_SESSION_ID"; echo; '
    "listed=$(loginctl list-sessions --no-legend --no-pager) || exit; "
    """[ -z "$listed" ] || printf '%s\\n' "$listed" | while read -r id _; do """
    """shown=$(loginctl show-session "$id" -p Id -p RemoteHost) && printf '%s\\n' "$shown"; """
    "host=${shown##*RemoteHost=} host=${host%%[[:space:]]*}; "
    'case $shown:$host in *RemoteHost=*:*[!0-9.:]*) timeout 1 getent ahosts "$host" | '
    'while read -r address _; do echo "Address=$address"; done;; esac; '
    "echo; done"
)


def _sessions(inventory: Inventory) -> dict[str, Probe]:
    return {host: WhileHeld(host, _SESSIONS) for host in inventory.fleet_hosts}


def parse_sessions(transcript: Transcript) -> dict[str, LoginSession]:
    """Read `Own=` and blocks of `loginctl show-session`; the suite's own must be among them.

    Where `Own=` is empty, sshd has opened no session for the suite: it does without PAM. A property
    that was asked for is printed even where it is empty, so that one which is missing says nothing.
    A session that ended after it was listed has no block.
    """
    sessions = {}
    own, *listed = blocks(succeeded(transcript)) or [{}]
    if own.keys() != {"Own"}:
        raise NotUnderstood("the suite's own session is not named first")
    for block in listed:
        try:
            session = LoginSession(
                id=block["Id"],
                remote_host=bare(block["RemoteHost"]),
                resolved=tuple(dict.fromkeys(map(bare, block.get("Address", "").split()))),
            )
        except KeyError as error:
            raise NotUnderstood(f"a session without a usable {error}") from None
        sessions[session.id] = session
    if own["Own"] and own["Own"] not in sessions:
        raise NotUnderstood(f"the suite's own session {own['Own']} is not among them")
    return sessions


SESSIONS = Fact("sessions", _sessions, parse_sessions)


@dataclass(frozen=True)
class Process:
    """A running ssh client with its exact argument vector, but for the remote command."""

    pid: int
    own: bool
    """Whether it is the suite's user's."""
    argv: tuple[str, ...]
    """Empty where it could not be read."""
    settings: SshSettings | None = None
    """What ssh_config has for its destination; None where that is not known."""
    uid: int | None = None
    """Of another user's."""
    cgroup: str | None = None
    """Of another user's; None where the host does not tell, cgroups(7)."""

    def may_hold(self, socket: Socket) -> bool:
        """Whether a socket may be this other user's, of whose sockets ss names no process."""
        same_user = self.uid in (None, socket.uid) or socket.uid < 0
        same = same_user and self.cgroup in (None, socket.cgroup)
        return same and not socket.processes


_PROCESSES = files(__package__).joinpath("processes.sh").read_text()
_PROCESS_HEAD = re.compile(rb"\n*== (\d{1,10}) (?:own|(\d{1,10}):(/\S*)?) (\d{1,6})\n")
_PROCESS_SETTINGS = re.compile(rb"\n((?:-- [a-z]+ [^\n]*\n)*)")


def parse_processes(transcript: Transcript) -> tuple[Process, ...]:
    """Read what processes.sh prints: `== pid whose words`, the words, and `-- keyword value` lines.

    A process that has written a title over its arguments, as ssh's control master does, leaves
    NULs behind it: the title is then all that is known.
    """
    succeeded(transcript)
    processes = []
    said, at = transcript.stdout, 0
    end = len(said.rstrip(b"\n"))
    while at < end:
        head = _PROCESS_HEAD.match(said, at)
        if not head:
            raise NotUnderstood(f"expected `== pid whose words`, found {said[at : at + 40]!r}")
        pid, count, at = int(head[1]), int(head[4]), head.end()
        words: list[str] = []
        while len(words) < count and (stop := said.find(b"\0", at)) >= 0:
            words.append(said[at:stop].decode("utf-8", "replace"))
            at = stop + 1
        settings = _PROCESS_SETTINGS.match(said, at)
        if len(words) != count or not settings:
            raise NotUnderstood(f"process {pid} does not end after {count} words")
        lines = settings[1].decode("utf-8", "replace").splitlines()
        processes.append(
            Process(
                pid=pid,
                own=head[2] is None,
                argv=tuple(words) if any(words[1:]) else tuple(words[:1]),
                settings=ssh_settings.parse([line.removeprefix("-- ") for line in lines])
                if lines
                else None,
                uid=int(head[2]) if head[2] else None,
                cgroup=head[3].decode("utf-8", "replace") if head[3] else None,
            )
        )
        at = settings.end()
    return tuple(processes)


PROCESSES = Fact("processes", _on_every_host(_PROCESSES), parse_processes)
