"""What a session can do, whichever way the host is reached."""

from typing import Protocol

from fleetmesh.sessions.command import LIMIT, Completed, Follow
from fleetmesh.sessions.forward import HERE, Forwarder, Origin, Stream
from fleetmesh.sessions.target import Identity, Target


class Session(Protocol):
    """What commands are run on: a host over SSH, or this machine."""

    target: Target
    identity: Identity
    channels: int

    @property
    def lost(self) -> str | None:
        """Why nothing can be asked any more; None as far as is known."""
        ...

    def run(
        self,
        command: str,
        *,
        deadline: float,
        limit: int = LIMIT,
        stdin: bytes = b"",
        follow: Follow | None = None,
    ) -> Completed:
        """Run a shell command once; never raises for what the host does, see Completed.lost.

        `deadline` is in seconds and includes the opening of the channel; `limit` is in bytes, for
        both output streams together. `follow` is shown what has come of both, ten times a second;
        if it returns true, the command is left, as it is at its deadline.
        """
        ...

    def prepare(self, command: str) -> None:
        """Start a command that `run` is soon to run: it then has but to be given its input."""
        ...

    def forward(
        self,
        host: str,
        port: int,
        *,
        deadline: float | None = None,
        patience: float | None = None,
        limit: int | None = None,
        ahead: int = 0,
    ) -> Forwarder:
        """A loopback listener whose connections go on from the host to `host`:`port`.

        `deadline` is the seconds that the far end may take to connect. With `patience`, a
        connection ends so many seconds after our side last sent something on it; with `limit`, once
        more than so many bytes have come since then. The far ends of the first `ahead` connections
        are connected at once, to save them a round trip.
        """
        ...

    def dial(self, host: str, port: int, *, deadline: float, origin: Origin = HERE) -> Stream:
        """A connection from the host to `host`:`port`, made within `deadline` seconds.

        Raises NotConnected or NotAnswered where the host tries; another ChannelRefused where it was
        not asked, or does not connect for us.
        """
        ...

    def answers(self, deadline: float) -> bool:
        """Whether the host itself gives a sign of life within `deadline` seconds."""
        ...

    def close(self) -> None:
        """End everything that belongs to the session; may be called twice."""
        ...
