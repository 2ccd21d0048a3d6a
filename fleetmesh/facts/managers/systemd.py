"""systemd as the manager: each tunnel is a user unit of its own name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleetmesh.facts.managers.manager import Manager

if TYPE_CHECKING:
    from fleetmesh.inventory import Tunnel


class Systemd(Manager):
    """A user unit for each tunnel, whose main process is the tunnel's ssh."""

    name = "systemd"
    made_from = (".config/systemd/user/{tunnel}.service", "systemd/{tunnel}.service")
    without_bridge = "systemd units are the production implementation"

    def pid(self, tunnel: Tunnel) -> int:
        """The unit's main process."""
        return self.unit(tunnel).main_pid

    def unstoppable(self, tunnel: Tunnel) -> str | None:
        """`systemctl disable --now` stops what systemd has loaded."""
        unit = self.unit(tunnel)
        return None if unit.load == "loaded" else f"{unit.name} is {unit.load} on {tunnel.host}"
