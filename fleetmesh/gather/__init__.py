"""From questions to transcripts: every question put to the fleet, once, in one moment.

A probe is one kind of question. A snapshot holds the transcripts of one moment.

May import: text, inventory, by_hand, redaction, sessions.
"""

from fleetmesh.gather.demands import patience
from fleetmesh.gather.fleet import Fleet

__all__ = ["Fleet", "patience"]
