"""The bridges' pods: not ready, not there, or not for long."""

from __future__ import annotations

import time
from typing import Any

from rehearsal.errors import RehearsalError
from rehearsal.faults.bases import BridgeChanged, SelectedByExpressions
from rehearsal.faults.clusters import (
    BRIDGES,
    CONTAINER,
    SIDECAR,
    TARGET,
    add,
    create,
    kubectl,
    patch,
    pod_name,
    replace,
    restore,
    rolled_out,
    set_status,
    until_none,
    until_phase,
)
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.machines import HUB_BRIDGE, RAILIANCE, root
from rehearsal.faults.symptoms import (
    FROM_POD,
    INSIDE,
    LEADS,
    LED,
    NO_ANSWER,
    READY,
    everywhere,
    unanswered,
)


class BridgeNotReady(BridgeChanged):
    """The bridge's readiness probe asks for a path that nobody knows."""

    operations = (replace(f"{CONTAINER}/readinessProbe/httpGet/path", "/ready"),)
    turns = {READY: fail("is 0/1 ready"), INSIDE: NO_ANSWER, FROM_POD: NO_ANSWER}


def _await(field: str, *values: str) -> None:
    """Wait until the bridge's containers have one of these values (JSONPath) in their status."""
    template = f"{{range .items[*].status.containerStatuses[*]}}{field}{{end}}"
    pods = f"get pods -l app.kubernetes.io/name={HUB_BRIDGE} -o jsonpath='{template}'"
    end = time.monotonic() + 10
    while (found := kubectl(BRIDGES, pods)) not in values:
        if time.monotonic() > end:
            raise RehearsalError(f"the bridge's containers have {field} {found}, not {values}")
        time.sleep(0.05)


class BridgeCrashLooping(BridgeChanged):
    """The bridge's socat does not know an option that somebody added, and ends at once."""

    shows = ('unknown option "reuse-addr"',)
    operations = (replace(f"{CONTAINER}/command/1", "TCP-LISTEN:8000,fork,reuse-addr"),)
    turns = {READY: fail("is 0/1 ready, CrashLoopBackOff"), INSIDE: NO_ANSWER, FROM_POD: NO_ANSWER}

    def inject(self) -> None:
        super().inject()
        _await("{.state.waiting.reason}", "CrashLoopBackOff")  # the first restart comes at once


class BridgeImageMissing(BridgeChanged):
    """The bridge's image cannot be pulled."""

    shows = ("Failed to pull image",)
    operations = (replace(f"{CONTAINER}/image", "localhost/no-such-image:1"),)
    turns = {
        READY: fail("is 0/1 ready, ImagePullBackOff: Back-off pulling"),
        INSIDE: NO_ANSWER,
        FROM_POD: NO_ANSWER,
    }


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

    shows = ("Cannot assign requested address",)
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


LABELS = "/spec/template/metadata/labels"


class BridgeRelabelled(BridgeChanged):
    """The bridge's pods lose the label by which the runbook finds them."""

    operations = (replace(f"{LABELS}/app.kubernetes.io~1part-of", "platform"),)
    ready = 1
    turns = {
        READY: fail("does not match the runbook's selector"),
    }


NO_POD = "has no pod to which its Service could lead"


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
        until_none(BRIDGES, HUB_BRIDGE)

    def heal(self) -> None:
        restore(BRIDGES, HUB_BRIDGE)


class BridgeRestartedLately(Fault):
    """The bridge's process died once and was started again."""

    shows = ("exiting on signal 15",)
    turns = {READY: fail("exit 143 (Error); steady from ")}

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

    turns = {
        READY: fail("its node railiance01 may be lost"),
        INSIDE: NO_ANSWER,
        FROM_POD: NO_ANSWER,
    }

    def inject(self) -> None:
        condition = {"type": "Ready", "status": "False"}  # it gives no reason
        set_status(BRIDGES, pod_name(), conditions=[condition])

    def heal(self) -> None:
        kubectl(BRIDGES, f"delete pods -l app.kubernetes.io/name={HUB_BRIDGE}")
        rolled_out(BRIDGES, HUB_BRIDGE)


