"""What the workstation's `bridge` would start, where it says so otherwise than by JSON."""

from __future__ import annotations

from typing import Any

from rehearsal.faults.bases import OtherUnits
from rehearsal.faults.cutover.handover_status import StatusByExitStatus
from rehearsal.faults.fault import Fault, inconclusive
from rehearsal.faults.machines import HUB_RETIRED
from rehearsal.faults.production.workstation_retired import BridgeAutostart

NEITHER = f"PROD-06.retired[{HUB_RETIRED}]"


class AutostartByTheTable(BridgeAutostart):
    """By its table, `bridge` starts a retired tunnel with the workstation."""

    ground = OtherUnits


class AutostartByTheExitStatus(BridgeAutostart):
    """By its exit status, `bridge` starts a retired tunnel with the workstation."""

    ground = OtherUnits
    inventory = StatusByExitStatus.inventory


class AutostartUntold(Fault):
    """The table does not tell what `bridge` starts by itself."""

    ground = OtherUnits
    turns = {"PROD-06.retired": inconclusive("`bridge` does not say whether it starts")}

    def inject(self) -> None:
        """It says it nowhere."""

    def heal(self) -> None:
        """Nor later."""

    def inventory(self, document: dict[str, Any]) -> None:
        bridge = dict(document["workstation"]["bridge"])
        bridge["columns"] = {k: v for k, v in bridge["columns"].items() if k != "autostart"}
        document["workstation"]["bridge"] = {
            key: value for key, value in bridge.items() if key not in ("autostart", "manual")
        }
