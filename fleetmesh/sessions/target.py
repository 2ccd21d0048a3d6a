"""Whom to reach, what was reached, and why not."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Target:
    """One host of the fleet and how to reach it.

    `name` is the inventory's and stands in every message; `ssh` is the name handed to ssh and
    looked up in ssh_config. `host_keys` are the key lines that the inventory pins; None leaves it
    to the known_hosts files. `connect_deadline` is in seconds, for TCP, key exchange and login
    together. `ssh_config` is read instead of the user's and the system's, as with `ssh -F`.
    """

    name: str
    ssh: str
    user: str | None = None
    port: int | None = None
    host_keys: tuple[str, ...] | None = None
    transport: Literal["ssh", "local"] = "ssh"
    connect_deadline: float = 10.0
    ssh_config: Path | None = None


@dataclass(frozen=True)
class Identity:
    """What answered, and how the login went; the host key fields are None for a local session."""

    address: str
    user: str
    host_key: str | None = None
    fingerprint: str | None = None
    server: str | None = None
    login: str | None = None
    jumps: tuple[str, ...] = ()

    @property
    def host_key_type(self) -> str | None:
        """The first word of the host key's line, such as `ssh-ed25519`."""
        return self.host_key.split()[0] if self.host_key else None


class Unreachable(Exception):
    """No session with `host`; `cause` is one sentence for an operator."""

    def __init__(self, host: str, cause: str) -> None:
        super().__init__(cause)
        self.host = host
        self.cause = cause


class ConfigProblem(Unreachable):
    """ssh_config, a known_hosts file or a pinned key line cannot be used."""


class HostKeyMismatch(Unreachable):
    """The host offered another key than the pinned one, or a revoked one."""


class HostKeyUnknown(Unreachable):
    """Nothing pins this host's key."""


class LoginRefused(Unreachable):
    """The host is the right one and accepted none of our keys."""


class ChannelRefused(Exception):
    """The far end did not open a channel; the text is its reason."""


class NotConnected(ChannelRefused):
    """The far end tried to connect to where the channel should lead, and could not."""


class NotAnswered(ChannelRefused):
    """It has not told within the time whether it could: it hangs, or what it connects to does."""


class Deadline:
    """A moment in the future that several waits share."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return self.left == 0.0

    def __str__(self) -> str:
        return f"{self.seconds:g} s"
