"""The bridges in their cluster, and the Services that the tunnels lead to."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from rehearsal.errors import RehearsalError
from rehearsal.faults.cluster import (
    API,
    BRIDGES,
    CONTAINER,
    HUB_BRIDGE,
    SERVICES,
    add,
    kubectl,
    patch,
    replace,
    restore,
    rolled_out,
    unready,
)
from rehearsal.faults.fault import Fault, Turn, fail, inconclusive
from rehearsal.faults.means import RAILIANCE, root, user
from rehearsal.faults.services import AT_ITS_ADDRESS, INSIDE, PATH, THROUGH_THE_TUNNEL

READY = f"bridge_pods_are_ready[{HUB_BRIDGE}]"
LEADS = f"bridge_leads_to_its_tunnel[{HUB_BRIDGE}]"
CURRENT = "cluster_ip_is_current[state-hub]"
LABELS = "/spec/template/metadata/labels"
TARGET = f"{CONTAINER}/command/2"  # of socat's two addresses the second
NO_ANSWER = fail("asked from inside, actcore-state-hub-bridge does not answer")


class _Bridge(Fault):
    """The bridge's Deployment is changed; `ready` of its pods become ready afterwards."""

    operations: ClassVar[tuple[dict[str, Any], ...]]
    ready: ClassVar[int] = 0

    def inject(self) -> None:
        patch(BRIDGES, f"deploy/{HUB_BRIDGE}", *self.operations)
        rolled_out(BRIDGES, HUB_BRIDGE, ready=self.ready)

    def heal(self) -> None:
        restore(BRIDGES, "actcore-state-hub-bridge")


def _await(field: str, value: str) -> None:
    """Wait until the bridge's containers have this value (JSONPath) in their status."""
    template = f"{{range .items[*].status.containerStatuses[*]}}{field}{{end}}"
    pods = f"get pods -l app.kubernetes.io/name={HUB_BRIDGE} -o jsonpath='{template}'"
    end = time.monotonic() + 10
    while (found := kubectl(BRIDGES, pods)) != value:
        if time.monotonic() > end:
            raise RehearsalError(f"the bridge's containers have {field} {found}, not {value}")
        time.sleep(0.05)


class BridgeNotReady(_Bridge):
    """The bridge's readiness probe asks for a path that nobody knows."""

    operations = (replace(f"{CONTAINER}/readinessProbe/httpGet/path", "/ready"),)
    turns = {READY: fail("is 0/1 ready"), INSIDE: NO_ANSWER}


class BridgeCrashLooping(_Bridge):
    """The bridge's socat does not know an option that somebody added, and ends at once."""

    operations = (replace(f"{CONTAINER}/command/1", "TCP-LISTEN:8000,fork,reuse-addr"),)
    turns = {READY: fail("is 0/1 ready, CrashLoopBackOff"), INSIDE: NO_ANSWER}

    def inject(self) -> None:
        super().inject()
        _await("{.state.waiting.reason}", "CrashLoopBackOff")  # the first restart comes at once


class BridgeImageMissing(_Bridge):
    """The bridge's image cannot be pulled."""

    operations = (replace(f"{CONTAINER}/image", "localhost/no-such-image:1"),)
    turns = {READY: fail("is 0/1 ready, ImagePullBackOff"), INSIDE: NO_ANSWER}


class BridgeHalfReady(_Bridge):
    """Of the bridge pod's two containers one is ready."""

    operations = (
        add(
            "/spec/template/spec/containers/-",
            {
                "name": "metrics",
                "image": "localhost/metrics:rehearsal",
                "command": ["sleep", "infinity"],
                "readinessProbe": {"exec": {"command": ["false"]}, "periodSeconds": 1},
            },
        ),
    )
    turns = {READY: fail("is 1/2 ready"), INSIDE: NO_ANSWER}

    def inject(self) -> None:
        super().inject()
        _await("{.ready} ", "true false ")


class BridgeOffTheNodesNetwork(_Bridge):
    """The bridge loses hostNetwork, and 127.0.0.1 is the pod's own."""

    operations = (replace("/spec/template/spec/hostNetwork", False),)
    turns = {
        READY: fail("is 0/1 ready"),
        LEADS: fail("is its own, not the node's"),
        INSIDE: NO_ANSWER,
    }


class BridgesCrossed(_Bridge):
    """The State Hub's bridge proxies to the end of issue-core's tunnel."""

    operations = (replace(TARGET, "TCP:127.0.0.1:18765"),)
    turns = {
        READY: fail("is 0/1 ready"),
        LEADS: fail("proxies to ['127.0.0.1:18765'], not to 127.0.0.1:18000"),
        INSIDE: NO_ANSWER,
    }


class BridgePastTheTunnel(_Bridge):
    """The bridge leads to a relay beside the tunnel, through which all is healthy."""

    operations = (replace(TARGET, "TCP:127.0.0.1:28000"),)
    ready = 1
    turns = {LEADS: fail("proxies to ['127.0.0.1:28000'], not to 127.0.0.1:18000")}

    def inject(self) -> None:
        relay = "systemd-run --user --quiet --unit=relay socat"
        user(RAILIANCE, f"{relay} TCP-LISTEN:28000,fork,bind=127.0.0.1 TCP:127.0.0.1:18000")
        super().inject()

    def heal(self) -> None:
        super().heal()
        user(RAILIANCE, "systemctl --user stop relay")


