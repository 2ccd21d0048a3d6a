"""Keys and identities."""

from __future__ import annotations

from rehearsal.faults.fault import Fault, fail
from rehearsal.faults.means import RAILIANCE, user


class FleetKeyReadableByOthers(Fault):
    """Somebody's chmod leaves the fleet identity readable by everybody."""

    turns = {
        "identity_is_private": fail("has mode 0644"),
        "fleet_identity_logs_in": fail("Permission denied"),
    }

    def inject(self) -> None:
        user(RAILIANCE, "chmod 0644 ~/.ssh/id_ops")

    def heal(self) -> None:
        user(RAILIANCE, "chmod 0600 ~/.ssh/id_ops")
