"""What a host's sshd has said of connections of the fleet."""

import re
from collections.abc import Iterable
from importlib.resources import files

from fleetmesh.diagnostics import journal
from fleetmesh.diagnostics.journal import NOW, Entry
from fleetmesh.diagnostics.subject import MARK, Inquiry, script
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
    r"|penalty|refused|[Rr]efusing|MaxStartups|[Tt]oo many|[Ff]ailed publickey|fatal: "
)
"""What sshd says where it lets nobody in, or connects to nothing."""


def inquiry(inventory: Inventory, host: str, named: Iterable[str], about: str) -> Inquiry:
    """Asks a host for what its sshd said lately of connections that name one of these addresses."""
    text = f"{_SCRIPT}{NOW}known={quote(' '.join(dict.fromkeys(named)))}\nbounded tail of_the_fleet"
    return Inquiry(host, script(text), inventory.limits.command, about=about)


def refusal(said: str) -> Entry | None:
    """The last line by which it has just turned somebody away, or connected to nothing."""
    entries = [e for e in journal.read(said).since(_LATELY) if _REFUSES.search(e.message)]
    return entries[-1] if entries else None
