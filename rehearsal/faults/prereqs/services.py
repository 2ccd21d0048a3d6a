"""The services that the tunnels lead to, the interactive tunnels, and the reference."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from rehearsal.faults.bases import FileChanged
from rehearsal.faults.clusters import (
    BRIDGES,
    KUBECONFIG,
    SERVICES,
    edited,
    kubectl,
    patch,
    replace,
    restore,
    rolled_out,
    unready,
)
from rehearsal.faults.fault import Fault, Turn, fail, inconclusive
from rehearsal.faults.machines import (
    COULOMB,
    HUB,
    HUB_BRIDGE,
    ISSUES,
    RAILIANCE,
    WORKSTATION,
    configure,
    restore_configuration,
    user,
)
from rehearsal.faults.prereqs.ground import ApiHangs
from rehearsal.faults.symptoms import (
    AT_ITS_ADDRESS,
    FROM_POD,
    INSIDE,
    INSTALLED,
    NO_ANSWER,
    OWN,
    PATH,
    READY,
    THROUGH_THE_TUNNEL,
    blind,
    logs_in,
    next_start,
    unanswered,
)
from rehearsal.paths import REHEARSAL_ASSETS
from rehearsal.states import on

REFERENCE = REHEARSAL_ASSETS / "railiance01-tunnels.yaml"


class _ReferenceChanged(Fault):
    """The reference tunnels.yaml was changed and not installed."""

    old: ClassVar[str]
    new: ClassVar[str]

    def inject(self) -> None:
        REFERENCE.write_text(REFERENCE.read_text().replace(self.old, self.new, 1))

    def heal(self) -> None:
        REFERENCE.write_text(REFERENCE.read_text().replace(self.new, self.old, 1))


SAME, NO_OTHER = f"PRE-08.same[{HUB}]", "PRE-08.no-other"


class ReferenceLeadsElsewhere(_ReferenceChanged):
    """The reference names another ClusterIP than the inventory."""

    turns = {
        SAME: fail("target: the reference says 198.19.43.95:8000, not 198.19.43.94:8000"),
        INSTALLED: fail("tunnels.yaml differs from railiance01-tunnels.yaml"),
    }
    old, new = "target: 198.19.43.94:8000", "target: 198.19.43.95:8000"


class ReferenceUsesAnotherKey(_ReferenceChanged):
    """The reference names another identity than the inventory."""

    turns = {
        SAME: fail("identity: the reference says ~/.ssh/id_ed25519, not ~/.ssh/id_ops"),
        INSTALLED: fail("tunnels.yaml differs from railiance01-tunnels.yaml"),
    }
    old, new = (
        "identity: ~/.ssh/id_ops\n    listen: 127.0.0.1:18000",
        ("identity: ~/.ssh/id_ed25519\n    listen: 127.0.0.1:18000"),
    )


class ReferenceLacksTunnel(_ReferenceChanged):
    """The reference calls a tunnel by another name than the inventory."""

    turns = {
        SAME: fail(f"the reference does not know {HUB}"),
        NO_OTHER: fail("the reference also defines fleet-hub"),
        INSTALLED: fail("tunnels.yaml differs from railiance01-tunnels.yaml"),
    }
    old, new = f"  {HUB}:\n", "  fleet-hub:\n"


class ReferenceKnowsAnotherTunnel(_ReferenceChanged):
    """The reference defines a third tunnel, of which the inventory says nothing."""

    turns = {
        NO_OTHER: fail("the reference also defines fleet-mail"),
        INSTALLED: fail("tunnels.yaml differs from railiance01-tunnels.yaml"),
    }
    old = "# After the migration"
    new = (
        "  fleet-mail:\n    user: tegwick\n    host: 198.18.77.12\n    identity: ~/.ssh/id_ops\n"
        "    listen: 127.0.0.1:10025\n    target: 198.19.43.25:25\n# After the migration"
    )


class ReferenceIsMissing(Fault):
    """The suite's own machine does not have the reference tunnels.yaml."""

    turns = {
        "PRE-08.same": inconclusive("No such file or directory"),
        NO_OTHER: inconclusive("No such file or directory"),
        INSTALLED: inconclusive("No such file or directory"),
        **unanswered(RAILIANCE, "here: `reference_files` was not understood"),
    }

    def inject(self) -> None:
        REFERENCE.rename(REFERENCE.with_suffix(".kept"))

    def heal(self) -> None:
        REFERENCE.with_suffix(".kept").rename(REFERENCE)


