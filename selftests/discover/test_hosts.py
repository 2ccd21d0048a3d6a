"""Who a host is, is the operator's word and its key; what it calls itself is only a name."""

from fleetmesh.discover import hosts
from fleetmesh.facts.answers import SSH_ANSWERS
from fleetmesh.facts.machines import MACHINES
from selftests.discover.answers import Said, findings, inventory, values

KNOWN = {"details": {"host_key": "ssh-ed25519 A", "fingerprint": "SHA256:a"}}


def machine(name: str, number: int, *addresses: str) -> str:
    """A machine's account of itself."""
    lines = [f"hostname={name}", f"machine_id={number:032x}", "os=Debian", "user=u", "home=/home/u"]
    return "\n".join([*lines, *(f"address={each}" for each in addresses)]) + "\n"


def fleet(**named: str) -> Said:
    """A fleet whose hosts call themselves so; each is a machine of its own."""
    said = Said()
    called = {host: host for host in inventory().hosts} | named
    for number, (host, name) in enumerate(called.items(), 1):
        said.says(SSH_ANSWERS, host, "", **KNOWN)
        said.says(MACHINES, host, machine(name, number, "92.205.130.254"))
    return said


def test_names_are_proposed() -> None:
    found = list(hosts.names(inventory(), fleet(workstation="thinkpad").answers))
    assert values(found)["hosts.workstation.hostname"] == "thinkpad"
    assert not findings(found)


def test_the_name_of_another_host_is_not_believed() -> None:
    answers = fleet(railiance01="coulombcore", coulombcore="railiance01").answers
    found = list(hosts.names(inventory(), answers))
    assert values(found) == {"hosts.workstation.hostname": "workstation"}
    assert answers.strangers == {"railiance01", "coulombcore"}
    assert answers.of(MACHINES, "railiance01") is None, "nothing that it says counts"


def test_two_names_that_lead_to_one_machine_are_not_believed() -> None:
    said = fleet()
    said.says(MACHINES, "coulombcore", machine("railiance01", 1))
    answers = said.answers
    found = list(hosts.names(inventory(), answers))
    assert {"railiance01", "coulombcore"} <= answers.strangers
    assert "are one machine" in findings(found)["hosts.coulombcore.hostname"]
    assert "hosts.coulombcore.hostname" not in values(found)


def test_a_host_key_is_never_proposed() -> None:
    why = "coulombcore's host key is not pinned: known_hosts knows it not at all"
    said = fleet().says(SSH_ANSWERS, "coulombcore", "", exit_status=255, stderr=why.encode())
    found = [each for each in hosts.names(inventory(), said.answers) if "ssh" in each.place]
    assert not values(found)
    assert findings(found) == {"hosts.coulombcore.ssh": why}
    assert hosts.COMPARE in str(found[0])


def test_an_address_that_is_not_the_runbook_s_is_a_finding() -> None:
    said = fleet().says(MACHINES, "coulombcore", machine("coulombcore", 2, "10.0.0.5"))
    found = list(hosts.names(inventory(), said.answers))
    assert findings(found) == {
        "hosts.coulombcore.addresses": "coulombcore has the addresses 10.0.0.5, and not "
        "92.205.130.254"
    }
