"""ops-bridge as the manager: one user unit runs all tunnels of its tunnels.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fleetmesh.facts.fact import Inconclusive
from fleetmesh.facts.managers.manager import Manager, boots, bridge_config, runs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleetmesh.facts.machines import BridgeTool
    from fleetmesh.facts.sockets import Socket
    from fleetmesh.facts.units import BootUnits
    from fleetmesh.inventory import Tunnel


@dataclass(frozen=True)
class BridgeTunnel:
    """One tunnel as ops-bridge's own status has it; None is what it does not say."""

    name: str
    kind: str | None
    up: bool
    autostart: bool | None
    pid: int | None = None
    tells_pid: bool = True
    """Whether it names processes at all."""


@dataclass(frozen=True)
class OpsBridge(Manager):
    """The unit of ops-bridge, and what its `bridge status` says of each tunnel."""

    name = "ops-bridge"
    renews_certificates = True
    forks = True

    bridge_status: Mapping[str, dict[str, BridgeTunnel]]
    bridge_tools: Mapping[str, BridgeTool]
    listeners: Mapping[str, tuple[Socket, ...]]

    @classmethod
    def made_from(cls, tunnel: Tunnel) -> tuple[str, str]:
        """Its tunnels.yaml."""
        return bridge_config(tunnel)

    def pid(self, tunnel: Tunnel) -> int:
        """The ssh that `bridge status` names; if it names none at all, the one at the port."""
        known = self._known(tunnel)
        if known.tells_pid:
            return known.pid or 0
        held = [s for s in self.listeners[tunnel.host] if s.local == tunnel.listen]
        pids = {pid for socket in held for _, pid in socket.processes}
        if held and len(pids) != 1:
            raise Inconclusive(f"which process holds {tunnel.listen} on {tunnel.host} is not shown")
        return next(iter(pids), 0)

    def unstoppable(self, tunnel: Tunnel) -> str | None:
        """`bridge down` stops what `bridge` knows."""
        kind = self.bridge_tools[tunnel.host].kind
        if kind != "ops-bridge":
            return f"`bridge` on {tunnel.host} is {kind}"
        self._known(tunnel)
        return None

    def down(self, tunnel: Tunnel) -> str | None:
        """Its unit may run on without it."""
        if down := super().down(tunnel):
            return down
        up = self._known(tunnel).up
        return None if up else f"`bridge` on {tunnel.host} says that {tunnel} is down"

    def running(self, tunnel: Tunnel) -> str | None:
        """Its unit may run on without the tunnel."""
        if self._known(tunnel).up:
            return f"`bridge` on {tunnel.host} says that {tunnel} is up"
        return next(filter(None, map(runs, self._installed(tunnel)[1:])), None)

    def returns(self, tunnel: Tunnel, boot: BootUnits) -> str | None:
        """`bridge down` does not last: a boot starts the unit, and that what has `autostart`."""
        unit, *own = self._installed(tunnel)
        again = boots(unit, boot) if self._known(tunnel).autostart else None
        if again:
            return f"{again}, and it starts {tunnel}"
        return next(filter(None, (boots(each, boot) for each in own)), None)

    def left_out(self, tunnel: Tunnel) -> str | None:
        """Its unit starts only what has `autostart`."""
        if self._known(tunnel).autostart is None:
            raise Inconclusive(f"`bridge` on {tunnel.host} does not say what it starts by itself")
        if not self._known(tunnel).autostart:
            return f"`bridge` on {tunnel.host} does not start {tunnel} by itself"
        return super().left_out(tunnel)

    def persistent(self, host: str) -> list[str]:
        """Its tunnels with `autostart`, too."""
        listed = self.bridge_status[host].values()
        return super().persistent(host) + sorted(one.name for one in listed if one.autostart)

    def _known(self, tunnel: Tunnel) -> BridgeTunnel:
        """What `bridge status` says of a tunnel. Raises AssertionError if it lists none."""
        listed = self.bridge_status[tunnel.host].get(tunnel.id)
        assert listed is not None, f"`bridge` on {tunnel.host} does not know {tunnel}"
        return listed