class BridgeRelabelled(_Bridge):
    """The bridge's pods lose the label by which the runbook finds them."""

    operations = (replace(f"{LABELS}/app.kubernetes.io~1part-of", "platform"),)
    ready = 1
    turns = {
        READY: fail("wants 1 pods and 0 match the runbook's selector"),
        LEADS: inconclusive("has no pod whose proxy could be looked at"),
    }


class BridgeScaledToZero(_Bridge):
    """The bridge is scaled to no replicas."""

    operations = (replace("/spec/replicas", 0),)
    turns = {
        READY: fail("is scaled to 0 replicas"),
        LEADS: inconclusive("has no pod whose proxy could be looked at"),
        INSIDE: NO_ANSWER,
    }


class BridgeGone(Fault):
    """Somebody deleted the bridge's Deployment."""

    turns = {
        READY: fail(f"there is no Deployment activity-core/{HUB_BRIDGE}"),
        LEADS: fail(f"there is no Deployment activity-core/{HUB_BRIDGE}"),
        INSIDE: NO_ANSWER,
    }

    def inject(self) -> None:
        kubectl(BRIDGES, f"delete deploy/{HUB_BRIDGE}")
        kubectl(
            BRIDGES, f"wait pods -l app.kubernetes.io/name={HUB_BRIDGE} --for=delete --timeout=5s"
        )

    def heal(self) -> None:
        restore(BRIDGES, HUB_BRIDGE)


class BridgeRestartedLately(Fault):
    """The bridge's process died once and was started again."""

    turns = {READY: fail("1 times in all")}

    def inject(self) -> None:
        root(RAILIANCE, "pkill -f 'socat TCP-LISTEN:800[0]'")
        name = f"-l app.kubernetes.io/name={HUB_BRIDGE}"
        kubectl(BRIDGES, f"wait pods {name} --for=condition=Ready=false --timeout=3s", check=False)
        kubectl(BRIDGES, f"wait pods {name} --for=condition=Ready --timeout=5s")

    def heal(self) -> None:
        kubectl(BRIDGES, f"delete pods -l app.kubernetes.io/name={HUB_BRIDGE}")
        rolled_out(BRIDGES, HUB_BRIDGE)


class NodeLost(Fault):
    """The node controller takes the bridge pod's readiness: its containers stay 1/1."""

    turns = {READY: fail("is not ready: node is not ready"), INSIDE: NO_ANSWER}

    def inject(self) -> None:
        name = kubectl(BRIDGES, f"get pods -l app.kubernetes.io/name={HUB_BRIDGE} -o name").strip()
        condition = {
            "type": "Ready",
            "status": "False",
            "reason": "NodeNotReady",
            "message": "node is not ready",
        }
        patch(BRIDGES, f"{name} --subresource=status", replace("/status/conditions", [condition]))

    def heal(self) -> None:
        kubectl(BRIDGES, f"delete pods -l app.kubernetes.io/name={HUB_BRIDGE}")
        rolled_out(BRIDGES, HUB_BRIDGE)


class BridgeServiceGone(Fault):
    """The bridge's Service is deleted: its name does not resolve inside the cluster."""

    turns = {INSIDE: fail("Name or service not known")}

    def inject(self) -> None:
        kubectl(BRIDGES, f"delete svc/{HUB_BRIDGE}")

    def heal(self) -> None:
        restore(BRIDGES, HUB_BRIDGE)


class ClusterNamesUnknown(Fault):
    """The application's pods do not ask the cluster's DNS."""

    turns = {"service_answers_inside_the_cluster": fail("not resol")}

    def inject(self) -> None:
        patch(BRIDGES, f"deploy/{API}", add("/spec/template/spec/dnsPolicy", "Default"))
        rolled_out(BRIDGES, API)

    def heal(self) -> None:
        patch(BRIDGES, f"deploy/{API}", replace("/spec/template/spec/dnsPolicy", "ClusterFirst"))
        rolled_out(BRIDGES, API)


class NoPodToAskFrom(Fault):
    """The application, from whose pod the services are asked, has no pod."""

    turns = {
        "service_answers_inside_the_cluster": inconclusive("has no running pod"),
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
        AT_ITS_ADDRESS: fail("not connected"),
        THROUGH_THE_TUNNEL: fail("without sending a response"),
        PATH: fail("without sending a response"),
        READY: fail("is 0/1 ready"),
        INSIDE: NO_ANSWER,
    }


class _Moved(Fault):
    """The Service that the tunnel leads to is gone from there."""

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

    turns = unreachable("there is no Service state-hub/state-hub")


class ClusterIpChanged(_Moved):
    """The State Hub's Service is made anew, and gets another ClusterIP."""

    turns = unreachable("the Service has ClusterIP 198.19.43.77")

    def move(self) -> None:
        super().move()
        kubectl(
            SERVICES, "create service clusterip state-hub --tcp=8000:8000 --clusterip=198.19.43.77"
        )


class ServicePortChanged(_Moved):
    """The State Hub's Service keeps its ClusterIP and changes its port."""

    turns = unreachable("the Service has port 8001, the inventory says 8000")

    def move(self) -> None:
        patch(SERVICES, "svc/state-hub", replace("/spec/ports/0/port", 8001))


class ServiceOfAnotherNamespace(Fault):
    """The inventory has the State Hub's Service in a namespace where it is not."""

    turns = {CURRENT: fail("there is no Service default/state-hub")}

    def inject(self) -> None:
        """Nothing happens to the fleet."""

    def heal(self) -> None:
        """Nothing happened."""

    def inventory(self, document: dict[str, Any]) -> None:
        document["services"]["state-hub"]["namespace"] = "default"
