"""From probes to transcripts: puts every question to the fleet, once."""

from fleetmesh.gather.fleet import Fleet, Snapshot

__all__ = ["Fleet", "Snapshot"]
