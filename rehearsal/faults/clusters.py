"""The Services that the tunnels lead to, and the names and pods inside the bridges' cluster."""

from __future__ import annotations

import json
from typing import Any

from rehearsal.faults.bridges import NO_ANSWER, READY
from rehearsal.faults.cluster import (
    API,
    BRIDGES,
    HUB_BRIDGE,
    SERVICES,
    add,
    create_slice,
    kubectl,
    patch,
    replace,
    restore,
    rolled_out,
    unready,
)
from rehearsal.faults.fault import Fault, Turn, fail, inconclusive
from rehearsal.faults.means import COULOMB, WORKSTATION, root, user
from rehearsal.faults.services import (
    AT_ITS_ADDRESS,
    FROM_POD,
    INSIDE,
    NOTHING_CAME_BACK,
    PATH,
    THROUGH_THE_TUNNEL,
)

RELAY = "systemd-run --quiet --collect --unit=relay"
USER_RELAY = "systemd-run --user --quiet --collect --unit=relay"
OWN = "PROD-15.endpoints[state-hub]"
CURRENT = "PRE-06.cluster-ip[state-hub]"


class ClusterNamesUnknown(Fault):
    """The application's pods do not ask the cluster's DNS."""

    turns = {
        "PROD-03.inside": fail("name resolution"),
        "PROD-04.from-pod": fail("name resolution"),
    }

    def inject(self) -> None:
        patch(BRIDGES, f"deploy/{API}", add("/spec/template/spec/dnsPolicy", "Default"))
        rolled_out(BRIDGES, API)

    def heal(self) -> None:
        patch(BRIDGES, f"deploy/{API}", replace("/spec/template/spec/dnsPolicy", "ClusterFirst"))
        rolled_out(BRIDGES, API)


class NoPodToAskFrom(Fault):
    """The application, from whose pod the services are asked, has no pod."""

    turns = {
        "PROD-03.inside": inconclusive("has no running pod"),
        "PROD-04.from-pod": inconclusive("has no running pod"),
    }

    def inject(self) -> None:
        kubectl(BRIDGES, f"scale deploy/{API} --replicas=0")
        rolled_out(BRIDGES, API)

    def heal(self) -> None:
        kubectl(BRIDGES, f"scale deploy/{API} --replicas=1")
        rolled_out(BRIDGES, API)


def unreachable(current: str) -> dict[str, Turn]:
    """The turns of a State Hub that is not where everybody looks for it."""
    return {
        CURRENT: fail(current),
        AT_ITS_ADDRESS: fail("no complete answer within 1 s"),
        THROUGH_THE_TUNNEL: fail("no complete answer within 1 s"),
        PATH: fail("no complete answer within 1 s"),
        READY: fail("is 0/1 ready"),
        INSIDE: NO_ANSWER,
        FROM_POD: NO_ANSWER,
    }


class _Moved(Fault):
    """The Service that the tunnel leads to is gone from there."""

    deadlines = {"http": 1}

    def inject(self) -> None:
        self.move()
        unready(BRIDGES, HUB_BRIDGE)

    def move(self) -> None:
        """Take the Service from where it was."""
        kubectl(SERVICES, "delete svc/state-hub")

    def heal(self) -> None:
        kubectl(SERVICES, "delete svc/state-hub --ignore-not-found")
        restore(SERVICES, "state-hub")
        rolled_out(BRIDGES, HUB_BRIDGE)


class ServiceGone(_Moved):
    """The State Hub's Service is deleted."""

    turns = {
        **unreachable("there is no Service state-hub/state-hub"),
        **NOTHING_CAME_BACK,
        OWN: fail("there is no Service state-hub/state-hub"),
    }


class ClusterIpChanged(_Moved):
    """The State Hub's Service is made anew, and gets another ClusterIP."""

    turns = {**unreachable("the Service has ClusterIP 198.19.43.77"), **NOTHING_CAME_BACK}

    def move(self) -> None:
        super().move()
        port = {"name": "http", "port": 8000, "targetPort": 8000}
        labels = {"app.kubernetes.io/name": "state-hub"}
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "state-hub", "namespace": SERVICES},
            "spec": {"clusterIP": "198.19.43.77", "selector": labels, "ports": [port]},
        }
        kubectl(SERVICES, f"create --validate=false -f - <<END\n{json.dumps(service)}\nEND")


