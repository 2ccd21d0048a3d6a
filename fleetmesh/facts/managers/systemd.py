"""systemd as the manager: each tunnel is a unit of its own, of a user's or of the system's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleetmesh.facts.managers.manager import Manager

if TYPE_CHECKING:
    from fleetmesh.inventory import Tunnel


class Systemd(Manager):
    """A unit for each tunnel, whose main process is the tunnel's ssh."""

    name = "systemd"
    without_bridge = "systemd units are the production implementation"

    @classmethod
    def made_from(cls, tunnel: Tunnel) -> tuple[str, str]:
        """The unit's file: of an instance, its template's."""
        folder = "/etc/systemd/system" if tunnel.by_system else ".config/systemd/user"
        return f"{folder}/{tunnel.unit_file}", f"systemd/{tunnel.unit_file}"

    def pid(self, tunnel: Tunnel) -> int:
        """The unit's main process."""
        return self.unit(tunnel).main_pid

    def unstoppable(self, tunnel: Tunnel) -> str | None:
        """`systemctl disable --now` stops what systemd has loaded."""
        unit = self.unit(tunnel)
        return None if unit.load == "loaded" else f"{unit.name} is {unit.load} on {tunnel.host}"
