"""The bridges: the pods by which the cluster reaches the tunnels' ends."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from rehearsal.errors import RehearsalError
from rehearsal.faults.cluster import (
    BRIDGES,
    CONTAINER,
    HUB_BRIDGE,
    BridgeChanged,
    add,
    create,
    kubectl,
    patch,
    replace,
    restore,
    rolled_out,
    until_phase,
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


def _await(field: str, *values: str) -> None:
    """Wait until the bridge's containers have one of these values (JSONPath) in their status."""
    template = f"{{range .items[*].status.containerStatuses[*]}}{field}{{end}}"
    pods = f"get pods -l app.kubernetes.io/name={HUB_BRIDGE} -o jsonpath='{template}'"
    end = time.monotonic() + 10
    while (found := kubectl(BRIDGES, pods)) not in values:
        if time.monotonic() > end:
            raise RehearsalError(f"the bridge's containers have {field} {found}, not {values}")
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

    operations: ClassVar[tuple[dict[str, Any], ...]] = (replace(TARGET, "TCP:127.0.0.1:28000"),)
    ready = 1
    turns = {
        LEADS: fail("proxies to ['127.0.0.1:28000'], not to 127.0.0.1:18000"),
        FROM_POD: fail("leads to 127.0.0.1:28000, held by the unit relay.service, not 127.0.0.1:"),
    }

    def inject(self) -> None:
        relay = "systemd-run --user --quiet --collect --unit=relay socat"
        user(
            RAILIANCE, f"{relay} TCP-LISTEN:28000,fork,reuseaddr,bind=127.0.0.1 TCP:127.0.0.1:18000"
        )
        super().inject()

    def heal(self) -> None:
        super().heal()
        user(RAILIANCE, "systemctl --user stop relay")


