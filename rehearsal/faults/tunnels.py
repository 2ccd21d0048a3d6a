"""The fleet's tunnels and their units."""

from __future__ import annotations

from rehearsal.faults.fault import Fault, fail
from rehearsal.faults.means import HUB, units


class UnitDisabled(Fault):
    """A fleet unit runs, but was disabled: the next reboot ends it."""

    turns = {f"unit_is_enabled[{HUB}]": fail("is disabled, and only `enabled` survives")}

    def inject(self) -> None:
        units("disable", HUB)

    def heal(self) -> None:
        units("enable", HUB)
