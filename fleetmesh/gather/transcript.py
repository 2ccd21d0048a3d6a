"""What was asked and what came back: the raw material of every fact."""

from dataclasses import dataclass, field
from datetime import datetime

HERE = "here"
"""The host of a transcript that was taken on the suite's own machine."""


@dataclass(frozen=True)
class Transcript:
    """One question to one machine or API, with its whole answer.

    `command` is what a person would type to ask the same. `exit_status` is the command's, or the
    HTTP status. `lost` says why there is no full answer; any part that arrived is kept. `sent` and
    `received` bound the exchange by the suite's own clock.
    """

    fact: str
    subject: str
    host: str
    command: str
    started: datetime
    seconds: float
    exit_status: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    lost: str | None = None
    sent: datetime | None = None
    received: datetime | None = None
    details: dict[str, str] = field(default_factory=dict)
    hides: tuple[str, ...] = ()
    """Rules whose marks here change what the fact says."""

    @property
    def out(self) -> str:
        """Standard output as text; bytes that are not UTF-8 are shown as replacement marks."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def err(self) -> str:
        """Standard error as text, like `out`."""
        return self.stderr.decode("utf-8", "replace")