class BridgeSidecarRestarts(BridgeChanged):
    """A native sidecar of the bridge was killed and runs again: 2/2, restarted seconds ago."""

    shows = ("proxy ended: Error, exit 143",)
    operations = (add("/spec/template/spec/initContainers", [SIDECAR]),)
    ready = 1
    turns = {READY: fail("exit 143 (Error); steady from ")}

    def inject(self) -> None:
        super().inject()
        root(RAILIANCE, "pkill -f 'sleep 8640[0]'")
        _await("{.ready} ", "true ")
        name = f"-l app.kubernetes.io/name={HUB_BRIDGE}"
        kubectl(BRIDGES, f"wait pods {name} --for=condition=Ready --timeout=5s")


def _await_init(reason: str) -> None:
    template = "{range .items[*].status.initContainerStatuses[*]}{.state.waiting.reason}{end}"
    pods = f"get pods -l app.kubernetes.io/name={HUB_BRIDGE} -o jsonpath='{template}'"
    end = time.monotonic() + 10
    while kubectl(BRIDGES, pods) != reason:
        if time.monotonic() > end:
            raise RehearsalError(f"the bridge's init container does not come to {reason}")
        time.sleep(0.05)


class BridgeInitContainerFails(BridgeChanged):
    """An init container that was added to the bridge fails, and the bridge does not begin."""

    shows = ("migrate ended: Error, exit 1",)
    operations = (
        add(
            "/spec/template/spec/initContainers",
            [{"name": "migrate", "image": "localhost/migrate:1", "command": ["false"]}],
        ),
    )
    turns = {
        READY: fail("is 0/1 ready, init container migrate"),  # in its pause, or once more
        INSIDE: NO_ANSWER,
        FROM_POD: NO_ANSWER,
    }

    def inject(self) -> None:
        super().inject()
        _await_init("CrashLoopBackOff")


class BridgeUnschedulable(BridgeChanged):
    """No node has the label that the bridge's pod asks for."""

    shows = ("didn't match Pod's node affinity/selector",)
    operations = (add("/spec/template/spec/nodeSelector", {"disk": "fast"}),)
    turns = {
        READY: fail("is 0/1 ready, Unschedulable: 0/1 nodes are available"),
        LEADS: inconclusive("is on no node"),
        LED: fail("leads to no pod"),
        INSIDE: NO_ANSWER,
        FROM_POD: NO_ANSWER,
    }


class BridgeRolloutStuck(BridgeChanged):
    """The new pod of a rolling update waits for the old one's port of the node, which serves."""

    shows = ("didn't have free ports",)
    operations = (
        replace("/spec/strategy", {"type": "RollingUpdate"}),
        replace(f"{CONTAINER}/image", "localhost/actcore-bridge:next"),
    )
    turns = {
        READY: fail("is 0/1 ready, Unschedulable: 0/1 nodes are available: 1 node(s) didn't"),
        LEADS: inconclusive("is on no node"),
    }

    def inject(self) -> None:
        patch(BRIDGES, f"deploy/{HUB_BRIDGE}", *self.operations)
        waits = "--for=condition=PodScheduled=false --timeout=5s"
        kubectl(BRIDGES, f"wait pods -l app.kubernetes.io/name={HUB_BRIDGE} {waits}", check=False)


class BridgeRolloutPaused(BridgeChanged):
    """A rollout of the bridge is paused; its pod is the former one, and as it was."""

    harmless_to = "PROD-01.pods"
    operations = (
        add("/spec/paused", True),
        add("/spec/template/metadata/annotations", {"rehearsal": "paused"}),
    )

    def inject(self) -> None:
        patch(BRIDGES, f"deploy/{HUB_BRIDGE}", *self.operations)


class BridgeRolloutWaits(Fault):
    """A rollout waits for the bridge's old pod, whose finalizer nobody takes away."""

    turns = {
        READY: fail("wants 1 pods and has 0; a rollout is in progress: 0 of 1 updated"),
        LEADS: inconclusive("has no pod whose proxy could be looked at"),
        LED: inconclusive(NO_POD),
        INSIDE: NO_ANSWER,
        FROM_POD: NO_ANSWER,
    }
    finalizers = "/metadata/finalizers"

    def inject(self) -> None:
        patch(BRIDGES, pod_name(), add(self.finalizers, ["rehearsal/never"]))
        annotations = add("/spec/template/metadata/annotations", {"rehearsal": "waits"})
        patch(BRIDGES, f"deploy/{HUB_BRIDGE}", annotations)
        end = time.monotonic() + 10
        while root(RAILIANCE, "ss -Htln 'sport = :8000'"):
            if time.monotonic() > end:
                raise RehearsalError("the bridge's old pod does not end")
            time.sleep(0.05)

    def heal(self) -> None:
        patch(BRIDGES, pod_name(), {"op": "remove", "path": self.finalizers})
        restore(BRIDGES, HUB_BRIDGE)


