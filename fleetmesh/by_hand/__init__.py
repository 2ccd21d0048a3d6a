"""What a person types to do by hand what the suite does or advises, from where the suite runs.

Every command that a page or the terminal offers is made here: it reaches each host as the suite
does, by the inventory's `ssh`, user, port and configuration.

May import: text, inventory.
"""

from fleetmesh.by_hand.command import in_cluster, log_in, on
from fleetmesh.by_hand.hint import Hint

__all__ = ["Hint", "in_cluster", "log_in", "on"]
