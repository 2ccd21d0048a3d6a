"""What the checks and the tunnels stand on."""

from collections.abc import Mapping

from fixtures import Case, Deferred, check
from fleetmesh.facts.machines import BridgeTool, Home, KubectlAnswer, Machine, Tools, Versions
from fleetmesh.facts.managers import Manager
from fleetmesh.facts.units import UserManager
from fleetmesh.inventory import Inventory
from fleetmesh.text.legible import brief

# A unit that is long in starting holds nobody else up: the manager answers and starts others. What
# stops, or waits for somebody to mend it, starts no more. See systemctl(1), is-system-running.
_AT_WORK = ("initializing", "starting", "running", "degraded")
# Those of Debian 11, whose iproute2 5.10 calls itself so; the rehearsal has nothing older.
_OLDEST = {"systemd": (247,), "OpenSSH": (8, 4), "iproute2": (5, 9)}
_ROOM = 16 * 2**20  # bytes: what an installation, a certificate and a day's notes may take


@check(
    "PRE-02.bridge-tool",
    runbook="Prerequisites, Install",
    hint="on {carrier}: which bridge && bridge -V",
)
def test_bridge_is_known_for_what_it_is(
    carrier: str, manager: Manager, bridge_tools: Mapping[str, BridgeTool]
) -> None:
    """The `bridge` on the tunnels' host is absent, iproute2's or ops-bridge, and known which."""
    found = bridge_tools[carrier]
    seen = f"`bridge` on {carrier} is {found.kind}" + (f", {found.path}" if found.path else "")
    if manager.without_bridge:
        raise Deferred(f"{manager.without_bridge}; {seen}")
    said = f"but the inventory says `manager: {manager.name}`"
    assert found.kind == "ops-bridge", f"{seen}, {said}"


@check(
    "PRE-10.user-manager",
    runbook="Install",
    hint="on {carrier}: systemctl --user status --no-pager; loginctl user-status --no-pager",
)
def test_user_manager_runs(
    carrier: str,
    inventory: Inventory,
    user_managers: Mapping[str, UserManager],
    machines: Mapping[str, Machine],
    case: Case,
) -> None:
    """The tunnels' user has a running systemd instance, unless the system runs all tunnels."""
    if not inventory.tunnels_at(carrier, by_system=False):
        case.note(f"on {machines[carrier].hostname} the system runs all tunnels: none is needed")
        return
    manager = user_managers[carrier]
    case.note(f"systemd {manager.version} is {manager.state}")
    assert manager.state in _AT_WORK, f"the user manager is {manager.state}"


@check(
    "PRE-10.tools",
    runbook="Install",
    hint="on {carrier}: which ss ssh curl kubectl systemctl loginctl timeout ssh-keygen\n"
    "Debian has them in iproute2, openssh-client, curl, systemd and coreutils, and no "
    "kubectl.",
)
def test_tools_are_there(carrier: str, tools: Mapping[str, Tools]) -> None:
    """The commands that checks and tunnels stand on are installed."""
    missing = [name for name, path in tools[carrier].paths.items() if path is None]
    assert not missing, f"{carrier} lacks {', '.join(missing)}"


@check(
    "PRE-10.versions",
    runbook="Install",
    hint="on {fleet_host}: systemctl --version; ssh -V; which ss && ss -V\n"
    "The section Hosts of docs/operating.md says which versions are needed.",
)
def test_programs_are_new_enough(
    fleet_host: str, versions: Mapping[str, Versions], case: Case
) -> None:
    """systemd, OpenSSH and iproute2 are of versions that the suite is rehearsed with."""
    found = versions[fleet_host]
    wanting = [
        f"{command} of {kind} {'.'.join(map(str, oldest))} or later: "
        + (f"it says {brief(found[command].said)}" if found[command].said else "there is none")
        for command in found
        for kind, oldest in [(found[command].kind, _OLDEST[found[command].kind])]
        if found[command].number < oldest
    ]
    assert not wanting, f"{fleet_host} needs {'; '.join(wanting)}"
    case.note(", ".join(brief(one.said) for one in found.values()))


@check(
    "PRE-10.kubectl",
    runbook="Install",
    hint="in {carrier:cluster}: --request-timeout=10s get --raw='/readyz?verbose'",
)
def test_kubectl_reaches_the_cluster(
    carrier: str, kubectl: Mapping[str, KubectlAnswer], case: Case
) -> None:
    """kubectl reaches the cluster as the tunnels' user, and its API server is ready."""
    answer = kubectl[carrier]
    assert answer.refused is None, f"kubectl on {carrier}: {answer.refused}"
    case.note(f"the API server is {answer.version}")


@check(
    "PRE-10.home",
    runbook="Install",
    hint="on {carrier}: df -h ~; findmnt -T ~",
)
def test_home_has_room(carrier: str, homes: Mapping[str, Home], case: Case) -> None:
    """The tunnels' user can write to its home, where units, keys and certificates are put."""
    home = homes[carrier]
    case.note(f"{home.free / 2**20:.0f} MiB are free")
    assert home.writable, f"the home directory on {carrier} is read-only"
    assert home.free >= _ROOM, f"{home.free / 2**20:.1f} MiB are left in the home on {carrier}"
