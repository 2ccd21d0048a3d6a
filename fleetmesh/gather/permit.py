"""What a key that verifies a fleet must be allowed on each host, and nothing besides.

The list is made from the questions themselves, by the functions that ask them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from fleetmesh.gather import batch
from fleetmesh.gather.cluster_api import kubeconfig_text
from fleetmesh.gather.commands import batch_text
from fleetmesh.gather.probe import Clock, Exec, ExecInPod, Get, Kubernetes, endpoint
from fleetmesh.gather.question import Asking, by_host, questions
from fleetmesh.inventory import Inventory

NONCE = f"fleetmesh-{'0' * 16}"
"""Stands for the random word of a run; the gate puts it there before it compares."""
API = "127.0.0.1:6443"
"""Where a k3s server's own kubeconfig leads, in the form of sshd(8)'s permitopen."""
GATE = ".config/fleetmesh/gate"


@dataclass
class Permit:
    """One host's: digests of whole questions by what they are, and addresses to connect to."""

    questions: dict[str, list[str]] = field(default_factory=dict)
    destinations: list[str] = field(default_factory=list)

    def allow(self, text: bytes, what: str) -> None:
        """Put what batch.COMMAND may be given to read on the list; two runs may ask the same."""
        digest = sha256(batch.COMMAND.encode() + b"\0" + text).hexdigest()
        names = self.questions.setdefault(digest, [])
        if what not in names:
            names.append(what)

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


def permits(
    runs: Iterable[tuple[str, Sequence[Asking]]], inventory: Inventory, api: str = API
) -> dict[str, Permit]:
    """By host, what `runs` ask, each given by its name and its facts; `api` is ADDRESS:PORT."""
    found = {host: Permit() for host in inventory.hosts}
    for name, facts in runs:
        for host, asked in by_host(questions(facts, inventory)).items():
            if not host:
                continue
            permit = found[host]
            opened = [endpoint(q.probe.ip, q.probe.port) for q in asked if isinstance(q.probe, Get)]
            commands = [q for q in asked if isinstance(q.probe, (Exec, Clock))]
            if commands:
                permit.allow(batch_text(commands, inventory, NONCE), name)
            for cluster in dict.fromkeys(
                q.probe.cluster for q in asked if isinstance(q.probe, (Kubernetes, ExecInPod))
            ):
                text = kubeconfig_text(inventory.clusters[cluster], NONCE, inventory.limits.command)
                permit.allow(text, f"kubeconfig of {cluster}")
                opened.append(api)
            known = permit.destinations
            known += [one for one in dict.fromkeys(opened) if one not in known]
    return found
