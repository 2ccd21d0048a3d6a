"""What the checks and the tunnels stand on."""

from collections.abc import Mapping

from fixtures import Case, Deferred, check
from fleetmesh.facts.machines import BridgeTool, Tools
from fleetmesh.facts.units import UserManager
from fleetmesh.inventory import Inventory


@check(
    "PRE-02",
    runbook="Prerequisites, Install",
    hint="ssh {carrier} 'which bridge; bridge -V'",
)
def test_bridge_is_known_for_what_it_is(
    carrier: str, inventory: Inventory, bridge_tools: Mapping[str, BridgeTool]
) -> None:
    """The `bridge` on the tunnels' host is absent, iproute2's or ops-bridge, and known which."""
    found = bridge_tools[carrier]
    seen = f"`bridge` on {carrier} is {found.kind}" + (f", {found.path}" if found.path else "")
    if inventory.manager == "systemd":
        raise Deferred(f"systemd units are the production implementation; {seen}")
    assert found.kind == "ops-bridge", f"{seen}, but the inventory says `manager: ops-bridge`"


@check(
    "PRE-10",
    runbook="Install",
    hint="ssh {carrier} systemctl --user status; loginctl user-status",
)
def test_user_manager_runs(
    carrier: str, user_managers: Mapping[str, UserManager], case: Case
) -> None:
    """The tunnels' user has a running systemd instance."""
    manager = user_managers[carrier]
    case.note(f"systemd {manager.version} is {manager.state}")
    assert manager.state in ("running", "degraded"), f"the user manager is {manager.state}"


@check(
    "PRE-10",
    runbook="Install",
    hint="ssh {carrier} sudo apt install iproute2 openssh-client curl",
)
def test_tools_are_there(carrier: str, tools: Mapping[str, Tools]) -> None:
    """The commands that checks and tunnels stand on are installed."""
    missing = [name for name, path in tools[carrier].paths.items() if path is None]
    assert not missing, f"{carrier} lacks {', '.join(missing)}"


@check(
    "PRE-10",
    runbook="Install",
    hint="ssh {carrier} kubectl get --raw=/readyz",
)
def test_kubectl_reaches_the_cluster(carrier: str, kubectl: Mapping[str, str], case: Case) -> None:
    """kubectl reaches the cluster as the tunnels' user."""
    version = kubectl[carrier]
    case.note(f"the API server is {version}")
    assert version, "the API server gives no version"
