"""Who holds a socket, and which machine an address belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass

from fleetmesh.facts.sockets import LoginSession, Socket, bare
from fleetmesh.inventory import Inventory

ITSELF = "this host itself"
"""Where a session without a remote host comes from."""


class Places:
    """Which host an address belongs to: by the inventory, and by what the hosts say of themselves.

    Loopback belongs to whoever says it, so it names no host here.
    """

    def __init__(self, inventory: Inventory) -> None:
        self._hosts = {
            bare(address): name
            for name, host in inventory.hosts.items()
            for address in host.addresses
        }

    def learn(self, host: str, addresses: tuple[str, ...]) -> None:
        """Add the addresses that a host itself reports; an address of the inventory's stays."""
        for address in addresses:
            self._hosts.setdefault(bare(address), host)

    def knows(self, origin: str | None) -> bool:
        """Whether `origin`, as held_by tells it, is a host of the inventory or the host itself."""
        return origin in self._hosts.values() or origin == ITSELF

    def origin(self, session: LoginSession) -> str:
        """Where a session came from: by its address, or by those to which its name leads.

        The name itself is not believed: whoever owns an address chooses what it is called.
        """
        if not session.remote_host:
            return ITSELF
        hosts = dict.fromkeys(map(self.name, session.addresses or (session.remote_host,)))
        return " or ".join(hosts)

    def name(self, address: str) -> str:
        """The host's name, or the address with a remark that no inventory knows it."""
        return self._hosts.get(bare(address), f"{address} (no host of the inventory)")


@dataclass(frozen=True)
class Holder:
    """Who holds a socket: a user's unit, a login session from somewhere, or neither.

    `origin` is the machine from which the login session came.
    """

    unit: str | None = None
    session: str | None = None
    origin: str | None = None
    other: str | None = None

    def __str__(self) -> str:
        if self.unit:
            return f"the unit {self.unit}"
        if self.session:
            return f"login session {self.session} from {self.origin or 'an unknown place'}"
        return self.other or "an unknown process"


def held_by(socket: Socket, sessions: Mapping[str, LoginSession], places: Places) -> Holder:
    """Attribute `socket` by its cgroup (ss(8), cgroups(7)) and logind's session list.

    A unit of the system is not the user's unit of that name.
    """
    if socket.unit and "/user@" in (socket.cgroup or ""):
        return Holder(unit=socket.unit)
    if socket.unit:
        return Holder(other=f"the system's unit {socket.unit}")
    if socket.session:
        session = sessions.get(socket.session)
        if session is None:
            return Holder(session=socket.session, origin="a session that has ended")
        return Holder(session=socket.session, origin=places.origin(session))
    named = ", ".join(f"{name} (pid {pid})" for name, pid in socket.processes)
    where = f"cgroup {socket.cgroup}" if socket.cgroup else "no cgroup that ss could see"
    return Holder(other=f"{named or 'a process'} of uid {socket.uid} in {where}")


def covers(socket: Socket, ip: str, port: int) -> bool:
    """Whether a connection to `ip`:`port` would reach this listener, wildcard addresses too."""
    return socket.port == port and socket.ip in (ip, "0.0.0.0", "*", "::")  # noqa: S104
