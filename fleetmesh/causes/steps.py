"""The runbook's steps, and which of them have not been done: by facts, and only for sure.

A step counts as done if a later one is. So what has once been running, and is no longer, is not
`not yet`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fleetmesh.by_hand import Hint
from fleetmesh.causes.known import Known
from fleetmesh.evidence.condition import Condition, State
from fleetmesh.facts.bridge_status import BRIDGE_STATUS
from fleetmesh.facts.installed import INSTALLED
from fleetmesh.facts.units import LINGER, SYSTEM_UNITS, UNITS
from fleetmesh.inventory import RetiredTunnel, Tunnel
from fleetmesh.text.shell import join
from fleetmesh.tunnels.attribution import Holder

Step = Literal["install", "linger", "down", "enable", "start", "stop", "return"]
SECTIONS: dict[Step, str] = {
    "install": "Install",
    "linger": "Install (linger)",
    "down": "Cutover 1",
    "enable": "Cutover 2",
    "start": "Cutover 2",
    "stop": "Rollback (fleet)",
    "return": "Rollback (workstation)",
}
"""Where the runbook has each step, in its order. `enable --now` is two of them."""
_BACK: tuple[Step, ...] = ("stop", "return")
"""The steps that undo the others."""


@dataclass(frozen=True)
class Progress:
    """How far the runbook has been carried out, tunnel by tunnel."""

    known: Known

    def waits_for(self, step: Step, tunnel: Tunnel) -> Condition | None:
        """That `step` has not been done for a tunnel; None if it may have been.

        What is next is so for all tunnels of the host: the runbook starts them by one command, and
        not before the last of the workstation's is down.
        """
        if not self._undone(step, tunnel):
            return None
        host = self.known.inventory.tunnels_at(tunnel.host)
        way = [one for one in SECTIONS if (one in _BACK) == (step in _BACK)]
        undone = ((one, each) for one in way for each in host if self._undone(one, each))
        first, of = next(undone)
        own, section = SECTIONS[step], SECTIONS[first]
        command = self.command(first, of)
        return Condition(State.NOT_YET, own, section if section != own else "", command)

    def _undone(self, step: Step, tunnel: Tunnel) -> bool:
        match step:
            case "stop":
                return self._cut_over(tunnel.host)
            case "return":
                return self._cut_over(tunnel.host) or self._left_to_nobody(tunnel)
            case _ if not self.never_started(tunnel):
                return False
            case "install":
                return self._nothing_installed(tunnel.host)
            case "linger":
                return self.known.of(LINGER).get(tunnel.host) == "no"
            case "down":
                return self.carried_by_the_workstation(tunnel)
            case "enable":
                unit = self.known.unit(tunnel)
                return unit is not None and not unit.survives_reboot and self._none_began(tunnel)
            case "start":
                return self._none_began(tunnel)

    def never_started(self, tunnel: Tunnel) -> bool:
        """Whether no unit has certainly been started for it since the boot, nor anything else."""
        workstation = self.known.inventory.workstation.host
        held = self.known.holders(tunnel.host, tunnel.listen.port)
        units = self.known.units(tunnel)
        return (
            bool(units)
            and held is not None
            and all(unit.never_started for unit in units)
            and all(holder.origin == workstation for holder in held)
        )

    def carried_by_the_workstation(self, tunnel: Tunnel) -> bool:
        """Whether its port is held by log-ins of the workstation's alone."""
        workstation = self.known.inventory.workstation.host
        if not any(covers(retired, tunnel) for retired in self._retired()):
            return False
        holders = self.known.holders(tunnel.host, tunnel.listen.port)
        return bool(holders) and all(holder.origin == workstation for holder in holders or ())

    def _cut_over(self, host: str) -> bool:
        """Whether all tunnels of a host are as the cutover leaves them."""
        return all(map(self._carried_by_its_unit, self.known.inventory.tunnels_at(host)))

    def _carried_by_its_unit(self, tunnel: Tunnel) -> bool:
        """Whether its unit is enabled and alone holds its port, and the workstation's is down."""
        unit = self.known.unit(tunnel)
        holders = self.known.holders(tunnel.host, tunnel.listen.port)
        held = set(holders or ()) == {Holder.wanted(tunnel)}
        enabled = unit is not None and unit.survives_reboot
        return enabled and held and self._down_on_the_workstation(tunnel)

    def _left_to_nobody(self, tunnel: Tunnel) -> bool:
        free = self.known.holders(tunnel.host, tunnel.listen.port) == []
        return free and self._down_on_the_workstation(tunnel)

    def _down_on_the_workstation(self, tunnel: Tunnel) -> bool:
        """Whether the workstation says of the tunnel that is retired for it: not up."""
        own = [each for each in self._retired() if covers(each, tunnel)]
        return bool(own) and all(map(self._is_down, own))

    def _is_down(self, retired: RetiredTunnel) -> bool:
        """By `bridge`, or by its unit where `bridge` does not know it."""
        host = self.known.inventory.workstation.host
        listed = self.known.of(BRIDGE_STATUS).get(host, {}).get(retired.id)
        if listed is not None or not retired.unit:
            return listed is not None and not listed.up
        units = self.known.of(SYSTEM_UNITS if retired.by_system else UNITS).get(host, {})
        unit = units.get(retired.unit)
        return unit is not None and unit.active in ("inactive", "failed")

    def _none_began(self, tunnel: Tunnel) -> bool:
        """Whether the workstation still carries it, or no unit of its host has been started.

        One that alone has not started beside others was left out, or taken out again.
        """
        if self.carried_by_the_workstation(tunnel):
            return True
        return all(map(self.never_started, self.known.inventory.tunnels_at(tunnel.host)))

    def _nothing_installed(self, host: str) -> bool:
        units = map(self.known.unit, self.known.inventory.tunnels_at(host))
        files = self.known.of(INSTALLED).get(host, {})
        absent = all(unit is not None and unit.load == "not-found" for unit in units)
        return absent and not any(files.values())

    def _retired(self) -> Iterator[RetiredTunnel]:
        yield from self.known.inventory.workstation.retired.values()

    def command(self, step: Step, tunnel: Tunnel) -> str:
        """What to type for a step, on the machine of the suite; empty if nobody knows."""
        inventory, host = self.known.inventory, tunnel.host
        match step:
            case "install":
                installer = inventory.reference / f"install-{host}.sh"
                if not installer.is_file():
                    return ""
                typed = join(
                    ["bash", f"infra/fleet-mesh/{installer.name}", inventory.hosts[host].ssh]
                )
                return f"{typed}  # on {inventory.workstation.host}, from the-custodian repo"
            case "linger":
                line = f"on {host}: sudo loginctl enable-linger $USER"
            case "down" | "return":
                retired = next(each for each in self._retired() if covers(each, tunnel))
                if not retired.unit and inventory.workstation.bridge.status == "absent":
                    return ""
                does = "{retired:down}" if step == "down" else "{retired:up}"
                hint = Hint(f"on {{inventory.workstation.host}}: {does}")
                return hint.of(inventory, {"retired": retired})
            case _:
                same = inventory.tunnels_at(host, by_system=tunnel.by_system)
                units = join(dict.fromkeys(each.unit for each in same))
                does = "disable" if step == "stop" else "enable"
                line = f"on {host}: {tunnel.systemctl} {does} --now {units}"
        return Hint(line).of(inventory, {})


def covers(retired: RetiredTunnel, tunnel: Tunnel) -> bool:
    """Whether a retired tunnel listened where a tunnel is to listen."""
    return (retired.host, retired.listen) == (tunnel.host, tunnel.listen)
