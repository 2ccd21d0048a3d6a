"""What becomes of a request from inside the cluster, and of the pods from which it is sent."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from rehearsal.faults.cluster import (
    API,
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
    until_phase,
)
from rehearsal.faults.fault import Fault, Turn, fail, inconclusive
from rehearsal.faults.means import RAILIANCE, WORKSTATION, root
from rehearsal.faults.services import FROM_POD

RELAY = (
    "systemd-run --quiet --collect --unit=relay "
    "socat TCP-LISTEN:28000,fork,reuseaddr TCP:127.0.0.1:8000"
)
TEMPLATE = "/spec/template/spec"


def everywhere(turn: Turn) -> dict[str, Turn]:
    """The turns of a cluster from whose inside nothing can be asked."""
    return {
        "PROD-03.inside": turn,
        "PROD-04.from-pod": turn,
    }


class BridgeLeadsOverTheWorkstation(BridgeChanged):
    """The bridge's upstream, given by variables, is a relay on the workstation; all is healthy."""

    operations = (
        replace(f"{CONTAINER}/command/2", "TCP:$(UPSTREAM)"),
        add(f"{CONTAINER}/env/-", {"name": "UPSTREAM", "value": "workstation:28000"}),
        add(f"{CONTAINER}/env/-", {"name": "FALLBACK", "value": "127.0.0.1:18000"}),
    )
    ready = 1
    turns = {
        FROM_POD: fail("leads to workstation (198.18.77.13:28000), not 127.0.0.1:18000"),
        f"PROD-02.upstream[{HUB_BRIDGE}]": fail("proxies to ['workstation:28000'], not to 127.0"),
        "PROD-16.workstation-unnamed": fail("env[UPSTREAM].value is 'workstation:28000'"),
    }

    def inject(self) -> None:
        root(WORKSTATION, RELAY)
        super().inject()

    def heal(self) -> None:
        super().heal()
        root(WORKSTATION, "systemctl stop relay")


class NodeLeadsToTheWorkstation(Fault):
    """A rule on the node leads the bridge's ClusterIP to the workstation; all is healthy."""

    turns = {FROM_POD: fail("did not pass the pod of actcore-state-hub-bridge: workstation has it")}

    def inject(self) -> None:
        root(WORKSTATION, RELAY)
        address = kubectl(BRIDGES, f"get svc {HUB_BRIDGE} -o jsonpath={{.spec.clusterIP}}")
        hook = "type nat hook prerouting priority -110;"
        rule = f"ip daddr {address} tcp dport 8000 dnat to 198.18.77.13:28000"
        root(RAILIANCE, f"nft 'table ip detour {{ chain detour {{ {hook} {rule}; }}; }}'")

    def heal(self) -> None:
        root(RAILIANCE, "nft delete table ip detour")
        root(WORKSTATION, "systemctl stop relay")


class _Application(Fault):
    """The application's Deployment is changed."""

    operations: ClassVar[tuple[dict[str, Any], ...]]

    def inject(self) -> None:
        patch(BRIDGES, f"deploy/{API}", *self.operations)
        rolled_out(BRIDGES, API)

    def heal(self) -> None:
        restore(BRIDGES, API, "00-activity-core")


class ClusterDnsSilent(_Application):
    """The DNS server that the application's pods ask does not answer."""

    operations = (
        add(f"{TEMPLATE}/dnsPolicy", "None"),
        add(f"{TEMPLATE}/dnsConfig", {"nameservers": ["198.19.42.10"]}),
    )
    turns = everywhere(fail("DNS did not answer for actcore-"))


class ImageWithoutPython(_Application):
    """The image of the application has no `python`."""

    operations = (
        replace(f"{CONTAINER}/command", ["/usr/bin/sleep", "infinity"]),
        add(f"{CONTAINER}/env/-", {"name": "PATH", "value": "/opt/bin"}),
    )
    turns = everywhere(inconclusive('exec: "python": executable file not found in $PATH'))


class ApplicationHasSidecar(_Application):
    """The application's pods have a second container."""

    harmless = True
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

    harmless = True
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
