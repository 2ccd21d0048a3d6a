"""The questions that can be put to a fleet. A probe is data: it says what to ask, not how."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Exec:
    """A shell command on a host, run as part of that host's one batch."""

    host: str
    command: str
    seconds: float | None = None
    """Deadline of this command; None means the inventory's `limits.command`."""


@dataclass(frozen=True)
class Clock:
    """A host's clock, answered from the times that frame its batch."""

    host: str


def endpoint(ip: str, port: int) -> str:
    """`ip:port`, with brackets around an IPv6 address."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


@dataclass(frozen=True)
class Get:
    """An HTTP GET of `path`, as the host itself would send it to `ip`:`port`.

    The connection stays open until the batches have run, so that the sockets which carry it can
    be seen.
    """

    host: str
    ip: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The address, as seen from the host."""
        return f"http://{endpoint(self.ip, self.port)}{self.path}"


@dataclass(frozen=True)
class WriteAndReadBack:
    """POST `body`, then GET what came back under its `id`. Only with `--allow-writes`."""

    host: str
    ip: str
    port: int
    path: str
    body: dict[str, Any]
    id: str

    @property
    def url(self) -> str:
        """The address to which `body` is posted, as seen from the host."""
        return f"http://{endpoint(self.ip, self.port)}{self.path}"


@dataclass(frozen=True)
class Kubernetes:
    """A GET of the cluster's API."""

    cluster: str
    path: str
    kubectl: str
    """The kubectl arguments that ask the same."""


@dataclass(frozen=True)
class ExecInPod:
    """A Python program in a running pod of a Deployment, as `kubectl exec deploy/… -- python -c …`.

    It prints one line and then waits: its sockets stay open until the batches have run.
    """

    cluster: str
    namespace: str
    deployment: str
    python: str
    program: str
    given: dict[str, Any]
    """The program's one argument, as JSON."""
    seconds: float
    """Deadline of its line, from the API's acceptance."""
    hold: float
    """Seconds after which the program ends by itself, if nobody lets it."""

    @property
    def command(self) -> list[str]:
        """The argument vector."""
        return [self.python, "-c", self.program, json.dumps(self.given)]


@dataclass(frozen=True)
class Session:
    """The suite's own SSH session with a host: what it reached and how it was identified."""

    host: str


@dataclass(frozen=True)
class ReadFile:
    """A file on the machine that runs the suite."""

    path: Path


Probe = Exec | Clock | Get | WriteAndReadBack | Kubernetes | ExecInPod | Session | ReadFile
