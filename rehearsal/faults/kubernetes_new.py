"""Kubeconfigs, selectors, containers and nodes as real clusters have them."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from rehearsal.faults.api import KUBECONFIG, blind
from rehearsal.faults.bridges import LEADS, LED, NO_ANSWER, READY
from rehearsal.faults.cluster import (
    API,
    BRIDGES,
    CONTAINER,
    HUB_BRIDGE,
    add,
    kubectl,
    patch,
    restore,
    rolled_out,
)
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.inside import everywhere
from rehearsal.faults.means import RAILIANCE, root, user
from rehearsal.faults.services import FROM_POD, INSIDE

NODE = "railiance01"
KUBELET_DOWN = "/var/lib/fleet-standins/kubelet-down"
TEMPLATE = "/spec/template"


class _KubeconfigEdited(Fault):
    """Somebody edits the kubeconfig on railiance01, a line of JSON, with jq's own means."""

    edit: ClassVar[str]

    def inject(self) -> None:
        program = (
            "import json, os, base64; path = os.path.expanduser('~/.kube/config'); "
            "all = json.load(open(path)); cluster = all['clusters'][0]['cluster']; "
            f"user = all['users'][0]['user']; {self.edit}; json.dump(all, open(path, 'w'))"
        )
        user(RAILIANCE, f'cp -p {KUBECONFIG} ~/kubeconfig.kept; python3 -c "{program}"')

    def heal(self) -> None:
        user(RAILIANCE, f"mv ~/kubeconfig.kept {KUBECONFIG}; rm -f ~/.kube/ca.crt ~/.kube/token")


class KubeconfigImpersonates(_KubeconfigEdited):
    """By the kubeconfig on railiance01, kubectl asks as somebody else than its account."""

    edit = "user['as'] = 'system:admin'"
    turns = blind("as of its user is not supported; embed the token", "cannot impersonate")


class KubeconfigBehindAProxy(_KubeconfigEdited):
    """By the kubeconfig on railiance01, kubectl asks through a proxy, which is down."""

    edit = "cluster['proxy-url'] = 'http://127.0.0.1:3128'"
    turns = blind("proxy-url of its cluster is not supported; write a server", "refused")


class KubeconfigNamesFiles(_KubeconfigEdited):
    """The kubeconfig on railiance01 names the CA's and the token's files, which lie beside it."""

    edit = (
        "beside = os.path.dirname(path); "
        "ca = base64.b64decode(cluster.pop('certificate-authority-data')); "
        "open(beside + '/ca.crt', 'wb').write(ca); cluster['certificate-authority'] = 'ca.crt'; "
        "open(beside + '/token', 'w').write(user.pop('token')); user['tokenFile'] = 'token'"
    )
    turns = {
        check: turn
        for check, turn in blind("write a file without it, on that host", "").items()
        if check != "PRE-10.kubectl"
    }


class KubeletSilent(Fault):
    """railiance01's kubelet is not heard of: its pods run on, and none counts as ready."""

    turns = {
        "PROD-01.pods": fail("its node railiance01 may be lost"),
        **everywhere(inconclusive("the API answered 500: error dialing backend: dial tcp")),
    }

    def inject(self) -> None:
        root(RAILIANCE, f"touch {KUBELET_DOWN}")
        self._wait("false")

    def heal(self) -> None:
        root(RAILIANCE, f"rm {KUBELET_DOWN}")
        self._wait("true")

    def _wait(self, ready: str) -> None:
        kubectl(BRIDGES, f"wait pods --all --for=condition=Ready={ready} --timeout=10s")


class BridgeDrained(Fault):
    """Somebody drains railiance01's node of the bridge, and forgets to uncordon it."""

    turns = {
        READY: fail("is 0/1 ready, Unschedulable: 0/1 nodes are available: 1 node(s) were unsched"),
        LEADS: inconclusive("is on no node"),
        LED: fail("leads to no pod"),
        INSIDE: NO_ANSWER,
        FROM_POD: NO_ANSWER,
    }

    def inject(self) -> None:
        chosen = f"--pod-selector=app.kubernetes.io/name={HUB_BRIDGE}"
        kubectl(BRIDGES, f"drain {NODE} {chosen} --timeout=10s")
        rolled_out(BRIDGES, HUB_BRIDGE, ready=0)

    def heal(self) -> None:
        kubectl(BRIDGES, f"uncordon {NODE}")
        rolled_out(BRIDGES, HUB_BRIDGE)


class _SelectedByExpressions(Fault):
    """A Deployment is made anew, with a selector of expressions alone."""

    harmless = True
    deployment: ClassVar[str]
    manifest: ClassVar[str] = ""

    def inject(self) -> None:
        made = json.loads(kubectl(BRIDGES, f"get deploy/{self.deployment} -o json"))
        labels = made["spec"]["selector"].pop("matchLabels")
        made["spec"]["selector"]["matchExpressions"] = [
            *({"key": key, "operator": "In", "values": [labels[key], "x"]} for key in labels),
            {"key": "track", "operator": "NotIn", "values": ["canary"]},
            {"key": "retired", "operator": "DoesNotExist"},
        ]
        kept = {key: made["metadata"][key] for key in ("name", "namespace", "labels")}
        kubectl(BRIDGES, f"delete deploy/{self.deployment}")
        body = json.dumps({**made, "metadata": kept, "status": {}})
        kubectl(BRIDGES, f"create -f - <<'END'\n{body}\nEND")
        rolled_out(BRIDGES, self.deployment)

    def heal(self) -> None:
        kubectl(BRIDGES, f"delete deploy/{self.deployment}")
        restore(BRIDGES, self.deployment, self.manifest)


class BridgeSelectedByExpressions(_SelectedByExpressions):
    """The bridge's Deployment selects its pods by expressions."""

    deployment = HUB_BRIDGE


class ApplicationSelectedByExpressions(_SelectedByExpressions):
    """The application's Deployment selects its pods by expressions."""

    deployment, manifest = API, "00-activity-core"


class RunbookSelectsBySets(Fault):
    """The runbook's selector is written with sets, as kubectl's `-l` takes it, too."""

    harmless = True

    def inject(self) -> None:
        """Nothing happens to the fleet."""

    def heal(self) -> None:
        """Nothing happened."""

    def inventory(self, document: dict[str, Any]) -> None:
        document["probe"]["selector"] = (
            "app.kubernetes.io/part-of in (activity-core, platform),track notin (canary),!retired"
        )


class ApplicationNamesItsContainer(Fault):
    """A container without Python comes first in the application's pods, which name the other."""

    harmless = True

    def inject(self) -> None:
        first = {
            "name": "metrics",
            "image": "localhost/metrics:rehearsal",
            "command": ["/usr/bin/sleep", "infinity"],
            "env": [{"name": "PATH", "value": "/opt/bin"}],
        }
        named = {"kubectl.kubernetes.io/default-container": "api"}
        annotate = add(f"{TEMPLATE}/metadata/annotations", named)
        patch(BRIDGES, f"deploy/{API}", add(CONTAINER, first), annotate)
        rolled_out(BRIDGES, API)

    def heal(self) -> None:
        restore(BRIDGES, API, "00-activity-core")
