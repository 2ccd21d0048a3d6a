"""The Services in the cluster of the services; and who names the workstation."""

from __future__ import annotations

from rehearsal.faults.clusters import (
    API,
    BRIDGES,
    CONTAINER,
    SERVICES,
    create,
    create_slice,
    kubectl,
    patch,
    pod_name,
    replace,
    restore,
    rolled_out,
    set_status,
    unready,
    until_phase,
)
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.machines import COULOMB, HUB_BRIDGE, WORKSTATION, root, user
from rehearsal.faults.symptoms import (
    AT_ITS_ADDRESS,
    FROM_POD,
    INSIDE,
    OWN,
    PATH,
    THROUGH_THE_TUNNEL,
    UNNAMED,
)


class ServiceHasNoPod(Fault):
    """The State Hub is scaled to zero: its ClusterIP refuses."""

    shows = ("open failed: connect failed: Connection refused",)
    turns = {
        "PROD-15.endpoints[state-hub]": fail("the Service leads to no pod"),
        AT_ITS_ADDRESS: fail("refused"),
        THROUGH_THE_TUNNEL: fail("without sending a response"),
        PATH: fail("without sending a response"),
        INSIDE: fail("does not answer"),
        FROM_POD: fail("does not answer"),
        f"PROD-01.pods[{HUB_BRIDGE}]": fail("is 0/1 ready"),
    }

    def inject(self) -> None:
        kubectl(SERVICES, "scale deploy/state-hub --replicas=0")
        unready(BRIDGES, HUB_BRIDGE)

    def heal(self) -> None:
        restore(SERVICES, "state-hub")
        rolled_out(BRIDGES, HUB_BRIDGE)


class ApplicationPastTheBridge(Fault):
    """The application's own variable names the workstation, past the bridge."""

    turns = {
        UNNAMED: fail("containers[api].env[STATE_HUB_URL].value is 'http://workstation:28000'")
    }
    url = "http://workstation:28000"

    def inject(self) -> None:
        value = replace(f"{CONTAINER}/env/0/value", self.url)
        patch(BRIDGES, f"deploy/{API}", value)
        rolled_out(BRIDGES, API)

    def heal(self) -> None:
        value = replace(f"{CONTAINER}/env/0/value", f"http://{HUB_BRIDGE}:8000")
        patch(BRIDGES, f"deploy/{API}", value)
        rolled_out(BRIDGES, API)


class ApplicationPastTheBridgeByAnotherAddress(ApplicationPastTheBridge):
    """It names an address that the workstation has, too, and that no inventory tells."""

    turns = {
        UNNAMED: fail("containers[api].env[STATE_HUB_URL].value is 'http://198.18.77.113:28000'")
    }
    url = "http://198.18.77.113:28000"

    def inject(self) -> None:
        root(WORKSTATION, "ip addr add 198.18.77.113/24 dev host0")
        super().inject()

    def heal(self) -> None:
        super().heal()
        root(WORKSTATION, "ip addr del 198.18.77.113/24 dev host0")


class ApplicationIsToldByConfigMap(Fault):
    """The application has variables from a ConfigMap and a Secret, which nobody has made yet."""

    harmless_to = "PROD-16.workstation-unnamed"

    def inject(self) -> None:
        # The stand-in's pods would not begin without them: a CronJob that never runs stands for it.
        sources = [{"configMapRef": {"name": "hub"}}, {"secretRef": {"name": "token"}}]
        containers = [{"name": "sweep", "image": "localhost/a:1", "envFrom": sources}]
        template = {"spec": {"restartPolicy": "Never", "containers": containers}}
        create(
            BRIDGES,
            "batch/v1",
            "CronJob",
            {"name": "sweep"},
            spec={"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template}}},
        )

    def heal(self) -> None:
        kubectl(BRIDGES, "delete cronjob/sweep")


class ConfigMapNamesTheWorkstation(ApplicationIsToldByConfigMap):
    """The application has variables from a ConfigMap, and one names the workstation."""

    harmless_to = ""
    turns = {
        UNNAMED: fail(
            "ConfigMap/hub names the workstation: line 2 of app.ini is 'hub = http://work"
        )
    }
    data = {"app.ini": "[hub]\nhub = http://workstation:28000\n"}

    def inject(self) -> None:
        create(BRIDGES, "v1", "ConfigMap", {"name": "hub"}, data=self.data)
        super().inject()

    def heal(self) -> None:
        super().heal()
        kubectl(BRIDGES, "delete configmap/hub")


class ConfigMapRemembersTheWorkstation(ConfigMapNamesTheWorkstation):
    """A ConfigMap in use names the workstation in a remark, and one that nobody uses in earnest."""

    harmless_to = "PROD-16.workstation-unnamed"
    turns = {}
    data = {"app.ini": "[hub]\n# was http://workstation:28000\nhub = http://bridge:8000\n"}

    def inject(self) -> None:
        old = {"hub": "http://workstation:28000"}
        create(BRIDGES, "v1", "ConfigMap", {"name": "former"}, data=old)
        super().inject()

    def heal(self) -> None:
        super().heal()
        kubectl(BRIDGES, "delete configmap/former")


class CompletedPodNamesTheWorkstation(Fault):
    """A pod by which somebody once asked over the workstation has completed, and is left over."""

    harmless_to = "PROD-16.workstation-unnamed"

    def inject(self) -> None:
        command = ["true", "http://workstation:18000/state/health"]
        containers = [{"name": "ask", "image": "localhost/a:1", "command": command}]
        spec = {"restartPolicy": "Never", "containers": containers}
        create(BRIDGES, "v1", "Pod", {"name": "asked-once"}, spec=spec)
        until_phase(BRIDGES, "asked-once", "Succeeded")

    def heal(self) -> None:
        kubectl(BRIDGES, "delete pod/asked-once")


class WaitingJobNamesTheWorkstation(Fault):
    """A Job that is suspended, and would go on some day, asks over the workstation."""

    turns = {UNNAMED: fail("Job/asks names the workstation")}

    def inject(self) -> None:
        command = ["true", "http://workstation:18000/state/health"]
        container = {"name": "ask", "image": "localhost/a:1", "command": command}
        template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
        spec = {"suspend": True, "template": template}
        create(BRIDGES, "batch/v1", "Job", {"name": "asks"}, spec=spec)

    def heal(self) -> None:
        kubectl(BRIDGES, "delete job/asks")


RELAY = "systemd-run --quiet --collect --unit=relay"
USER_RELAY = "systemd-run --user --quiet --collect --unit=relay"


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
        name = pod_name("state-hub", SERVICES)
        set_status(SERVICES, name, hostIPs=[{"ip": "198.18.77.13"}])

    def heal(self) -> None:
        kubectl(SERVICES, "delete pods -l app.kubernetes.io/name=state-hub")
        rolled_out(SERVICES, "state-hub")
        rolled_out(BRIDGES, HUB_BRIDGE)
