"""The bridges lead elsewhere, or cannot be asked from inside the cluster."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from rehearsal.errors import RehearsalError
from rehearsal.faults.bases import (
    BridgeChanged,
    ChangedApplication,
    FileChanged,
    SelectedByExpressions,
)
from rehearsal.faults.clusters import (
    API,
    BRIDGES,
    CONTAINER,
    HUB_SERVICE,
    KUBECONFIG,
    SIDECAR,
    TARGET,
    account,
    add,
    kubectl,
    patch,
    pod_name,
    replace,
    restore,
    rolled_out,
    set_status,
    until_phase,
)
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.machines import HUB_BRIDGE, RAILIANCE, root, user
from rehearsal.faults.symptoms import FROM_POD, INSIDE, LEADS, LED, everywhere, unanswered


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


def _with_argument(argument: str) -> tuple[dict[str, Any], ...]:
    """The bridge's own command, with an argument that its program does not look at."""
    command = "exec socat TCP-LISTEN:8000,fork,reuseaddr TCP:127.0.0.1:18000"
    return (replace(f"{CONTAINER}/command", ["sh", "-c", command, "proxy", argument]),)


class BridgeNamesItsListenAddress(BridgeChanged):
    """The bridge's arguments name the address on which it listens, beside the tunnel's."""

    harmless_to = "PROD-02.upstream"
    operations = _with_argument("--listen=0.0.0.0:8000")
    ready = 1


class BridgeReportsElsewhere(BridgeChanged):
    """The bridge's arguments name the tunnel, and a collector to which it would report."""

    harmless_to = "PROD-02.upstream"
    operations = _with_argument("--otlp-endpoint=http://collector.tracing:4317")
    ready = 1


class BridgeConfiguredElsewhere(BridgeChanged):
    """The bridge has its upstream from two variables, as text of which only the parts are told."""

    harmless_to = "PROD-02.upstream"
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
        set_status(BRIDGES, pod_name(), hostIPs=[{"ip": "198.18.77.12"}])

    def heal(self) -> None:
        kubectl(BRIDGES, f"delete pods -l app.kubernetes.io/name={HUB_BRIDGE}")
        rolled_out(BRIDGES, HUB_BRIDGE)


class BridgeServiceGone(Fault):
    """The bridge's Service is deleted: its name does not resolve inside the cluster."""

    turns = {
        INSIDE: fail("Name or service not known"),
        FROM_POD: fail("Name or service not known"),
        LED: fail(f"there is no Service activity-core/{HUB_BRIDGE}"),
    }

    def inject(self) -> None:
        kubectl(BRIDGES, f"delete {HUB_SERVICE}")

    def heal(self) -> None:
        restore(BRIDGES, HUB_BRIDGE)


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
        **unanswered(RAILIANCE, "has no running pod"),
    }

    def inject(self) -> None:
        kubectl(BRIDGES, f"scale deploy/{API} --replicas=0")
        rolled_out(BRIDGES, API)

    def heal(self) -> None:
        kubectl(BRIDGES, f"scale deploy/{API} --replicas=1")
        rolled_out(BRIDGES, API)


TEMPLATE = "/spec/template/spec"


class ClusterDnsSilent(ChangedApplication):
    """The DNS server that the application's pods ask does not answer."""

    operations = (
        add(f"{TEMPLATE}/dnsPolicy", "None"),
        add(f"{TEMPLATE}/dnsConfig", {"nameservers": ["198.19.42.10"]}),
    )
    turns = everywhere(fail("DNS did not answer for actcore-"))

    def heal(self) -> None:
        uid = kubectl(BRIDGES, f"get {pod_name(API)} -o jsonpath={{.metadata.uid}}")
        group = f"pod{uid.replace('-', '_')}.slice"
        left = root(RAILIANCE, f"ps -eo cgroup:300,args | grep {group}")
        super().heal()
        if "python" in left:
            raise RehearsalError(f"the program that asked has stayed in its pod: {left}")


class ImageWithoutPython(ChangedApplication):
    """The image of the application has no `python`."""

    operations = (
        replace(f"{CONTAINER}/command", ["/usr/bin/sleep", "infinity"]),
        add(f"{CONTAINER}/env/-", {"name": "PATH", "value": "/opt/bin"}),
    )
    turns = everywhere(
        inconclusive('exec: "python": executable file not found in $PATH')
    ) | unanswered(RAILIANCE, "as probe.python in the inventory")


class ApplicationHasSidecar(ChangedApplication):
    """The application's pods have a second container."""

    harmless_to = "PROD-03.inside"
    operations = (
        add(
            f"{TEMPLATE}/containers/-",
            {
                "name": "metrics",
                "image": "localhost/metrics:rehearsal",
                "command": ["sleep", "infinity"],
            },
        ),
    )


class ApplicationPodCrashLoopsBeside(Fault):
    """A pod that the application's selector finds, and finds first, crash-loops."""

    harmless_to = "PROD-03.inside"
    pod = "actcore-api-0"

    def inject(self) -> None:
        labels = {"app.kubernetes.io/name": API}
        container = {"name": "api", "image": "localhost/api:1", "command": ["false"]}
        manifest = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.pod, "namespace": BRIDGES, "labels": labels},
            "spec": {"containers": [container]},
        }
        kubectl(BRIDGES, f"create --validate=false -f - <<END\n{json.dumps(manifest)}\nEND")
        until_phase(BRIDGES, self.pod, "Running")

    def heal(self) -> None:
        kubectl(BRIDGES, f"delete pod {self.pod}")


class ExecForbidden(FileChanged):
    """The kubeconfig is another account's, which may look and not exec."""

    file = KUBECONFIG
    command = account("onlooker")
    turns = {
        "PROD-03.inside": inconclusive("the account lacks `get pods/exec` or `create pods/exec`"),
        "PROD-04.from-pod": inconclusive("the account lacks `get pods/exec` or `create pods/exec`"),
        **unanswered(RAILIANCE, "the account lacks `get pods/exec` or `create pods/exec`"),
    }


class ApplicationSelectedByExpressions(SelectedByExpressions):
    """The application's Deployment selects its pods by expressions."""

    harmless_to = "PROD-03.inside"
    deployment, manifest = API, "00-activity-core"


class ApplicationNamesItsContainer(ChangedApplication):
    """A container without Python comes first in the application's pods, which name the other."""

    harmless_to = "PROD-03.inside"
    operations = (
        add(
            CONTAINER,
            {
                "name": "metrics",
                "image": "localhost/metrics:rehearsal",
                "command": ["/usr/bin/sleep", "infinity"],
                "env": [{"name": "PATH", "value": "/opt/bin"}],
            },
        ),
        add(
            "/spec/template/metadata/annotations",
            {"kubectl.kubernetes.io/default-container": "api"},
        ),
    )
