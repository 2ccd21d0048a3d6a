"""The machines are reachable, are who they claim to be, and agree on the time."""

from collections.abc import Mapping

from fixtures import Case, Inconclusive, check
from fleetmesh.facts.answers import SshAnswer
from fleetmesh.facts.machines import ClockOffset, Machine
from fleetmesh.inventory import Inventory


@check(
    "PRE-01.right-machine",
    runbook="Prerequisites",
    hint="here: {host_name:log_in}",
)
def test_host_is_the_right_one(
    host_name: str,
    inventory: Inventory,
    ssh_answers: Mapping[str, SshAnswer],
    machines: Mapping[str, Machine],
) -> None:
    """The host answers on SSH with its pinned host key and is the machine it claims to be."""
    answer = ssh_answers[host_name]
    assert answer.refused is None, answer.refused
    machine, expected = machines[host_name], inventory.hosts[host_name].hostname
    assert machine.hostname == expected, (
        f"{host_name} calls itself {machine.hostname}, not {expected}"
    )


@check(
    "PRE-01.no-twin",
    runbook="Prerequisites",
    hint="on {host_name}: cat /etc/machine-id\nNo other host of the inventory may have the same.",
)
def test_host_is_no_other_host(host_name: str, machines: Mapping[str, Machine]) -> None:
    """No two names of the inventory lead to one machine."""
    if not machines[host_name].machine_id:
        raise Inconclusive(f"{host_name} has no machine id by which it could be told from others")
    twins = [
        other
        for other in machines
        if other != host_name and machines[other].machine_id == machines[host_name].machine_id
    ]
    assert not twins, (
        f"{host_name} and {', '.join(twins)} are one machine: {machines[host_name].machine_id}"
    )


@check(
    "PRE-12.clock",
    runbook="–",
    gate="warn",
    hint="on {host_name}: timedatectl",
)
def test_clock_agrees(
    host_name: str, inventory: Inventory, clocks: Mapping[str, ClockOffset], case: Case
) -> None:
    """The host's clock agrees with the others' within the inventory's limit."""
    limit, own = inventory.limits.clock_offset, clocks[host_name]
    case.note(f"clock offset to the suite between {own.earliest:+.3f} and {own.latest:+.3f} s")
    for other in clocks:
        if other == host_name:
            continue
        apart = max(clocks[other].earliest - own.latest, own.earliest - clocks[other].latest)
        assert apart <= limit, (
            f"the clocks of {host_name} and {other} are at least {apart:.1f} s apart, "
            f"more than {limit:g} s"
        )
