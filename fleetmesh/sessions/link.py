"""The chain of connections that leads to a host, and its orderly or instant end."""

import socket
from dataclasses import dataclass, field

from fleetmesh.sessions.proxy_command import Proxy
from fleetmesh.sessions.transport import Transport


@dataclass
class Link:
    """Everything that was opened on the way to a host, outermost first."""

    sockets: list[socket.socket] = field(default_factory=list)
    proxies: list[Proxy] = field(default_factory=list)
    transports: list[Transport] = field(default_factory=list)

    def abort(self) -> None:
        """Cut it at the outermost end, which frees every thread that waits on it."""
        for transport in self.transports:
            transport.abort()

    def close(self) -> None:
        """End it; cut first, so that a peer that no longer takes anything cannot hold us up."""
        self.abort()
        for transport in self.transports:
            transport.close()
        for connection in self.sockets:
            connection.close()
        for proxy in self.proxies:
            proxy.close()
