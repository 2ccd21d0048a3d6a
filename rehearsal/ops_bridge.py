"""ops-bridge as the manager of the tunnels on railiance01, instead of the systemd units."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal import fleet
from rehearsal.paths import STANDINS

if TYPE_CHECKING:
    from collections.abc import Sequence

HOST = "railiance01"
PROGRAM = "/usr/local/bin/bridge"
UNIT_FILE = "/home/tegwick/.config/systemd/user/ops-bridge.service"
UNIT = """[Unit]
Description=Tunnels of ops-bridge
StartLimitIntervalSec=0

[Service]
# The stand-in has no daemon of its own: what it starts stays in this unit.
ExecStart=/bin/sh -c 'bridge up --autostart && exec sleep infinity'
Restart=always
RestartSec=500ms

[Install]
WantedBy=default.target
"""


def provide() -> None:
    """Put ops-bridge on its host; it starts nothing yet. Raises RehearsalError."""
    _write(PROGRAM, (STANDINS / "bridge.py").read_text(), user="root", mode="755")
    fleet.run(HOST, f"mkdir -p {Path(UNIT_FILE).parent}")
    _write(UNIT_FILE, UNIT)


def install() -> None:
    """Take a fleet that its units serve to ops-bridge, and wait until it serves.

    `tunnels.yaml` is the one that the installer put there. Raises RehearsalError.
    """
    provide()
    _systemctl("daemon-reload")
    _systemctl("disable --now", _units())
    _systemctl("enable --now", ["ops-bridge"])
    fleet.wait_until_ready()


def managed(inventory: dict[str, Any]) -> None:
    """Change an inventory, as plain data, to that of a fleet which ops-bridge manages."""
    inventory["manager"] = "ops-bridge"


def undo() -> None:
    """Bring the fleet back to its units, and wait until it serves. Raises RehearsalError."""
    _systemctl("disable --now", ["ops-bridge"])
    fleet.run(HOST, f"rm {UNIT_FILE}; rm -rf ~/.local/state/bridge")
    fleet.run(HOST, f"rm {PROGRAM}", user="root")
    _systemctl("daemon-reload")
    _systemctl("enable --now", _units())
    fleet.wait_until_ready()


def _units() -> list[str]:
    return [tunnel.id for tunnel in fleet.inventory().tunnels.values()]


def _systemctl(verb: str, names: Sequence[str] = ()) -> None:
    systemctl = f"export XDG_RUNTIME_DIR=/run/user/1000; systemctl --user --quiet {verb}"
    fleet.run(HOST, f"{systemctl} {' '.join(names)}", deadline=30)


def _write(path: str, text: str, *, user: str = "tegwick", mode: str = "644") -> None:
    command = ["sh", "-c", f"cat >{path} && chmod {mode} {path}"]
    fleet.machine(HOST).run(command, user=user, stdin=text)
