"""The log-in of the tunnels: how their ssh makes it, and what the far end's sshd says of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from fleetmesh.diagnostics import sshd
from fleetmesh.diagnostics.sshd import SSHD
from fleetmesh.diagnostics.subject import (
    MARK,
    Asked,
    Inquiry,
    Quote,
    Subject,
    answer,
    quote,
    script,
)
from fleetmesh.facts.as_tunnel import as_tunnel, defined
from fleetmesh.facts.logins import HARMLESS, LOGINS
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory, Login

LOGIN = f"{MARK}login"
_VERBOSE = files(__package__).joinpath("verbose.sh").read_text()
_OPENED = re.compile(r"^(?:\| )?Authenticated to ", re.MULTILINE)
_WHY = tuple(
    re.compile(rf"^(?:\| )?(?:debug1: )?({words})", re.MULTILINE)
    for words in (
        r"Offending .+ key in .+",
        r".*(?:Bad configuration option|Bad owner or permissions|keyword .+ extra arguments).*",
        r"The .+ host key for .+ is marked as revoked.*|Host key .+ revoked.*",
        r"No .+ host key is known for .+|Certificate invalid: .+|.*host key .*not match.*",
        r"Load key .+|Permissions \S+ for .+ too open.*|no such identity: .+|.+ not accessible: .+",
        r"Unable to negotiate with .+|no matching .+ found.*",
        r"Not allowed at this time.*",
        r"ssh: .+|connect to host .+|kex_exchange_identification: .+",
        r"(?:channel \d+: )?.*open failed: .+|.*forwarding.* (?:denied|prohibited).*",
        r".+: Permission denied .+",
        r"Connection (?:closed|reset|timed out) .*|.*[Tt]imed out.*|Host key verification failed\.",
    )
)
"""What ssh says of a log-in that fails, the nearest to the cause first."""


@dataclass(frozen=True)
class LogIn(Subject):
    """A log-in that tunnels depend on, seen from both ends."""

    login: Login

    @property
    def id(self) -> str:
        """By which the record knows it."""
        return self.login.id

    def asks(self, inventory: Inventory, known: Snapshot) -> Asked:
        """ssh -v, unless the run has made this log-in: sshd counts failures. And sshd's journal."""
        tunnel, limits = self.login.tunnels[0], inventory.limits
        text = defined(tunnel) + _VERBOSE.replace(
            "OPTIONS", HARMLESS.format(connect=limits.connect)
        )
        seconds = limits.connect + limits.command
        text += f"seconds={seconds:g}\n{as_tunnel(inventory, tunnel, 'verbose')}\n"
        about = f"log-in {self.id}"
        asked = dict(sshd.asks(inventory, self.login.via))
        if not self.relies(inventory, known):
            here = Inquiry(self.login.host, script(text), seconds + 1, about=about)
            asked = {(LOGIN, self.id): here, **asked}
        return asked

    def relies(self, inventory: Inventory, known: Snapshot) -> tuple[Transcript, ...]:  # noqa: ARG002
        """The log-in that the run has made, with what ssh has said of it."""
        made = known.of(LOGINS.name).get(self.id)
        return () if made is None or made.lost else (made,)

    def quotes(self, inventory: Inventory, known: Snapshot) -> Iterator[Quote]:
        """If it fails, or opens nothing: what sshd says of that, and then what ssh does."""
        fact = LOGINS.name if self.relies(inventory, known) else LOGIN
        said = answer(known, fact, self.id)
        found = next((match for why in _WHY if (match := why.search(said))), None)
        if not found or (_OPENED.search(said) and "open failed" not in said):
            return
        via = self.login.via
        if refused := sshd.refusal(inventory, known, via, self.login.host):
            yield quote(known, SSHD, via, "journal of sshd", refused.line)
        yield quote(known, fact, self.id, f"ssh -v of {self.login.host}", found[1])
