"""The bridges: the pods by which the cluster reaches the tunnels' ends."""

from __future__ import annotations

import time

from rehearsal.errors import RehearsalError
from rehearsal.faults.cluster import (
    BRIDGES,
    CONTAINER,
    HUB_BRIDGE,
    BridgeChanged,
    add,
    kubectl,
    patch,
    replace,
    restore,
    rolled_out,
)
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.means import RAILIANCE, root, user
from rehearsal.faults.services import FROM_POD, INSIDE

READY = f"PROD-01.pods[{HUB_BRIDGE}]"
LEADS = f"PROD-02.upstream[{HUB_BRIDGE}]"
LED = f"PROD-02.service[{HUB_BRIDGE}]"
NO_POD = "has no pod to which its Service could lead"
LABELS = "/spec/template/metadata/labels"
TARGET = f"{CONTAINER}/command/2"  # of socat's two addresses the second
NO_ANSWER = fail("asked from inside, actcore-state-hub-bridge does not answer")


def _await(field: str, value: str) -> None:
    """Wait until the bridge's containers have this value (JSONPath) in their status."""
    template = f"{{range .items[*].status.containerStatuses[*]}}{field}{{end}}"
    pods = f"get pods -l app.kubernetes.io/name={HUB_BRIDGE} -o jsonpath='{template}'"
    end = time.monotonic() + 10
    while (found := kubectl(BRIDGES, pods)) != value:
        if time.monotonic() > end:
            raise RehearsalError(f"the bridge's containers have {field} {found}, not {value}")
        time.sleep(0.05)


class BridgeNotReady(BridgeChanged):
    """The bridge's readiness probe asks for a path that nobody knows."""

    operations = (replace(f"{CONTAINER}/readinessProbe/httpGet/path", "/ready"),)
    turns = {READY: fail("is 0/1 ready"), INSIDE: NO_ANSWER, FROM_POD: NO_ANSWER}


class BridgeCrashLooping(BridgeChanged):
    """The bridge's socat does not know an option that somebody added, and ends at once."""

    operations = (replace(f"{CONTAINER}/command/1", "TCP-LISTEN:8000,fork,reuse-addr"),)
    turns = {READY: fail("is 0/1 ready, CrashLoopBackOff"), INSIDE: NO_ANSWER, FROM_POD: NO_ANSWER}

    def inject(self) -> None:
        super().inject()
        _await("{.state.waiting.reason}", "CrashLoopBackOff")  # the first restart comes at once


class BridgeImageMissing(BridgeChanged):
    """The bridge's image cannot be pulled."""

    operations = (replace(f"{CONTAINER}/image", "localhost/no-such-image:1"),)
    turns = {READY: fail("is 0/1 ready, ImagePullBackOff"), INSIDE: NO_ANSWER, FROM_POD: NO_ANSWER}


class BridgeHalfReady(BridgeChanged):
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
    turns = {READY: fail("is 1/2 ready"), INSIDE: NO_ANSWER, FROM_POD: NO_ANSWER}

    def inject(self) -> None:
        super().inject()
        _await("{.ready} ", "true false ")


class BridgeOffTheNodesNetwork(BridgeChanged):
    """The bridge loses hostNetwork, and 127.0.0.1 is the pod's own."""

    operations = (replace("/spec/template/spec/hostNetwork", False),)
    turns = {
        READY: fail("is 0/1 ready"),
        LEADS: fail("is its own, not the node's"),
        INSIDE: NO_ANSWER,
        FROM_POD: NO_ANSWER,
    }


class BridgesCrossed(BridgeChanged):
    """The State Hub's bridge proxies to the end of issue-core's tunnel."""

    operations = (replace(TARGET, "TCP:127.0.0.1:18765"),)
    turns = {
        READY: fail("is 0/1 ready"),
        LEADS: fail("proxies to ['127.0.0.1:18765'], not to 127.0.0.1:18000"),
        INSIDE: NO_ANSWER,
        FROM_POD: NO_ANSWER,
    }


class BridgePastTheTunnel(BridgeChanged):
    """The bridge leads to a relay beside the tunnel, through which all is healthy."""

    operations = (replace(TARGET, "TCP:127.0.0.1:28000"),)
    ready = 1
    turns = {
        LEADS: fail("proxies to ['127.0.0.1:28000'], not to 127.0.0.1:18000"),
        FROM_POD: fail("leads to 127.0.0.1:28000, held by the unit relay.service, not 127.0.0.1:"),
    }

    def inject(self) -> None:
        relay = "systemd-run --user --quiet --collect --unit=relay socat"
        user(RAILIANCE, f"{relay} TCP-LISTEN:28000,fork,bind=127.0.0.1 TCP:127.0.0.1:18000")
        super().inject()

    def heal(self) -> None:
        super().heal()
        user(RAILIANCE, "systemctl --user stop relay")


class BridgeRelabelled(BridgeChanged):
    """The bridge's pods lose the label by which the runbook finds them."""

    operations = (replace(f"{LABELS}/app.kubernetes.io~1part-of", "platform"),)
    ready = 1
    turns = {
        READY: fail("wants 1 pods and 0 match the runbook's selector"),
        LEADS: inconclusive("has no pod whose proxy could be looked at"),
        LED: inconclusive(NO_POD),
    }


class BridgeScaledToZero(BridgeChanged):
    """The bridge is scaled to no replicas."""

    operations = (replace("/spec/replicas", 0),)
    turns = {
        READY: fail("is scaled to 0 replicas"),
        LEADS: inconclusive("has no pod whose proxy could be looked at"),
        LED: inconclusive(NO_POD),
        INSIDE: NO_ANSWER,
        FROM_POD: NO_ANSWER,
    }


class BridgeGone(Fault):
    """Somebody deleted the bridge's Deployment."""

    turns = {
        READY: fail(f"there is no Deployment activity-core/{HUB_BRIDGE}"),
        LEADS: fail(f"there is no Deployment activity-core/{HUB_BRIDGE}"),
        LED: fail(f"there is no Deployment activity-core/{HUB_BRIDGE}"),
        INSIDE: NO_ANSWER,
        FROM_POD: NO_ANSWER,
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

    turns = {READY: fail("is not ready: node is not ready"), INSIDE: NO_ANSWER, FROM_POD: NO_ANSWER}

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
