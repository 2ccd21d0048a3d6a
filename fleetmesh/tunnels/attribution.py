"""Who holds a socket, and which machine an address belongs to."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from fleetmesh.facts.sockets import LoginSession, Socket, bare
from fleetmesh.inventory import Inventory, Tunnel

ITSELF = "this host itself"
"""The origin of a session that has no remote host."""


class Places:
    """Which host an address belongs to, according to the inventory and to the hosts themselves.

    Every host has the loopback addresses, so here they name none.
    """

    def __init__(self, inventory: Inventory) -> None:
        self._hosts = {
            bare(address): name
            for name, host in inventory.hosts.items()
            for address in host.addresses
        }
        self._given = frozenset(self._hosts)
        self._disputed: set[str] = set()
        self._nat: dict[str, list[str]] = {}
        for name, host in inventory.hosts.items():
            for address in host.nat:
                if bare(address) not in self._given:
                    self._nat.setdefault(bare(address), []).append(name)
        self.system_units = frozenset(t.unit for t in inventory.tunnels.values() if t.by_system)
        """The units of tunnels that the system's manager runs."""

    def learn(self, host: str, addresses: tuple[str, ...]) -> None:
        """Add the addresses that a host reports; addresses from the inventory are kept.

        An address that two hosts report names neither: a host speaks only for itself.
        """
        for address in addresses:
            known = bare(address)
            if self._hosts.setdefault(known, host) != host and known not in self._given:
                self._disputed.add(known)

    def knows(self, origin: str | None) -> bool:
        """Whether `origin`, as `held_by` gives it, is an inventory's host or the host itself."""
        return origin in self._hosts.values() or origin == ITSELF

    def addresses_of(self, host: str) -> list[str]:
        """Every address of a host, from the inventory and from the host itself."""
        return [a for a, name in self._hosts.items() if name == host and a not in self._disputed]

    def behind(self, host: str) -> frozenset[str]:
        """The addresses under which a host's connections arrive elsewhere, translated."""
        return frozenset(address for address, hosts in self._nat.items() if host in hosts)

    def origin(self, session: LoginSession) -> str:
        """Where a session came from, by its address or by the addresses that its name resolves to.

        The name itself proves nothing: whoever owns an address chooses its name.
        """
        if not session.remote_host:
            return ITSELF
        hosts = dict.fromkeys(map(self.name, session.addresses or (session.remote_host,)))
        return " or ".join(hosts)

    def name(self, address: str) -> str:
        """The host's name; or the address, with a remark that the inventory does not know it."""
        if bare(address) in self._disputed:
            return f"{address} (which several hosts report as their own)"
        if behind := self._nat.get(bare(address)):
            own = self._hosts.get(bare(address))
            return " or ".join(dict.fromkeys([*behind, *([own] if own else [])]))
        return self._hosts.get(bare(address), f"{address} (no host of the inventory)")


@dataclass(frozen=True)
class Holder:
    """Who holds a socket: a user's unit, a login session from somewhere, or neither.

    `origin` is the machine that the login session came from. An `unattributed` socket may belong to
    a login session or not; nothing tells. An `unseen` one may even belong to a unit. Of the units
    that the system runs, only those of tunnels count as a `unit`; the others are its daemons.
    """

    unit: str | None = None
    by_system: bool = False
    session: str | None = None
    origin: str | None = None
    other: str | None = None
    unattributed: bool = False
    unseen: bool = False

    def __str__(self) -> str:
        if self.unit:
            return f"the system's unit {self.unit}" if self.by_system else f"the unit {self.unit}"
        if self.session:
            return f"login session {self.session} from {self.origin or 'an unknown place'}"
        other = self.other or "an unknown process"
        return f"{other}: a log-in's or not, nothing tells" if self.unattributed else other

    @classmethod
    def wanted(cls, tunnel: Tunnel) -> "Holder":
        """Who must hold what is the tunnel's."""
        return cls(unit=tunnel.unit, by_system=tunnel.by_system)