class BridgePodEvicted(Fault):
    """The node was low on memory once: an evicted pod is left beside the bridge's new one."""

    harmless_to = "PROD-01.pods"

    def inject(self) -> None:
        message = "The node was low on resource: memory."
        # The kubelet's update has nothing else in it.
        evicted = dict.fromkeys(("conditions", "containerStatuses", "podIPs", "podIP"))
        set_status(
            BRIDGES, pod_name(), **evicted, phase="Failed", reason="Evicted", message=message
        )
        rolled_out(BRIDGES, HUB_BRIDGE)

    def heal(self) -> None:
        kubectl(BRIDGES, "delete pods --field-selector=status.phase=Failed")


class BridgePodCompleted(Fault):
    """Somebody tried the bridge in a bare pod with its labels, which has completed."""

    harmless_to = "PROD-01.pods"

    def inject(self) -> None:
        labels = {
            "app.kubernetes.io/name": HUB_BRIDGE,
            "app.kubernetes.io/part-of": "activity-core",
        }
        create(
            BRIDGES,
            "v1",
            "Pod",
            {"name": "tried-once", "labels": labels},
            spec={
                "restartPolicy": "Never",
                "containers": [{"name": "try", "image": "localhost/a:1", "command": ["true"]}],
            },
        )
        until_phase(BRIDGES, "tried-once", "Succeeded")

    def heal(self) -> None:
        kubectl(BRIDGES, "delete pod/tried-once")


class KubeletSilent(Fault):
    """railiance01's kubelet is not heard of: its pods run on, and none counts as ready."""

    shows = ("NodeNotReady: Node is not ready",)
    _down = "/var/lib/fleet-standins/kubelet-down"
    turns = {
        "PROD-01.pods": fail("its node railiance01 may be lost"),
        **everywhere(inconclusive("the API answered 500: error dialing backend: dial tcp")),
        **unanswered(RAILIANCE, "error dialing backend: dial tcp"),
    }

    def inject(self) -> None:
        root(RAILIANCE, f"touch {self._down}")
        self._wait("false")

    def heal(self) -> None:
        root(RAILIANCE, f"rm {self._down}")
        self._wait("true")

    def _wait(self, ready: str) -> None:
        kubectl(BRIDGES, f"wait pods --all --for=condition=Ready={ready} --timeout=10s")


class BridgeDrained(Fault):
    """Somebody drains railiance01's node of the bridge, and forgets to uncordon it."""

    shows = ("node(s) were unschedulable",)
    turns = {
        READY: fail("is 0/1 ready, Unschedulable: 0/1 nodes are available: 1 node(s) were unsched"),
        LEADS: inconclusive("is on no node"),
        LED: fail("leads to no pod"),
        INSIDE: NO_ANSWER,
        FROM_POD: NO_ANSWER,
    }

    def inject(self) -> None:
        chosen = f"--pod-selector=app.kubernetes.io/name={HUB_BRIDGE}"
        kubectl(BRIDGES, f"drain {RAILIANCE} {chosen} --timeout=10s")
        rolled_out(BRIDGES, HUB_BRIDGE, ready=0)

    def heal(self) -> None:
        kubectl(BRIDGES, f"uncordon {RAILIANCE}")
        rolled_out(BRIDGES, HUB_BRIDGE)


class BridgeSelectedByExpressions(SelectedByExpressions):
    """The bridge's Deployment selects its pods by expressions."""

    harmless_to = "PROD-01.pods"
    deployment = HUB_BRIDGE


class RunbookSelectsBySets(Fault):
    """The runbook's selector is written with sets, as kubectl's `-l` takes it, too."""

    harmless_to = "PROD-01.pods"

    def inject(self) -> None:
        """Nothing happens to the fleet."""

    def heal(self) -> None:
        """Nothing happened."""

    def inventory(self, document: dict[str, Any]) -> None:
        document["probe"]["selector"] = (
            "app.kubernetes.io/part-of in (activity-core, platform),track notin (canary),!retired"
        )
