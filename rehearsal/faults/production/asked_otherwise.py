"""Fleets that are asked by other means: a pod without Python, a cluster without a kubeconfig."""

from __future__ import annotations

from typing import Any, ClassVar

from rehearsal.cluster import ADMIN_KUBECONFIG
from rehearsal.faults.bases import BridgeChanged
from rehearsal.faults.clusters import KUBECONFIG, TARGET, replace
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.machines import COULOMB, HUB_BRIDGE, RAILIANCE, root, user
from rehearsal.faults.symptoms import FROM_POD, INSIDE, LEADS, blind, everywhere, unanswered

_NC, _WGET = "/usr/local/bin/nc", "/usr/local/bin/wget"


class _AskedBy(Fault):
    """The application's image has no Python, and the inventory says what it has."""

    program: ClassVar[str]

    def inject(self) -> None:
        root(RAILIANCE, f"for name in {_NC} {_WGET}; do ln -sf /usr/bin/busybox $name; done")

    def heal(self) -> None:
        root(RAILIANCE, f"rm {_NC} {_WGET}")

    def inventory(self, document: dict[str, Any]) -> None:
        document["probe"] |= {"with": self.program, "container": "api"}


class AskedByCurl(_AskedBy):
    """curl asks in the application's pod."""

    harmless_to = "PROD-04.from-pod"
    program = "curl"


class AskedByNc(_AskedBy):
    """nc asks in the application's pod."""

    harmless_to = "PROD-04.from-pod"
    program = "nc"


class AskedByWget(_AskedBy):
    """wget asks in the application's pod, and tells nothing of its connection."""

    program = "wget"
    turns = {"PROD-04.from-pod": inconclusive("tells neither its socket nor its bytes")}


class AskedByWhatIsNotThere(_AskedBy):
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


class _BridgeAskedBy(_AskedBy, BridgeChanged):
    """It asks a bridge that leads past the tunnel."""

    operations = (replace(TARGET, "TCP:127.0.0.1:28000"),)
    ready = 1
    turns = {
        LEADS: fail("proxies to ['127.0.0.1:28000'], not to 127.0.0.1:18000"),
        FROM_POD: fail("leads to 127.0.0.1:28000, held by the unit relay.service, not 127.0.0.1:"),
    }

    def inject(self) -> None:
        _AskedBy.inject(self)
        relay = "systemd-run --user --quiet --collect --unit=relay socat"
        user(
            RAILIANCE, f"{relay} TCP-LISTEN:28000,fork,reuseaddr,bind=127.0.0.1 TCP:127.0.0.1:18000"
        )
        BridgeChanged.inject(self)

    def heal(self) -> None:
        BridgeChanged.heal(self)
        user(RAILIANCE, "systemctl --user stop relay")
        _AskedBy.heal(self)


class BridgePastTheTunnelAskedByCurl(_BridgeAskedBy):
    """The bridge leads to a relay beside the tunnel; curl asks."""

    program = "curl"


class BridgePastTheTunnelAskedByNc(_BridgeAskedBy):
    """The bridge leads to a relay beside the tunnel; nc asks."""

    program = "nc"


class BridgeDownAskedByCurl(_AskedBy, BridgeChanged):
    """The bridge passes nothing on; curl asks."""

    program = "curl"
    operations = (replace(TARGET, "TCP:127.0.0.1:1"),)
    turns = {
        LEADS: fail("proxies to ['127.0.0.1:1']"),
        f"PROD-01.pods[{HUB_BRIDGE}]": fail("is 0/1 ready"),
        INSIDE: fail("curl: ("),
        FROM_POD: fail("curl: ("),
    }

    def inject(self) -> None:
        _AskedBy.inject(self)
        BridgeChanged.inject(self)

    def heal(self) -> None:
        BridgeChanged.heal(self)
        _AskedBy.heal(self)


class AskedByKubectl(Fault):
    """There is no kubeconfig that the suite may read; kubectl asks as root."""

    harmless_to = "PROD-03.inside"

    def inject(self) -> None:
        for host in (RAILIANCE, COULOMB):
            user(host, f"mv {KUBECONFIG} ~/kubeconfig.kept")

    def heal(self) -> None:
        for host in (RAILIANCE, COULOMB):
            user(host, f"mv ~/kubeconfig.kept {KUBECONFIG}")

    def inventory(self, document: dict[str, Any]) -> None:
        for cluster in document["clusters"].values():
            del cluster["kubeconfig"]
            cluster["kubectl"] = f"sudo -n env KUBECONFIG={ADMIN_KUBECONFIG} kubectl"


class KubectlNotAllowed(AskedByKubectl):
    """kubectl asks with a kubeconfig that may not be read, and without sudo."""

    harmless_to = ""
    turns = blind("kubectl: error: ", "permission denied")

    def inventory(self, document: dict[str, Any]) -> None:
        super().inventory(document)
        cluster = document["clusters"]["railiance01"]
        cluster["kubectl"] = f"kubectl --kubeconfig={ADMIN_KUBECONFIG}"


class BridgePastTheTunnelAskedByKubectl(AskedByKubectl, BridgeChanged):
    """The bridge leads to a relay beside the tunnel; kubectl asks."""

    harmless_to = ""
    operations = _BridgeAskedBy.operations
    ready = 1
    turns = _BridgeAskedBy.turns

    def inject(self) -> None:
        AskedByKubectl.inject(self)
        relay = "systemd-run --user --quiet --collect --unit=relay socat"
        user(
            RAILIANCE, f"{relay} TCP-LISTEN:28000,fork,reuseaddr,bind=127.0.0.1 TCP:127.0.0.1:18000"
        )
        BridgeChanged.inject(self)

    def heal(self) -> None:
        BridgeChanged.heal(self)
        user(RAILIANCE, "systemctl --user stop relay")
        AskedByKubectl.heal(self)
