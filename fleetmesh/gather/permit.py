"""What a key that verifies a fleet must be allowed on each host, and nothing besides.

The list is made from the questions themselves, by the functions that ask them.
"""

from dataclasses import dataclass, field
from hashlib import sha256

from fleetmesh.gather import batch

NONCE = f"fleetmesh-{'0' * 16}"
"""Stands for the random word of a run; the gate puts it there before it compares."""
API = "127.0.0.1:6443"
"""Where a k3s server's own kubeconfig leads, in the form of sshd(8)'s permitopen."""
GATE = ".config/fleetmesh/gate"


@dataclass
class Permit:
    """One host's: digests of whole questions by what they are, and addresses to connect to."""

    api: str = API
    questions: dict[str, list[str]] = field(default_factory=dict)
    destinations: list[str] = field(default_factory=list)
    run: str = ""
    """The run that asks."""

    def allow(self, text: bytes, what: str = "") -> None:
        """Put what batch.COMMAND may be given to read on the list; two runs may ask the same."""
        digest = sha256(batch.COMMAND.encode() + b"\0" + text).hexdigest()
        names = self.questions.setdefault(digest, [])
        if (what or self.run) not in names:
            names.append(what or self.run)

    def open(self, destination: str) -> None:
        """Put an address to connect to on the list."""
        if destination not in self.destinations:
            self.destinations.append(destination)

    @property
    def lines(self) -> str:
        """The file that the gate reads: a digest and what it stands for, a line each."""
        command = sha256(batch.COMMAND.encode()).hexdigest()
        listed = {command: ["the command"], **self.questions} if self.questions else {}
        return "".join(f"{digest}  {', '.join(w)}\n" for digest, w in listed.items())

    def authorized_keys(self, key: str) -> str:
        """The line for sshd(8)'s authorized_keys that gives `key` this permit.

        permitlisten names a port that no ordinary user can listen on: there is no word for none.
        """
        options = ["restrict", f'command="sh {GATE}"']
        if self.destinations:
            options += ["port-forwarding", 'permitlisten="127.0.0.1:1"']
            options += [f'permitopen="{destination}"' for destination in self.destinations]
        return f"{','.join(options)} {key.strip()}\n"
