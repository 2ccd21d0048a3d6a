"""Kinds of faults: those of a kind differ in one thing only, such as the line that was edited."""

from __future__ import annotations

from typing import Any, ClassVar

from rehearsal import fleet, keys, ops_bridge
from rehearsal.faults.clusters import BRIDGES, KUBECONFIG, patch, restore, rolled_out
from rehearsal.faults.fault import Fault, Ground
from rehearsal.faults.machines import (
    AUTHORIZED,
    COULOMB,
    FLEET,
    HUB,
    HUB_BRIDGE,
    KEY,
    RAILIANCE,
    UNITS,
    WANTED,
    WORKSTATION,
    listening,
    restore_unit,
    rewrite,
    units,
    until_listening,
    user,
    wait_for,
)
from rehearsal.states import on


class OpsBridge(Ground):
    """On railiance01 ops-bridge runs the tunnels; its one unit holds them all."""

    name = "ops-bridge"

    def enter(self) -> None:
        ops_bridge.install()

    def leave(self) -> None:
        ops_bridge.undo()

    def inventory(self, document: dict[str, Any]) -> None:
        ops_bridge.managed(document)


class FileChanged(Fault):
    """A file of the tunnels' user was changed by a command; the tunnels that are up stay up."""

    host: ClassVar[str] = RAILIANCE
    file: ClassVar[str] = KEY
    command: ClassVar[str]

    def inject(self) -> None:
        user(self.host, f"cp -p {self.file} {self.file}.kept && {self.command}")

    def heal(self) -> None:
        user(self.host, f"mv -f {self.file}.kept {self.file}")


class Authorized(FileChanged):
    """The line that lets the fleet identity in on coulombcore was changed."""

    host, file = COULOMB, AUTHORIZED
    change: ClassVar[str]

    def inject(self) -> None:
        user(COULOMB, f"cp -p {AUTHORIZED} {AUTHORIZED}.kept; "
                      f"sed -i '{FLEET}{self.change}' {AUTHORIZED}")  # fmt: skip


class Rewritten(Fault):
    """State Hub's unit was edited, reloaded and restarted."""

    change: ClassVar[str]

    def inject(self) -> None:
        rewrite(HUB, self.change)
        until_listening(HUB)

    def heal(self) -> None:
        restore_unit(HUB)


class BridgeChanged(Fault):
    """The bridge's Deployment is changed; `ready` of its pods become ready afterwards."""

    operations: ClassVar[tuple[dict[str, Any], ...]]
    ready: ClassVar[int] = 0

    def inject(self) -> None:
        patch(BRIDGES, f"deploy/{HUB_BRIDGE}", *self.operations)
        rolled_out(BRIDGES, HUB_BRIDGE, ready=self.ready)

    def heal(self) -> None:
        restore(BRIDGES, HUB_BRIDGE)


class KubeconfigChanged(Fault):
    """Something becomes of the kubeconfig on railiance01."""

    harm: ClassVar[str]

    def inject(self) -> None:
        user(RAILIANCE, f"cp -p {KUBECONFIG} ~/kubeconfig.kept; {self.harm}")

    def heal(self) -> None:
        user(RAILIANCE, f"mv ~/kubeconfig.kept {KUBECONFIG}")


class WorkstationLetsFleetIn(Fault):
    """The fleet identity is authorised on the workstation, and its host key pinned."""

    def inject(self) -> None:
        user(WORKSTATION, "cp -p ~/.ssh/authorized_keys ~/kept; "
                          f"echo '{keys.public(keys.FLEET)}' >>~/.ssh/authorized_keys")  # fmt: skip
        pinned = f"198.18.77.13 {keys.public(keys.host_key(WORKSTATION))}"
        user(RAILIANCE, f"cp -p ~/.ssh/known_hosts ~/kept; echo '{pinned}' >>~/.ssh/known_hosts")

    def heal(self) -> None:
        user(WORKSTATION, "mv ~/kept ~/.ssh/authorized_keys")
        user(RAILIANCE, "mv ~/kept ~/.ssh/known_hosts")


class Rogue(Fault):
    """An operator types an ssh command on the workstation and leaves it running."""

    ssh: str
    program = "ssh"
    host = RAILIANCE
    port = 18001

    def inject(self) -> None:
        command = f"setsid {self.program} -N -o BatchMode=yes {self.ssh}"
        self.pid = on(WORKSTATION, f"{command} </dev/null >/dev/null 2>&1 & echo $!").strip()
        wait_for(self.host, listening(self.port))

    def heal(self) -> None:
        user(WORKSTATION, f"kill {self.pid}")
        wait_for(self.host, f"! {listening(self.port)}")


class UserUnit(Fault):
    """A user unit that starts with the workstation; `unit` is its text below [Service]."""

    unit: str
    before: str = ":"
    after: str = ":"

    def inject(self) -> None:
        text = f"[Service]\\n{self.unit}\\n{WANTED}"
        user(WORKSTATION, f"{self.before}; printf '{text}' >{UNITS}/backhaul.service; "
                          "systemctl --user enable backhaul.service")  # fmt: skip

    def heal(self) -> None:
        user(WORKSTATION, "systemctl --user disable backhaul.service; "
                          f"rm {UNITS}/backhaul.service; {self.after}; "
                          "systemctl --user daemon-reload")  # fmt: skip


class Managed(Fault):
    """Something happens to a fleet that ops-bridge manages."""

    ground = OpsBridge

    def heal(self) -> None:
        units("restart", "ops-bridge")
        fleet.wait_until_ready()
