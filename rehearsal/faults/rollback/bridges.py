"""After a rollback, the bridges do not carry the services."""

from __future__ import annotations

from rehearsal.faults.bases import BridgeChanged, RolledBack
from rehearsal.faults.clusters import replace
from rehearsal.faults.fault import fail
from rehearsal.faults.machines import HUB_BRIDGE


class BridgeLeftAtZero(BridgeChanged):
    """For the rollback somebody scaled a bridge to no replicas, and forgot it there."""

    ground = RolledBack
    operations = (replace("/spec/replicas", 0),)
    turns = {
        f"ROLL-04.pods[{HUB_BRIDGE}]": fail(f"{HUB_BRIDGE} is scaled to 0 replicas"),
        f"ROLL-04.inside[{HUB_BRIDGE}]": fail(f"asked from inside, {HUB_BRIDGE}: "),
    }
