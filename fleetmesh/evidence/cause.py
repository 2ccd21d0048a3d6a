"""What is lost, by which many checks suffer at once: a host, an API, a log-in or a name."""

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Cause:
    """Why checks do not hold, in one sentence.

    Without a `kind` it is just the reason that several inconclusive checks share.
    """

    told: str
    kind: Literal["host", "API", "log-in", "name", ""] = ""
    subject: str = ""
    """The host, the cluster or the log-in; of a name, the cluster inside of which it was asked."""
    lasting: bool = False
    """Whether it is known not to go away by itself, such as another host key."""

    @property
    def name(self) -> str:
        """By which results refer to it."""
        return f"{self.kind} {self.subject}" if self.kind else ""

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)
