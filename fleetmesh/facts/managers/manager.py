"""What an operator asks of whatever runs the tunnels on their host."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar

from fleetmesh.facts.fact import Inconclusive
from fleetmesh.text.ssh_command import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fleetmesh.facts.sockets import Process
    from fleetmesh.facts.units import BootUnits, Unit
    from fleetmesh.inventory import Inventory, Tunnel


def bridge_config(tunnel: Tunnel) -> tuple[str, str]:
    """The installed tunnels.yaml of a tunnel's host, and the reference's file for it."""
    return ".config/bridge/tunnels.yaml", f"{tunnel.host}-tunnels.yaml"


@dataclass(frozen=True)
class Manager(ABC):
    """A manager of the tunnels: the class says what must be there, an object what is.

    An object's fields are the facts that it reads, under their names; no others are asked for it.
    """

    name: ClassVar[str]
    """The inventory's word for it."""
    without_bridge: ClassVar[str | None] = None
    """Why `bridge` on the tunnels' host need not be ops-bridge; None if it must."""
    renews_certificates: ClassVar[bool] = False
    """Whether it runs a tunnel's cert_command, so that nothing else on the host has to."""

    forks: ClassVar[bool] = False
    """Whether an ssh that goes to the background still is its tunnel."""

    units: Mapping[str, dict[str, Unit]]
    system_units: Mapping[str, dict[str, Unit]]

    @classmethod
    def reads(cls) -> list[str]:
        """The names of the facts that it reads."""
        return [field.name for field in fields(cls)]

    @classmethod
    @abstractmethod
    def made_from(cls, tunnel: Tunnel) -> tuple[str, str]:
        """The installed file by which it starts a tunnel, and the reference's file for it.

        What is installed for the user lies at a path that begins in its home.
        """

    @staticmethod
    def place(installed: str) -> str:
        """An installed file's path as a person writes it."""
        return installed if installed.startswith("/") else f"~/{installed}"

    @classmethod
    def files(cls, inventory: Inventory, host: str) -> dict[str, str]:
        """Where the runbook installs each reference file: installed path → path in `reference`.

        It installs tunnels.yaml whatever runs the tunnels.
        """
        own = inventory.tunnels_at(host)
        return dict([*map(cls.made_from, own), *map(bridge_config, own)])

    def unit(self, tunnel: Tunnel) -> Unit:
        """The unit that must hold a tunnel. Raises Inconclusive if systemd was not asked for it."""
        try:
            return self._beside(tunnel)[tunnel.unit]
        except KeyError:
            raise Inconclusive(f"{tunnel.host} was not asked about {tunnel.unit}") from None

    def process(self, tunnel: Tunnel, ssh: Iterable[Process]) -> Process | None:
        """The ssh among a host's that carries a tunnel.

        Raises Inconclusive where another user runs it and the host shows it to that user alone.
        """
        pid = self.pid(tunnel)
        found = next((process for process in ssh if process.pid == pid), None)
        if found is None and pid and tunnel.by_system and all(process.own for process in ssh):
            user = self.unit(tunnel).user or "root"
            raise Inconclusive(
                f"{tunnel.unit} runs process {pid} as {user}: if it is an ssh, it is not shown"
            )
        return found

    @abstractmethod
    def pid(self, tunnel: Tunnel) -> int:
        """The process that carries a tunnel; 0 if none is named."""

    @abstractmethod
    def unstoppable(self, tunnel: Tunnel) -> str | None:
        """Why a rollback could not stop a tunnel; None if it could."""

    def owners(self, tunnels: Iterable[Tunnel], home: str) -> dict[str, str]:
        """Whose the keys of tunnels must be where the system runs their unit, by path."""
        found = {}
        for tunnel in tunnels:
            unit = self.unit(tunnel) if tunnel.by_system else None
            if unit and unit.load != "not-found":
                found[tunnel.key.replace("~", home, 1)] = unit.user or "root"
        return found

    def _beside(self, tunnel: Tunnel) -> dict[str, Unit]:
        """The units of the manager that runs a tunnel's."""
        return (self.system_units if tunnel.by_system else self.units)[tunnel.host]

    def down(self, tunnel: Tunnel) -> str | None:
        """Why a tunnel is down; None if it is up."""
        unit = self.unit(tunnel)
        if unit.load == "not-found":
            return f"{unit.name} is not installed"
        if (unit.active, unit.sub) == ("active", "running"):
            return None
        return (
            f"{unit.name} is {unit.active} ({unit.sub}), result {unit.result}, "
            f"after {unit.restarts} restarts"
        )

    def running(self, tunnel: Tunnel) -> str | None:
        """What of a tunnel runs, or is tried again and again; None if it is stopped.

        Raises Inconclusive if its unit is not installed: what runs may have another name.
        """
        return next(filter(None, map(runs, self._installed(tunnel))), None)

    def returns(self, tunnel: Tunnel, boot: BootUnits) -> str | None:
        """Why a boot would start a tunnel; None if it would not. Raises Inconclusive as `running`.

        What is neither `disabled` nor `masked` may be started, whatever it is; systemctl(1).
        """
        return next(filter(None, (boots(unit, boot) for unit in self._installed(tunnel))), None)

    def _installed(self, tunnel: Tunnel) -> list[Unit]:
        """Its unit and, if there is one, the unit of its own name."""
        unit, own = self.unit(tunnel), self._beside(tunnel).get(tunnel.own_unit)
        if unit.load == "not-found":
            raise Inconclusive(
                f"{unit.name} is not installed on {tunnel.host}: what ran there had another name, "
                "or never ran"
            )
        return [unit] if own is None or own.load == "not-found" or own == unit else [unit, own]

    def left_out(self, tunnel: Tunnel) -> str | None:
        """Why a boot that starts its unit would not start a tunnel by that; None if it would."""
        other = self._beside(tunnel).get(tunnel.own_unit)
        if other and other.survives_reboot and other.name != tunnel.unit:
            return f"{other.name} would start as well"
        return None

    def persistent(self, host: str) -> list[str]:
        """What holds a tunnel on a host from each boot on: units, or tunnels within one."""
        units = [*self.units[host].values()]
        units += self.system_units[host].values() if host in tuple(self.system_units) else ()
        return sorted(
            unit.name
            for unit in units
            if unit.survives_reboot
            and any((ssh := parse(c.split())) and ssh.is_tunnel for c in unit.commands)
        )


def runs(unit: Unit) -> str | None:
    """How a unit is up, or on its way; None if it is stopped."""
    stopped = unit.active in ("inactive", "failed")
    return None if stopped else f"{unit.name} is {unit.active} ({unit.sub})"


def boots(unit: Unit, boot: BootUnits) -> str | None:
    """Why a boot may start a unit; None if it does not."""
    if unit.file_state not in ("disabled", "masked"):
        return f"{unit.name} is {unit.file_state or unit.load}, not disabled"
    return f"default.target pulls {unit.name} in" if unit.name in boot else None
