"""What is agreed: thresholds, waivers, deferrals."""

from __future__ import annotations

from typing import Any

from rehearsal.faults.fault import Fault, Turn, fail, inconclusive, warn
from rehearsal.faults.means import HUB, RAILIANCE, UNITS, units, user

WAIVER = {"check": "PROD-08.enabled", "owner": "rehearsal", "reason": "the unit is being rebuilt"}


class TooManyUnits(Fault):
    """Four more persistent tunnels, and six are more than the WireGuard threshold."""

    turns = {"PROD-10.few-units": warn("6 units, more than 5")}
    names = [f"extra-{number}" for number in range(4)]

    def inject(self) -> None:
        for port, name in enumerate(self.names, 28001):
            user(RAILIANCE, f"sed s/127.0.0.1:18000/127.0.0.1:{port}/ {UNITS}/{HUB}.service "
                            f">{UNITS}/{name}.service")  # fmt: skip
        units("enable --now", *self.names)

    def heal(self) -> None:
        units("disable --now", *self.names)
        files = " ".join(f"{UNITS}/{name}.service" for name in self.names)
        user(RAILIANCE, f"rm {files}; systemctl --user daemon-reload")


class _UnitDisabled(Fault):
    """A fleet unit is disabled, and the inventory says something to that."""

    def inject(self) -> None:
        units("disable", HUB)

    def heal(self) -> None:
        units("enable", HUB)


class WaiverExpired(_UnitDisabled):
    """A disabled unit was accepted until a day that has passed."""

    turns = {f"PROD-08.enabled[{HUB}]": fail("the waiver has expired: the unit is being rebuilt")}

    def inventory(self, document: dict[str, Any]) -> None:
        document["waivers"] = [{**WAIVER, "expires": "2020-01-01T00:00:00Z"}]


class WaiverValid(_UnitDisabled):
    """A disabled unit is accepted until a day to come."""

    turns = {f"PROD-08.enabled[{HUB}]": Turn("waived", "accepted: the unit is being rebuilt")}

    def inventory(self, document: dict[str, Any]) -> None:
        document["waivers"] = [{**WAIVER, "expires": "2999-01-01T00:00:00Z"}]


class WaiverOfAnotherUnit(_UnitDisabled):
    """Another unit's being disabled is accepted, and not this one's."""

    turns = {f"PROD-08.enabled[{HUB}]": fail("is disabled")}

    def inventory(self, document: dict[str, Any]) -> None:
        only = "fleet-issue-core-coulombcore"
        document["waivers"] = [{**WAIVER, "expires": "2999-01-01T00:00:00Z", "only": only}]


class DeferralWithdrawn(Fault):
    """The inventory postpones the migration to certificates no longer, and nobody migrated."""

    turns = {
        "PROD-14.certificate": inconclusive("no deferral is accepted"),
        "PRE-09.certificate": inconclusive("no deferral is accepted"),
    }

    def inject(self) -> None:
        """Nothing happens to the fleet."""

    def heal(self) -> None:
        """Nothing happened."""

    def inventory(self, document: dict[str, Any]) -> None:
        del (
            document["deferrals"]["PROD-14.certificate"],
            document["deferrals"]["PRE-09.certificate"],
        )


class OpsBridgeExpected(Fault):
    """The inventory has ops-bridge run the tunnels, and `bridge` is iproute2's still."""

    turns = {
        "PRE-02.bridge-tool": fail("iproute2"),
        "CUT-08.stop": warn("`bridge` on railiance01 is iproute2"),
        "CUT-02.loaded": fail("ops-bridge.service is not-found"),
        "CUT-04.steady": fail("ops-bridge.service is not installed"),
        "PROD-08.enabled": fail("ops-bridge.service is not-found"),
        "PROD-13.restarts": warn("ops-bridge.service is not-found"),
        "PROD-18.order": fail("would take 127.0.0.1:"),
        "PROD-18.restart": fail("ops-bridge.service stays dead"),
        "CUT-05.port": fail("is held by the unit fleet-"),
        "PRE-11.listen-address": fail("is held by the unit fleet-"),
        "PROD-04.path": fail("is carried by the unit fleet-"),
        "PROD-04.from-pod": fail("is carried by the unit fleet-"),
        "CUT-07.forwards": inconclusive("`bridge_status` was not understood"),
        "PROD-09.same-after-reboot": inconclusive("`bridge_status` was not understood"),
        "PROD-10.few-units": inconclusive("`bridge_status` was not understood"),
    }

    def inject(self) -> None:
        """Nothing happens to the fleet."""

    def heal(self) -> None:
        """Nothing happened."""

    def inventory(self, document: dict[str, Any]) -> None:
        document["manager"] = "ops-bridge"
