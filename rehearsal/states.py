"""The states of the runbook, each reached from the one before it by the runbook's own means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rehearsal import access, host
from rehearsal.errors import RehearsalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleetmesh.inventory import Inventory

STATES = ("before", "installed", "after", "rolled-back")


def rank(state: str | None) -> int:
    """A state's place in the order; -1 before the first is reached."""
    return -1 if state is None else STATES.index(state)


def forward(state: str, inventory: Inventory, say: Callable[[str], None]) -> None:
    """Take the one step that ends in `state`. Raises RehearsalError naming the command."""
    retired = list(inventory.workstation.retired)
    units = " ".join(t.unit.removesuffix(".service") for t in inventory.tunnels.values())
    bridge = str(inventory.workstation.bridge)
    nodes = sorted({tunnel.host for tunnel in inventory.tunnels.values()})
    if state == "before":
        say("the workstation's tunnels go up")
        names = [*inventory.workstation.interactive, *retired]
        steps = [f"{bridge} up {' '.join(names)}"]
    elif state == "installed":
        say("the installer runs")
        steps = ["cd ~/the-custodian"]
        for node in nodes:
            steps.append(f"bash infra/fleet-mesh/install-{node}.sh {node}")
            steps.append(f"ssh {node} 'sudo loginctl enable-linger tegwick'")
    elif state == "rolled-back":
        say("the rollback")
        steps = [f"ssh {node} 'systemctl --user disable --now {units}'" for node in nodes]
        steps += [f"bridge up {' '.join(retired)}"]
    else:
        say("the cutover")
        steps = [f"{bridge} down {name}" for name in retired]
        steps += [f"ssh {node} 'systemctl --user enable --now {units}'" for node in nodes]
    on(inventory.workstation.host, " && ".join(steps), deadline=60)


def on(name: str, command: str, deadline: float = 15) -> str:
    """Run a command by ssh as the operator does, and return what it prints.

    Raises RehearsalError when it fails or takes longer than `deadline` seconds.
    """
    done = host.run([*access.command(name, "-T"), command], deadline=deadline, check=False)
    if done.returncode != 0:
        said = (done.stderr + done.stdout).strip() or "nothing"
        raise RehearsalError(f"on {name}: {command}: exit status {done.returncode}: {said}")
    return done.stdout
