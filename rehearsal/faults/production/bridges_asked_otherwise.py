"""Bridges that are asked by other means than Python, or than the API."""

from __future__ import annotations

from rehearsal.faults.bases import AskedBy, BridgeChanged
from rehearsal.faults.clusters import TARGET, replace
from rehearsal.faults.fault import fail, inconclusive
from rehearsal.faults.machines import HUB_BRIDGE, RAILIANCE
from rehearsal.faults.prereqs.ground_kubectl import AskedByKubectl
from rehearsal.faults.production.bridges import BridgePastTheTunnel
from rehearsal.faults.symptoms import FROM_POD, INSIDE, LEADS, everywhere, unanswered


class AskedByWhatIsNotThere(AskedBy):
    """The pod has no nc."""

    program = "nc"
    turns = {
        **everywhere(inconclusive("name another program of the pod's image as probe.with")),
        **unanswered(RAILIANCE, "name another program of the pod's image as probe.with"),
    }

    def inject(self) -> None:
        """There is none."""

    def heal(self) -> None:
        """There was none."""


class _LeadsPast(AskedBy, BridgePastTheTunnel):
    """It asks a bridge that leads past the tunnel."""

    def inject(self) -> None:
        AskedBy.inject(self)
        BridgePastTheTunnel.inject(self)

    def heal(self) -> None:
        BridgePastTheTunnel.heal(self)
        AskedBy.heal(self)


class BridgePastTheTunnelAskedByCurl(_LeadsPast):
    """The bridge leads to a relay beside the tunnel; curl asks."""

    program = "curl"
    since = {RAILIANCE: "bookworm"}  # see AskedByCurl


class BridgePastTheTunnelAskedByNc(_LeadsPast):
    """The bridge leads to a relay beside the tunnel; nc asks."""

    program = "nc"


class BridgeDownAskedByCurl(AskedBy, BridgeChanged):
    """The bridge passes nothing on; curl asks."""

    program = "curl"
    since = {RAILIANCE: "bookworm"}  # see AskedByCurl
    operations = (replace(TARGET, "TCP:127.0.0.1:1"),)
    turns = {
        LEADS: fail("proxies to ['127.0.0.1:1']"),
        f"PROD-01.pods[{HUB_BRIDGE}]": fail("is 0/1 ready"),
        INSIDE: fail("curl: ("),
        FROM_POD: fail("curl: ("),
    }

    def inject(self) -> None:
        AskedBy.inject(self)
        BridgeChanged.inject(self)

    def heal(self) -> None:
        BridgeChanged.heal(self)
        AskedBy.heal(self)


class BridgePastTheTunnelAskedByKubectl(AskedByKubectl, BridgePastTheTunnel):
    """The bridge leads to a relay beside the tunnel; kubectl asks."""

    harmless_to = ""

    def inject(self) -> None:
        AskedByKubectl.inject(self)
        BridgePastTheTunnel.inject(self)

    def heal(self) -> None:
        BridgePastTheTunnel.heal(self)
        AskedByKubectl.heal(self)
