"""Who the hosts are: what their ssh names lead to, and what they call themselves."""

from fleetmesh.by_hand import log_in
from fleetmesh.discover import aliases
from fleetmesh.discover.answers import Answers
from fleetmesh.discover.found import Finding, Found, Value
from fleetmesh.facts.answers import SSH_ANSWERS
from fleetmesh.facts.machines import MACHINES
from fleetmesh.inventory import Inventory
from fleetmesh.text.legible import brief

COMPARE = "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
"""Shows a host's key to compare it by; to be typed on the host's own console."""


def names(inventory: Inventory, answers: Answers) -> Found:
    """Each host's name for itself; a host that is another, or cannot be reached, is a finding."""
    yield from _unreached(inventory, answers)
    machines = {told.subject: told for told in answers.each(MACHINES)}
    twins: dict[str, str] = {}
    for host, told in machines.items():
        machine = told.value
        place = ("hosts", host, "hostname")
        others = {
            name: other
            for other, entry in inventory.hosts.items()
            if other != host
            for name in (other, *([entry.hostname] if other not in machines else []))
        }
        twin = twins.setdefault(machine.machine_id or f"unknown of {host}", host)
        if twin != host:
            what = f"{host} and {twin} are one machine, which calls itself {machine.hostname}"
            yield Finding(place, what, told.seen, "ssh -G shows what each ssh name leads to")
            answers.strangers |= {host, twin}
        elif machine.hostname in others:
            what = f"{host} calls itself {machine.hostname}, the name of {others[machine.hostname]}"
            yield Finding(place, what, told.seen, "find out which host it is, before anything else")
            answers.strangers.add(host)
        else:
            yield Value(place, machine.hostname, told.seen.like("uname -n"))
    yield from _addresses(inventory, answers)


def _unreached(inventory: Inventory, answers: Answers) -> Found:
    for host in inventory.hosts:
        told = answers.of(SSH_ANSWERS, host)
        if not told or not told.value.refused:
            continue
        refused = told.value.refused
        advice = log_in(inventory, host)
        elsewhere = _meant(inventory, host)
        if elsewhere:
            advice = f"{advice}   (your ssh_config knows {elsewhere}: name it, as {host}=NAME)"
        if "host key" in refused:  # trust is the operator's to give: no key is ever proposed
            advice = f"compare it on the host's own console: {COMPARE}"
        yield Finding(("hosts", host, "ssh"), brief(refused), told.seen, advice)


def _meant(inventory: Inventory, host: str) -> str:
    """Which name of ssh_config may be the host's, if the inventory has none of them for it."""
    names = aliases.known(inventory)
    entry = inventory.hosts[host]
    if entry.ssh in names:
        return ""
    right = aliases.leading_to(entry.addresses, names, inventory.ssh_config)
    return brief(", ".join(right or names))


def _addresses(inventory: Inventory, answers: Answers) -> Found:
    """The runbook says at which address the tunnels reach a host; it may be translated."""
    for host in dict.fromkeys(login.via for login in inventory.logins):
        told = answers.of(MACHINES, host)
        claimed = inventory.hosts[host].addresses
        if not told or host in answers.strangers or set(claimed) & set(told.value.addresses):
            continue
        has = ", ".join(told.value.addresses) or "none"
        what = f"{host} has the addresses {brief(has)}, and not {', '.join(claimed)}"
        advice = "if a router translates it, nothing is wrong: PRE-03 logs in there"
        yield Finding(("hosts", host, "addresses"), what, told.seen, advice)
