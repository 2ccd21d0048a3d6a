"""What a host's sshd has said of connections of the fleet."""

import re
from importlib.resources import files

from fleetmesh.diagnostics import journal
from fleetmesh.diagnostics.journal import NOW, Entry
from fleetmesh.diagnostics.subject import MARK, Asked, Inquiry, answer, script
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.inventory import Inventory
from fleetmesh.text.shell import quote

SSHD = f"{MARK}sshd_journal"
_SCRIPT = files(__package__).joinpath("sshd.sh").read_text()
_LATELY = 90.0
"""Seconds within which sshd has seen the log-ins of this run."""
_REFUSES = re.compile(
    r"Authentication refused: |bad ownership|not allowed because |Invalid user|account .+ expired"
    r"|[Cc]ertificate (?:invalid|does not)|not (?:a )?listed principal|revoked|[Ee]xpired"
    r"|request was denied|connect_to .+: failed|administratively|not permitted"
    r"|permitted host|penalty|refused|[Rr]efusing|MaxStartups|[Tt]oo many|[Ff]ailed publickey"
    r"|fatal: "
)
"""What sshd says where it lets nobody in, or connects to nothing."""


def asks(inventory: Inventory, host: str) -> Asked:
    """Asks a host for what its sshd said lately of the fleet's other hosts, and of services."""
    others = _addresses(inventory, *(name for name in inventory.hosts if name != host))
    led = (t.to for t in inventory.tunnels.values() if t.via == host)
    named = (*others, *(str(inventory.services[to].cluster_ip) for to in led))
    text = f"{_SCRIPT}{NOW}known={quote(' '.join(dict.fromkeys(named)))}\nbounded tail of_the_fleet"
    seconds, about = inventory.limits.command, f"sshd of {host}"
    return {(SSHD, host): Inquiry(host, script(text), seconds, about=about)}


def refusal(inventory: Inventory, known: Snapshot, host: str, near: str) -> Entry | None:
    """The last line by which a host has just turned `near` away, or connected it to nothing."""
    others = _addresses(inventory, *(name for name in inventory.hosts if name not in (host, near)))
    found = [
        entry
        for entry in journal.read(answer(known, SSHD, host)).since(_LATELY)
        if _REFUSES.search(entry.message)
        and not set(others) & set(re.findall(r"[0-9a-fA-F.:]+", entry.message))
    ]
    return found[-1] if found else None


def _addresses(inventory: Inventory, *hosts: str) -> tuple[str, ...]:
    found = (inventory.hosts[name] for name in hosts)
    return tuple(str(ip) for host in found for ip in (*host.addresses, *host.nat))
