"""What of a unit that the system runs does not outlive a reboot."""

from __future__ import annotations

from rehearsal.faults.bases import OtherUnits
from rehearsal.faults.fault import Fault, fail
from rehearsal.faults.machines import RAILIANCE, root
from rehearsal.faults.symptoms import ENABLED
from rehearsal.other_units import HUB_UNIT


class SystemUnitDisabled(Fault):
    """The system's unit runs, but was disabled: the next reboot ends it."""

    ground = OtherUnits
    turns = {ENABLED: fail(f"{HUB_UNIT} is disabled, and only `enabled` survives")}

    def inject(self) -> None:
        root(RAILIANCE, f"systemctl -q disable {HUB_UNIT}")

    def heal(self) -> None:
        root(RAILIANCE, f"systemctl -q enable {HUB_UNIT}")
