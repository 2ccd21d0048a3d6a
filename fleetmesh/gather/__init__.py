"""From probes to transcripts: puts every question to the fleet, once."""

from fleetmesh.gather.deadlines import patience
from fleetmesh.gather.fleet import Fleet

__all__ = ["Fleet", "patience"]
