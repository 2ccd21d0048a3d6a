"""Who is told how a run ended: Prometheus, a dead man's switch, people."""

from collections.abc import Iterator, Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from fleetmesh.inventory.secret_url import NotifyUrl, PingUrl
from fleetmesh.inventory.section import Model
from fleetmesh.inventory.values import LocalFolder, Name

Phase = Literal["prereqs", "cutover", "production", "rollback", "own"]


class Monitoring(Model):
    """Who is told how a run ended.

    `textfile` is the directory from which node_exporter's textfile collector reads. `dead_man` has
    for each phase the URL of the switch that expects its runs. `notify` has receivers of Apprise,
    which are told when a verdict changes.
    """

    textfile: LocalFolder | None = None
    dead_man: dict[Phase, PingUrl] = Field(default_factory=dict)
    notify: dict[Name, NotifyUrl] = Field(default_factory=dict)

    def secrets(self, environment: Mapping[str, str]) -> Iterator[str]:
        """What the environment holds of the URLs, and what no record may repeat."""
        for url in (*self.dead_man.values(), *self.notify.values()):
            yield from url.secrets(environment)

    @model_validator(mode="after")
    def _tells_somebody(self) -> Self:
        if not (self.textfile or self.dead_man or self.notify):
            raise ValueError("tells nobody; write `textfile`, `dead_man` or `notify`, or delete it")
        return self
