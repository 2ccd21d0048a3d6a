"""The port of a tunnel: who has it."""

from collections.abc import Iterator
from dataclasses import dataclass

from fleetmesh.diagnostics import sshd
from fleetmesh.diagnostics.subject import (
    MARK,
    Asked,
    Inquiry,
    Quote,
    Subject,
    answer,
    quote,
    script,
)
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.inventory import Inventory

SOCKETS = f"{MARK}sockets"
_STATES = "state listening state established"


@dataclass(frozen=True)
class TunnelPort(Subject):
    """The port on which a tunnel listens."""

    tunnel: str

    def asks(self, inventory: Inventory, known: Snapshot) -> Asked:  # noqa: ARG002
        """All its sockets, with holders as far as the user may see them; and who logs in there."""
        tunnel = inventory.tunnels[self.tunnel]
        port = tunnel.listen.port
        text = script(
            f"bounded head ss -HOtanpe {_STATES} '( sport = :{port} or dport = :{port} )'"
        )
        seconds = inventory.limits.command
        about = f"port {port} of {self.tunnel}"
        asked = Inquiry(tunnel.host, text, seconds, about=about)
        return {(SOCKETS, self.tunnel): asked, **sshd.asks(inventory, tunnel.host)}

    def quotes(self, inventory: Inventory, known: Snapshot) -> Iterator[Quote]:
        """The listener that is not the tunnel's own."""
        tunnel = inventory.tunnels[self.tunnel]
        own = f"/{tunnel.unit} "
        for line in answer(known, SOCKETS, self.tunnel).splitlines():
            if line.startswith("LISTEN ") and own not in f"{line} ":
                source = f"sockets of port {tunnel.listen.port}"
                yield quote(known, SOCKETS, self.tunnel, source, line)
                return