def held_by(socket: Socket, sessions: Mapping[str, LoginSession], places: Places) -> Holder:
    """Attribute `socket` by its cgroup (ss(8), cgroups(7)) and logind's session list.

    A system unit is not the user's unit of the same name. Root alone puts a process into one, so
    that what a tunnel's holds is the tunnel's, whoever its user is. An sshd without PAM opens no
    session: what its logins hold is in sshd's own cgroup, under the uid of whoever logged in, and
    an ordinary user does not see the process. If ss names a process that is not sshd's, it is a
    program of that unit.
    """
    if socket.session:
        session = sessions.get(socket.session)
        if session is None:
            return Holder(session=socket.session, origin="a session that has ended")
        return Holder(session=socket.session, origin=places.origin(session))
    if socket.unit and socket.of_a_user_manager:
        return Holder(unit=socket.unit)
    if socket.unit in places.system_units:
        return Holder(unit=socket.unit, by_system=True)
    if socket.unit:
        programs = {name for name, _ in socket.processes} - _SSHD_PROCESSES
        sshd = not programs and _SSHD.match(socket.unit) is not None
        as_whom = f" as uid {socket.uid}" if socket.of_a_login else ""
        return Holder(
            other=f"the system's unit {socket.unit}{as_whom}",
            unattributed=not programs and (socket.of_a_login or (sshd and socket.port >= 1024)),
        )
    named = ", ".join(f"{name} (pid {pid})" for name, pid in socket.processes)
    where = f"cgroup {socket.cgroup}" if socket.cgroup else "no cgroup that ss could see"
    other = f"{named or 'a process'} of uid {socket.uid} in {where}"
    unattributed = not socket.of_a_user_manager
    return Holder(other=other, unattributed=unattributed, unseen=not socket.attributable)


_SSHD = re.compile(r"ssh|dropbear")
_SSHD_PROCESSES = {"sshd", "sshd-session", "dropbear"}
_RELAYS = _SSHD_PROCESSES | {"autossh", "dbclient", "nc", "ncat", "socat", "ssh"}
_X11 = range(6010, 6064)


def may_be_a_login(socket: Socket, holder: Holder) -> bool:
    """Whether an unattributed listener may belong to a login, rather than to a system daemon."""
    return holder.unattributed and socket.of_a_login


def harmless_in_a_session(socket: Socket) -> str | None:
    """What a listener of a login session is, if it is not a tunnel; None if it may be one.

    An ordinary user sees no process for sshd's own sockets, which are the tunnels and X11's
    (sshd_config(5), X11DisplayOffset).
    """
    names = {name for name, _ in socket.processes}
    if not names and socket.port in _X11 and ip_address(socket.ip).is_loopback:
        return "X11 forwarding"
    return f"{', '.join(sorted(names))} serves there" if names and not names & _RELAYS else None


def covers(socket: Socket, ip: str, port: int) -> bool:
    """Whether a connection to `ip`:`port` would reach this listener, also by a wildcard address."""
    return socket.port == port and socket.ip in (ip, "0.0.0.0", "*", "::")  # noqa: S104


def open_doors(
    tunnel: Tunnel,
    inventory: Inventory,
    listeners: Iterable[Socket],
    sessions: Mapping[str, LoginSession],
    places: Places,
) -> list[str]:
    """Where a tunnel's unit listens, although none of its tunnels should.

    A manager's own service may listen; the ssh that it starts may not.
    """
    wanted = Holder.wanted(tunnel)
    beside = inventory.tunnels_at(tunnel.host)
    held = {at for t in beside if Holder.wanted(t) == wanted for at in t.listen.shown_as}
    service = tunnel.unit != tunnel.own_unit
    return [
        socket.local
        for socket in listeners
        if held_by(socket, sessions, places) == wanted
        and socket.local not in held
        and not (service and "ssh" not in [name for name, _ in socket.processes])
    ]
