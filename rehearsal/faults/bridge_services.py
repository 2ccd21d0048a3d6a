"""The bridges' Services: the names by which the cluster finds the bridges' pods."""

from __future__ import annotations

from typing import Any, ClassVar

from rehearsal.faults.bridges import NO_ANSWER
from rehearsal.faults.cluster import (
    BRIDGES,
    HUB_BRIDGE,
    ISSUES_BRIDGE,
    add,
    kubectl,
    patch,
    replace,
    restore,
)
from rehearsal.faults.fault import Fault, fail
from rehearsal.faults.means import COULOMB, RAILIANCE, user
from rehearsal.faults.services import FROM_POD, INSIDE

LED = f"PROD-02.service[{HUB_BRIDGE}]"
SERVICE = f"svc/{HUB_BRIDGE}"
RELAY = "systemd-run --user --quiet --collect --unit=relay socat TCP-LISTEN:28000,fork"


class BridgeServiceGone(Fault):
    """The bridge's Service is deleted: its name does not resolve inside the cluster."""

    turns = {
        INSIDE: fail("Name or service not known"),
        FROM_POD: fail("Name or service not known"),
        LED: fail(f"there is no Service activity-core/{HUB_BRIDGE}"),
    }

    def inject(self) -> None:
        kubectl(BRIDGES, f"delete {SERVICE}")

    def heal(self) -> None:
        restore(BRIDGES, HUB_BRIDGE)


class _Repointed(Fault):
    """The bridge's Service is changed; the bridge itself is as it was."""

    operations: ClassVar[tuple[dict[str, Any], ...]]

    def inject(self) -> None:
        patch(BRIDGES, SERVICE, *self.operations)

    def heal(self) -> None:
        kubectl(BRIDGES, f"delete {SERVICE}")
        restore(BRIDGES, HUB_BRIDGE)


class BridgeServiceOnAnotherPort(_Repointed):
    """The bridge's Service offers another port than the applications ask."""

    operations = (replace("/spec/ports/0/port", 8001),)
    turns = {
        LED: fail("has port [8001], the inventory says 8000"),
        INSIDE: NO_ANSWER,
        FROM_POD: NO_ANSWER,
    }


class BridgeServiceSelectsNothing(_Repointed):
    """The bridge's Service looks for a label that no pod has."""

    operations = (replace("/spec/selector", {"app.kubernetes.io/name": "state-hub-bridge"}),)
    turns = {LED: fail("leads to no pod"), INSIDE: NO_ANSWER, FROM_POD: NO_ANSWER}


class BridgeServiceSelectsAnother(_Repointed):
    """The bridge's Service selects the other bridge's pods, which share the node, so it answers."""

    operations = (replace("/spec/selector", {"app.kubernetes.io/name": ISSUES_BRIDGE}),)
    turns = {LED: fail(f"the Service leads to 198.18.77.11:8000, {ISSUES_BRIDGE}-")}


class BridgeServiceToAnotherPort(_Repointed):
    """The bridge's Service leads past the bridge, to a relay on its node; all is healthy."""

    operations = (replace("/spec/ports/0/targetPort", 28000),)
    turns = {
        LED: fail("which listens on [8000]"),
        FROM_POD: fail("no pod of actcore-state-hub-bridge has it, but the unit relay.service"),
    }

    def inject(self) -> None:
        user(RAILIANCE, f"{RELAY} TCP:127.0.0.1:18000")
        super().inject()

    def heal(self) -> None:
        super().heal()
        user(RAILIANCE, "systemctl --user stop relay")


class BridgeServiceLeadsAbroad(_Repointed):
    """The bridge's Service leads past the tunnel, straight to coulombcore; all is healthy."""

    operations = ({"op": "remove", "path": "/spec/selector"},)
    turns = {
        LED: fail("198.18.77.12:28000, of no pod"),
        FROM_POD: fail("which listens on 198.18.77.11:8000 of railiance01 and has not accepted it"),
    }

    def inject(self) -> None:
        user(COULOMB, f"{RELAY} TCP:198.19.43.94:8000")
        super().inject()
        subset = {
            "addresses": [{"ip": "198.18.77.12"}],
            "ports": [{"name": "http", "port": 28000, "protocol": "TCP"}],
        }
        patch(BRIDGES, f"ep/{HUB_BRIDGE}", add("/subsets", [subset]))

    def heal(self) -> None:
        super().heal()
        user(COULOMB, "systemctl --user stop relay")