class BridgeRelabelled(BridgeChanged):
    """The bridge's pods lose the label by which the runbook finds them."""

    operations = (replace(f"{LABELS}/app.kubernetes.io~1part-of", "platform"),)
    ready = 1
    turns = {
        READY: fail("does not match the runbook's selector"),
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
        patch(
            BRIDGES,
            f"{_pod_name()} --subresource=status",
            replace("/status/conditions", [condition]),
        )

    def heal(self) -> None:
        kubectl(BRIDGES, f"delete pods -l app.kubernetes.io/name={HUB_BRIDGE}")
        rolled_out(BRIDGES, HUB_BRIDGE)


SIDECAR = {
    "name": "proxy",
    "image": "localhost/actcore-proxy:rehearsal",
    "restartPolicy": "Always",
    "command": ["sleep", "86400"],
}


class BridgeSidecarRestarts(BridgeChanged):
    """A native sidecar of the bridge was killed and runs again: 2/2, restarted seconds ago."""

    operations = (add("/spec/template/spec/initContainers", [SIDECAR]),)
    ready = 1
    turns = {READY: fail("exit 143 (Error); steady from ")}

    def inject(self) -> None:
        super().inject()
        root(RAILIANCE, "pkill -f 'sleep 8640[0]'")
        _await("{.ready} ", "true ")
        name = f"-l app.kubernetes.io/name={HUB_BRIDGE}"
        kubectl(BRIDGES, f"wait pods {name} --for=condition=Ready --timeout=5s")


class BridgeSidecarLeadsElsewhere(BridgePastTheTunnel):
    """The proxy is a native sidecar, and leads past the tunnel to a relay; all is healthy."""

    operations = (
        replace(f"{CONTAINER}/command", ["sleep", "infinity"]),
        add(
            "/spec/template/spec/initContainers",
            [
                {
                    **SIDECAR,
                    "command": ["socat", "TCP-LISTEN:8000,fork,reuseaddr", "TCP:127.0.0.1:28000"],
                }
            ],
        ),
    )


class BridgeInitContainerFails(BridgeChanged):
    """An init container that was added to the bridge fails, and the bridge does not begin."""

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


def _await_init(reason: str) -> None:
    template = "{range .items[*].status.initContainerStatuses[*]}{.state.waiting.reason}{end}"
    pods = f"get pods -l app.kubernetes.io/name={HUB_BRIDGE} -o jsonpath='{template}'"
    end = time.monotonic() + 10
    while kubectl(BRIDGES, pods) != reason:
        if time.monotonic() > end:
            raise RehearsalError(f"the bridge's init container does not come to {reason}")
        time.sleep(0.05)


class BridgeUnschedulable(BridgeChanged):
    """No node has the label that the bridge's pod asks for."""

    operations = (add("/spec/template/spec/nodeSelector", {"disk": "fast"}),)
    turns = {
        READY: fail("is 0/1 ready, Unschedulable: 0/1 nodes are available"),
        LEADS: inconclusive("is on no node"),
        LED: fail("leads to no pod"),
        INSIDE: NO_ANSWER,
        FROM_POD: NO_ANSWER,
    }


class BridgeRolloutStuck(BridgeChanged):
    """The new pod of a rolling update cannot pull its image; the old one still serves."""

    operations = (
        replace("/spec/strategy", {"type": "RollingUpdate"}),
        replace(f"{CONTAINER}/image", "localhost/no-such-image:1"),
    )
    turns = {READY: fail("a rollout is in progress: 1 of 1 updated, 1 old pod still there")}

    def inject(self) -> None:
        patch(BRIDGES, f"deploy/{HUB_BRIDGE}", *self.operations)
        _await("{.ready} ", "false true ", "true false ")


class BridgeRolloutPaused(BridgeChanged):
    """A rollout of the bridge is paused; its pod is the former one, and as it was."""

    harmless = True
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
        patch(BRIDGES, _pod_name(), add(self.finalizers, ["rehearsal/never"]))
        annotations = add("/spec/template/metadata/annotations", {"rehearsal": "waits"})
        patch(BRIDGES, f"deploy/{HUB_BRIDGE}", annotations)
        end = time.monotonic() + 10
        while root(RAILIANCE, "ss -Htln 'sport = :8000'"):
            if time.monotonic() > end:
                raise RehearsalError("the bridge's old pod does not end")
            time.sleep(0.05)

    def heal(self) -> None:
        patch(BRIDGES, _pod_name(), {"op": "remove", "path": self.finalizers})
        restore(BRIDGES, HUB_BRIDGE)


def _pod_name() -> str:
    return kubectl(BRIDGES, f"get pods -l app.kubernetes.io/name={HUB_BRIDGE} -o name").strip()


class BridgePodEvicted(Fault):
    """The node was low on memory once: an evicted pod is left beside the bridge's new one."""

    harmless = True

    def inject(self) -> None:
        message = "The node was low on resource: memory."
        status = {"phase": "Failed", "reason": "Evicted", "message": message}
        patch(BRIDGES, f"{_pod_name()} --subresource=status", replace("/status", status))
        rolled_out(BRIDGES, HUB_BRIDGE)

    def heal(self) -> None:
        kubectl(BRIDGES, "delete pods --field-selector=status.phase=Failed")


class BridgePodCompleted(Fault):
    """Somebody tried the bridge in a bare pod with its labels, which has completed."""

    harmless = True

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


class BridgeImpersonated(Fault):
    """A bare pod with the bridge's labels takes half of its traffic, and answers healthy."""

    turns = {LED: fail("the Service leads to 198.18.77.11:8000, impostor")}

    def inject(self) -> None:
        labels = {
            "app.kubernetes.io/name": HUB_BRIDGE,
            "app.kubernetes.io/part-of": "activity-core",
        }
        create(
            BRIDGES,
            "v1",
            "Pod",
            {"name": "impostor", "labels": labels},
            spec={
                "hostNetwork": True,
                "terminationGracePeriodSeconds": 1,
                "containers": [
                    {"name": "a", "image": "localhost/a:1", "command": ["sleep", "infinity"]}
                ],
            },
        )
        kubectl(BRIDGES, "wait pod/impostor --for=condition=Ready --timeout=5s")

    def heal(self) -> None:
        kubectl(BRIDGES, "delete pod/impostor")
        kubectl(BRIDGES, "wait pod/impostor --for=delete --timeout=5s", check=False)


def _with_argument(argument: str) -> tuple[dict[str, Any], ...]:
    """The bridge's own command, with an argument that its program does not look at."""
    command = "exec socat TCP-LISTEN:8000,fork,reuseaddr TCP:127.0.0.1:18000"
    return (replace(f"{CONTAINER}/command", ["sh", "-c", command, "proxy", argument]),)


class BridgeNamesItsListenAddress(BridgeChanged):
    """The bridge's arguments name the address on which it listens, beside the tunnel's."""

    harmless = True
    operations = _with_argument("--listen=0.0.0.0:8000")
    ready = 1


class BridgeReportsElsewhere(BridgeChanged):
    """The bridge's arguments name the tunnel, and a collector to which it would report."""

    harmless = True
    operations = _with_argument("--otlp-endpoint=http://collector.tracing:4317")
    ready = 1


class BridgeConfiguredElsewhere(BridgeChanged):
    """The bridge has its upstream from two variables, as text of which only the parts are told."""

    harmless = True
    operations = (
        replace(f"{CONTAINER}/command", ["sh", "-c", "exec socat TCP-LISTEN:8000,fork,reuseaddr "
                                         "TCP:$UPSTREAM_HOST:$UPSTREAM_PORT"]),
        add(f"{CONTAINER}/env/-", {"name": "UPSTREAM_HOST", "value": "127.0.0.1"}),
        add(f"{CONTAINER}/env/-", {"name": "UPSTREAM_PORT", "value": "18000"}),
    )  # fmt: skip
    ready = 1


class BridgeLeadsElsewhereByName(BridgePastTheTunnel):
    """The bridge leads to a name that a variable holds; another one, unused, names the tunnel."""

    operations = (
        replace(TARGET, "TCP:$(UPSTREAM)"),
        add(f"{CONTAINER}/env/-", {"name": "UPSTREAM", "value": "localhost:28000"}),
        add(f"{CONTAINER}/env/-", {"name": "FALLBACK", "value": "127.0.0.1:18000"}),
    )


class BridgeOnAnotherNode(Fault):
    """The bridge's pod runs on another node of the cluster, where 127.0.0.1 is another's."""

    turns = {LEADS: fail("is on 198.18.77.12, not on railiance01")}

    def inject(self) -> None:
        other = [{"ip": "198.18.77.12"}]
        patch(BRIDGES, f"{_pod_name()} --subresource=status", replace("/status/hostIPs", other))

    def heal(self) -> None:
        kubectl(BRIDGES, f"delete pods -l app.kubernetes.io/name={HUB_BRIDGE}")
        rolled_out(BRIDGES, HUB_BRIDGE)