class InventoryExchangesThePorts(Fault):
    """The inventory has the two tunnels listen on each other's port."""

    shows = ("/app.slice/fleet-state-hub", "/app.slice/fleet-issue-core")
    turns = {
        "PRE-08.same": fail("listen: the reference says 127.0.0.1:18"),
        "PRE-11.listen-address": fail("is held by the unit fleet-"),
        "CUT-05.port": fail("is held by the unit fleet-"),
        "CUT-06.healthy": fail("answered 404, not 200"),
        "CUT-07.forwards": fail("the running ssh forwards"),
        "PROD-02.upstream": fail("proxies to"),
        "PROD-04.path": fail("198.19.43."),
        "PROD-04.from-pod": fail("held by the unit fleet-"),
        **next_start(fail("it would forward [('127.0.0.1:18")),
        "CUT-07.listeners": fail("also listens on 127.0.0.1:18"),
        "PROD-17.listeners": fail("also listens on 127.0.0.1:18"),
        "PROD-18.order": fail("would take 127.0.0.1:18"),
    }

    def inject(self) -> None:
        """Nothing happens to the fleet itself."""

    def heal(self) -> None:
        """Nothing did."""

    def inventory(self, document: dict[str, Any]) -> None:
        hub, issues = document["tunnels"][HUB], document["tunnels"][ISSUES]
        hub["listen"], issues["listen"] = issues["listen"], hub["listen"]


class InteractiveTunnelDown(Fault):
    """An interactive tunnel is down, so that nobody knows where it would lead."""

    turns = {
        "PRE-06.interactive[state-hub]": inconclusive(
            "no interactive tunnel to state-hub runs on workstation"
        )
    }

    def inject(self) -> None:
        on(WORKSTATION, "bridge down state-hub-primary")

    def heal(self) -> None:
        on(WORKSTATION, "bridge up state-hub-primary")


class InteractiveTunnelElsewhere(Fault):
    """An interactive tunnel leads to an address that is no longer the service's."""

    turns = {
        "PRE-06.interactive[state-hub]": fail(
            "state-hub-primary leads to 198.19.43.95:8000, the inventory says 198.19.43.94:8000"
        )
    }

    def inject(self) -> None:
        configure("state-hub-primary", "s/43.94:/43.95:/")
        on(WORKSTATION, "bridge down state-hub-primary && bridge up state-hub-primary")

    def heal(self) -> None:
        restore_configuration()
        on(WORKSTATION, "bridge down state-hub-primary && bridge up state-hub-primary")


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


# ssh tells whether it may forward by what comes back, or by the far end's refusal.
NOTHING_CAME_BACK = logs_in(inconclusive("since nothing came back"))
CURRENT = "PRE-06.cluster-ip[state-hub]"


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

    shows = ("open failed: connect failed: Connection refused",)
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
        **unanswered(COULOMB, "the account lacks `get services in default`"),
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


class ApiOfTheServicesHangs(ApiHangs):
    """The API server on coulombcore takes connections and says nothing; its pods run on."""

    host = COULOMB
    turns = {
        "PRE-06.cluster-ip": inconclusive("the API did not answer"),
        "PROD-15.endpoints": inconclusive("the API did not answer"),
        "PRE-13.cluster": inconclusive("the API did not answer"),
        **unanswered(COULOMB, "the API did not answer"),
    }


class KubeconfigOfAnotherCluster(Fault):
    """On coulombcore lies the kubeconfig of railiance01's cluster, and it works."""

    turns = {
        "PRE-06.cluster-ip": inconclusive("the account lacks `get services in state-hub`"),
        "PROD-15.endpoints": inconclusive("lacks `get services in state-hub`"),
        "PRE-13.cluster": fail("are one cluster"),
        **unanswered(COULOMB, "the account lacks `get services in state-hub`"),
    }

    def inject(self) -> None:
        content = user(RAILIANCE, f"base64 -w0 {KUBECONFIG}")
        user(COULOMB, f"cp -p {KUBECONFIG} ~/kubeconfig.kept; echo {content} | base64 -d | "
                      f"sed s/127.0.0.1:6443/198.18.77.11:6443/ >{KUBECONFIG}")  # fmt: skip

    def heal(self) -> None:
        user(COULOMB, f"mv ~/kubeconfig.kept {KUBECONFIG}")


class KubeconfigNamesFiles(FileChanged):
    """The kubeconfig on railiance01 names the CA's and the token's files, which lie beside it."""

    file = KUBECONFIG
    command = edited(
        "beside = os.path.dirname(path); "
        "ca = base64.b64decode(cluster.pop('certificate-authority-data')); "
        "open(beside + '/ca.crt', 'wb').write(ca); cluster['certificate-authority'] = 'ca.crt'; "
        "open(beside + '/token', 'w').write(user.pop('token')); user['tokenFile'] = 'token'"
    )
    _words = "write a file without it, on that host"
    turns = {  # and kubectl reaches the cluster
        "PRE-13.cluster": inconclusive(_words),
        **{c: turn for c, turn in blind(_words, "").items() if c != "PRE-10.kubectl"},
    }

    def heal(self) -> None:
        super().heal()
        user(self.host, "rm ~/.kube/ca.crt ~/.kube/token")
