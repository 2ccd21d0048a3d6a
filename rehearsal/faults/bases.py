"""Kinds of faults: those of a kind differ in one thing only, such as the line that was edited."""

from __future__ import annotations

import json
from shlex import quote
from typing import TYPE_CHECKING, Any, ClassVar

from rehearsal import fleet, keys, ops_bridge, other_units, states
from rehearsal.faults.clusters import (
    API,
    BRIDGES,
    CONTAINER,
    SERVICES,
    kubectl,
    patch,
    replace,
    restore,
    rolled_out,
)
from rehearsal.faults.fault import Fault, Ground
from rehearsal.faults.machines import (
    AUTHORIZED,
    COULOMB,
    FLEET,
    HUB,
    HUB_BRIDGE,
    KEY,
    RAILIANCE,
    WORKSTATION,
    listening,
    restore_unit,
    rewrite,
    root,
    units,
    until_listening,
    user,
    wait_for,
)
from rehearsal.states import on

if TYPE_CHECKING:
    from collections.abc import Mapping


class ManagedByOpsBridge(Ground):
    """On railiance01 ops-bridge runs the tunnels; its one unit holds them all."""

    name = "ops-bridge"

    def enter(self) -> None:
        ops_bridge.install()

    def leave(self) -> None:
        ops_bridge.undo()

    def inventory(self, document: dict[str, Any]) -> None:
        ops_bridge.managed(document)


class OtherUnits(Ground):
    """A system's unit, an instance of a template, another key and user, and another `bridge`."""

    name = "other-units"

    def enter(self) -> None:
        other_units.install()

    def leave(self) -> None:
        other_units.undo()

    def inventory(self, document: dict[str, Any]) -> None:
        other_units.described(document)


class RolledBack(Ground):
    """The workstation serves again, by its hub; the fleet's units are stopped for good."""

    name = "rolled-back"
    tests = ("tests/rollback",)

    def enter(self) -> None:
        states.forward("rolled-back", fleet.inventory(), lambda _: None)
        fleet.wait_until_ready()

    def leave(self) -> None:
        states.forward("after", fleet.inventory(), lambda _: None)
        fleet.wait_until_ready()


class Own(Ground):
    """The fleet after the cutover, as the checks in tests/own look at it."""

    name = "own"
    tests = ("tests/own",)


class FilesAdded(Fault):
    """Somebody adds files to a host, and may enable a unit: the user below `~`, root elsewhere."""

    host: ClassVar[str] = WORKSTATION
    files: ClassVar[Mapping[str, str]]
    """Paths and texts; what begins as a script is made one that can be run."""
    enabled: ClassVar[str] = ""

    def inject(self) -> None:
        for file, text in self.files.items():
            self._run(f"mkdir -p $(dirname {file}); printf %s {quote(text)} >{file}")
            if text.startswith("#!"):
                self._run(f"chmod 755 {file}")
        self._tell_systemd()
        if self.enabled:
            self._run(f"{self._systemctl} enable {self.enabled}")

    def heal(self) -> None:
        if self.enabled:
            self._run(f"{self._systemctl} disable {self.enabled}")
        self._run(f"rm {' '.join(self.files)}")
        self._tell_systemd()

    def _tell_systemd(self) -> None:
        if any("/systemd/" in file for file in self.files):
            self._run(f"{self._systemctl} daemon-reload")

    @property
    def _by_user(self) -> bool:
        return all(file.startswith("~") for file in self.files)

    @property
    def _systemctl(self) -> str:
        return "systemctl --user" if self._by_user else "systemctl"

    def _run(self, command: str) -> None:
        (user if self._by_user else root)(self.host, command)


class FileChanged(Fault):
    """The user's file was changed by a command; the former one is kept beside it."""

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


class SelectedByExpressions(Fault):
    """A Deployment is made anew, with a selector of expressions alone."""

    deployment: ClassVar[str]
    manifest: ClassVar[str] = ""

    def inject(self) -> None:
        made = json.loads(kubectl(BRIDGES, f"get deploy/{self.deployment} -o json"))
        labels = made["spec"]["selector"].pop("matchLabels")
        made["spec"]["selector"]["matchExpressions"] = [
            *({"key": key, "operator": "In", "values": [labels[key], "x"]} for key in labels),
            {"key": "track", "operator": "NotIn", "values": ["canary"]},
            {"key": "retired", "operator": "DoesNotExist"},
        ]
        kept = {key: made["metadata"][key] for key in ("name", "namespace", "labels")}
        kubectl(BRIDGES, f"delete deploy/{self.deployment}")
        body = json.dumps({**made, "metadata": kept, "status": {}})
        kubectl(BRIDGES, f"create --validate=false -f - <<'END'\n{body}\nEND")
        rolled_out(BRIDGES, self.deployment)

    def heal(self) -> None:
        kubectl(BRIDGES, f"delete deploy/{self.deployment}")
        restore(BRIDGES, self.deployment, self.manifest)


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


class Managed(Fault):
    """Something happens to a fleet that ops-bridge manages."""

    ground = ManagedByOpsBridge

    def heal(self) -> None:
        units("restart", "ops-bridge")
        fleet.wait_until_ready()


_PORTS = {"state-hub": 8000, "issue-core": 8765}
_NC, _WGET = "/usr/local/bin/nc", "/usr/local/bin/wget"


class Says(Fault):
    """A service says a thing, and the inventory expects another, or just that."""

    services: ClassVar[tuple[str, ...]] = ("state-hub",)
    body: ClassVar[str] = "well\n"
    header: ClassVar[str] = ""
    health: ClassVar[dict[str, Any]]

    def inject(self) -> None:
        for service in self.services:
            command = ["python3", "-m", "standins.says", "--port", str(_PORTS[service])]
            command += [f"--header={self.header}"] if self.header else []
            patch(
                SERVICES,
                f"deploy/{service}",
                replace(f"{CONTAINER}/command", [*command, self.body]),
            )
            rolled_out(SERVICES, service)

    def heal(self) -> None:
        for service in self.services:
            restore(SERVICES, service)

    def inventory(self, document: dict[str, Any]) -> None:
        for service in self.services:
            path = document["services"][service]["health"]["path"]
            document["services"][service]["health"] = {"path": path, **self.health}


class ChangedApplication(Fault):
    """The application's Deployment is changed."""

    operations: ClassVar[tuple[dict[str, Any], ...]]

    def inject(self) -> None:
        patch(BRIDGES, f"deploy/{API}", *self.operations)
        rolled_out(BRIDGES, API)

    def heal(self) -> None:
        restore(BRIDGES, API, "00-activity-core")


class AskedBy(Fault):
    """The application's image has no Python, and the inventory says what it has."""

    program: ClassVar[str]

    def inject(self) -> None:
        root(RAILIANCE, f"for name in {_NC} {_WGET}; do ln -sf /usr/bin/busybox $name; done")

    def heal(self) -> None:
        root(RAILIANCE, f"rm {_NC} {_WGET}")

    def inventory(self, document: dict[str, Any]) -> None:
        document["probe"] |= {"with": self.program, "container": "api"}