class ServicePortChanged(_Moved):
    """The State Hub's Service keeps its ClusterIP and changes its port."""

    turns = {
        **unreachable("the Service has port 8001, the inventory says 8000"),
        OWN: fail("the Service leads to no pod from its port 8000"),
        AT_ITS_ADDRESS: fail("refused"),
        THROUGH_THE_TUNNEL: fail("without sending a response"),
        PATH: fail("without sending a response"),
    }

    def move(self) -> None:
        patch(SERVICES, "svc/state-hub", replace("/spec/ports/0/port", 8001))


class ServiceOfAnotherNamespace(Fault):
    """The inventory has the State Hub's Service in a namespace where it is not."""

    turns = {
        CURRENT: inconclusive("the account lacks `get services in default`"),
        OWN: inconclusive("the account lacks `get services in default`"),
    }

    def inject(self) -> None:
        """Nothing happens to the fleet."""

    def heal(self) -> None:
        """Nothing happened."""

    def inventory(self, document: dict[str, Any]) -> None:
        document["services"]["state-hub"]["namespace"] = "default"


class ClusterMadeAnew(Fault):
    """The inventory knows the cluster that stood there before somebody made it anew."""

    turns = {"PRE-13.cluster[railiance01]": fail("the inventory says 0f6e51a2-")}

    def inject(self) -> None:
        """Nothing happens to the fleet any more."""

    def heal(self) -> None:
        """Nothing happened."""

    def inventory(self, document: dict[str, Any]) -> None:
        document["clusters"]["railiance01"]["uid"] = "0f6e51a2-7d0c-4c53-9f43-54e4a1a7a3c8"


class ServiceOverTheWorkstation(Fault):
    """The State Hub's Service leads to the workstation, and nobody on the path can see it."""

    turns = {
        OWN: fail("198.18.77.13:28000, of no pod, in by-hand made by hand: workstation"),
        # Forth and back over coulombcore, the request passes two sockets there that look alike.
        PATH: inconclusive("was seen 2 times, not once"),
        FROM_POD: inconclusive("was seen 2 times, not once"),
    }

    def inject(self) -> None:
        pod = kubectl(SERVICES, "get pods -l app.kubernetes.io/name=state-hub "
                                "-o jsonpath='{.items[0].status.podIP}'").strip()  # fmt: skip
        root(COULOMB, f"{RELAY}-back socat TCP-LISTEN:28001,fork,reuseaddr TCP:{pod}:8000")
        user(
            WORKSTATION,
            f"{USER_RELAY} socat TCP-LISTEN:28000,fork,reuseaddr TCP:198.18.77.12:28001",
        )
        patch(SERVICES, "svc/state-hub", {"op": "remove", "path": "/spec/selector"})
        kubectl(SERVICES, "delete endpointslices -l kubernetes.io/service-name=state-hub")
        create_slice(SERVICES, "state-hub", "198.18.77.13", 28000)

    def heal(self) -> None:
        kubectl(SERVICES, "delete endpointslice/by-hand")
        kubectl(SERVICES, "delete svc/state-hub")
        restore(SERVICES, "state-hub")
        user(WORKSTATION, "systemctl --user stop relay")
        root(COULOMB, "systemctl stop relay-back")
        rolled_out(BRIDGES, HUB_BRIDGE)


class ServiceRunsOnTheWorkstation(Fault):
    """The workstation has joined the services' cluster, and the State Hub's pod runs there."""

    turns = {OWN: fail("runs on workstation")}

    def inject(self) -> None:
        name = kubectl(SERVICES, "get pods -l app.kubernetes.io/name=state-hub -o name").strip()
        node = [{"ip": "198.18.77.13"}]
        patch(SERVICES, f"{name} --subresource=status", replace("/status/hostIPs", node))

    def heal(self) -> None:
        kubectl(SERVICES, "delete pods -l app.kubernetes.io/name=state-hub")
        rolled_out(SERVICES, "state-hub")
        rolled_out(BRIDGES, HUB_BRIDGE)
