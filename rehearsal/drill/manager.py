"""What runs the tunnels on railiance01 in a drill, and so what is typed to start and stop them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal import ops_bridge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TUNNELS = "fleet-state-hub-coulombcore fleet-issue-core-coulombcore"


@dataclass(frozen=True)
class ManagerCommands:
    """A manager of the tunnels, by the inventory's word for it."""

    name: str
    units: tuple[str, ...]
    """The user units that hold the tunnels."""
    pid: str
    """A shell command that prints the process which carries the tunnel `{tunnel}`."""
    instead: Mapping[str, str] = field(default_factory=dict)
    """What is typed in place of the runbook's commands that name systemd's units; see COMMANDS."""
    provide: Callable[[], None] = lambda: None
    """Have it on railiance01 before the drill begins."""
    managed: Callable[[dict[str, Any]], None] = lambda _: None
    """Change an inventory, as plain data, to that of a fleet which it manages."""
    settles: frozenset[str] = frozenset()
    """The ids of the checks that are deferred until it is there."""


SYSTEMD = ManagerCommands(
    "systemd",
    tuple(_TUNNELS.split()),
    pid="systemctl --user show -p MainPID --value {tunnel}.service",
)
OPS_BRIDGE = ManagerCommands(
    "ops-bridge",
    ("ops-bridge",),
    pid="bridge status --json {tunnel} | sed -n 's/.*\"pid\": \\([0-9]*\\).*/\\1/p'",
    instead={
        # A start would change nothing where the unit runs on and its tunnels are down.
        "start": f"ssh railiance01 'systemctl --user disable {_TUNNELS} && "
        "systemctl --user enable ops-bridge && systemctl --user restart ops-bridge'",
        "confirm-persistence": "ssh railiance01 'loginctl show-user tegwick -p Linger; "
        "systemctl --user is-enabled ops-bridge'",
    },
    provide=ops_bridge.provide,
    managed=ops_bridge.managed,
    settles=frozenset({"PRE-02.bridge-tool"}),
)
