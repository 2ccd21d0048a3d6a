"""What a bridge's configuration says where it is none of its arguments, and how it is reached."""

from __future__ import annotations

from typing import Any, ClassVar

from rehearsal.faults.bases import BridgeChanged
from rehearsal.faults.clusters import BRIDGES, CONTAINER, add, create, kubectl, replace
from rehearsal.faults.fault import fail
from rehearsal.faults.machines import HUB_BRIDGE
from rehearsal.faults.production.bridges import BridgePastTheTunnel
from rehearsal.faults.symptoms import FROM_POD, LEADS, LED

_SHELL = ["sh", "-c", "exec socat TCP-LISTEN:8000,fork,reuseaddr TCP:$UPSTREAM"]
_VARIABLES = (
    replace(f"{CONTAINER}/command", _SHELL),
    add(f"{CONTAINER}/envFrom", [{"configMapRef": {"name": "bridge"}}]),
)


class _Configured(BridgeChanged):
    """The bridge's upstream stands in a ConfigMap."""

    data: ClassVar[dict[str, str]]
    operations: ClassVar[tuple[dict[str, Any], ...]] = _VARIABLES
    ready = 1

    def inject(self) -> None:
        create(BRIDGES, "v1", "ConfigMap", {"name": "bridge"}, data=self.data)
        super().inject()

    def heal(self) -> None:
        super().heal()
        kubectl(BRIDGES, "delete configmap bridge")


class BridgeByConfigMap(_Configured):
    """The bridge has its upstream from a ConfigMap, as a variable."""

    harmless_to = "PROD-02.upstream"
    data = {"UPSTREAM": "127.0.0.1:18000"}


class BridgeByConfigMapPastTheTunnel(_Configured, BridgePastTheTunnel):
    """The ConfigMap of the bridge names a relay beside the tunnel, through which all is healthy."""

    data = {"UPSTREAM": "127.0.0.1:28000"}
    operations = _VARIABLES
    turns = {
        LEADS: fail("UPSTREAM of bridge"),
        FROM_POD: fail("leads to 127.0.0.1:28000, held by the unit relay.service, not 127.0.0.1:"),
    }


class BridgeAtAPortOfItsNode(BridgeChanged):
    """The application reaches the bridge at a port of its node, and there is no Service."""

    harmless_to = "PROD-02.service"
    operations = (add(f"{CONTAINER}/ports/0/hostPort", 8000),)
    port = 8000

    def inject(self) -> None:
        super().inject()
        kubectl(BRIDGES, f"delete svc {HUB_BRIDGE}")

    def inventory(self, document: dict[str, Any]) -> None:
        document["bridges"][HUB_BRIDGE]["host_port"] = self.port


class BridgeAtAnotherPortOfItsNode(BridgeAtAPortOfItsNode):
    """The bridge has another port of its node than the inventory says."""

    harmless_to = ""
    port = 8001
    turns = {
        LED: fail("has port [8000] of its node, the inventory says 8001"),
        f"PROD-03.inside[{HUB_BRIDGE}]": fail("Connection refused"),
        FROM_POD: fail("Connection refused"),
    }
