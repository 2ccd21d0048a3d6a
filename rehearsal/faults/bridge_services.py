"""The bridges' Services: the names by which the cluster finds the bridges' pods."""

from __future__ import annotations

from typing import Any, ClassVar

from rehearsal.faults.bridges import NO_ANSWER
from rehearsal.faults.cluster import (
    API,
    BRIDGES,
    CONTAINER,
    HUB_BRIDGE,
    ISSUES_BRIDGE,
    add,
    create,
    create_slice,
    kubectl,
    patch,
    replace,
    restore,
    rolled_out,
    until_phase,
)
from rehearsal.faults.fault import Fault, fail
from rehearsal.faults.means import COULOMB, RAILIANCE, WORKSTATION, root, user
from rehearsal.faults.services import FROM_POD, INSIDE

OF_SERVICE = "kubernetes.io/service-name"
UNNAMED = "PROD-16.workstation-unnamed"
LED = f"PROD-02.service[{HUB_BRIDGE}]"
SERVICE = f"svc/{HUB_BRIDGE}"
RELAY = "systemd-run --user --quiet --collect --unit=relay socat TCP-LISTEN:28000,fork,reuseaddr"


class BridgeServiceGone(Fault):
    """The bridge's Service is deleted: its name does not resolve inside the cluster."""

    turns = {
        INSIDE: fail("Name or service not known"),
        FROM_POD: fail("Name or service not known"),
        LED: fail(f"there is no Service activity-core/{HUB_BRIDGE}"),
    }

    def inject(self) -> None:
        kubectl(BRIDGES, f"delete {SERVICE}")

    def heal(self) -> None:
        restore(BRIDGES, HUB_BRIDGE)


class _Repointed(Fault):
    """The bridge's Service is changed; the bridge itself is as it was."""

    operations: ClassVar[tuple[dict[str, Any], ...]]

    def inject(self) -> None:
        patch(BRIDGES, SERVICE, *self.operations)

    def heal(self) -> None:
        kubectl(BRIDGES, f"delete {SERVICE}")
        restore(BRIDGES, HUB_BRIDGE)


class BridgeServiceOnAnotherPort(_Repointed):
    """The bridge's Service offers another port than the applications ask."""

    operations = (replace("/spec/ports/0/port", 8001),)
    turns = {
        LED: fail("has port [8001], the inventory says 8000"),
        INSIDE: NO_ANSWER,
        FROM_POD: NO_ANSWER,
    }


class BridgeServiceSelectsNothing(_Repointed):
    """The bridge's Service looks for a label that no pod has."""

    operations = (replace("/spec/selector", {"app.kubernetes.io/name": "state-hub-bridge"}),)
    turns = {LED: fail("leads to no pod"), INSIDE: NO_ANSWER, FROM_POD: NO_ANSWER}


class BridgeServiceSelectsAnother(_Repointed):
    """The bridge's Service selects the other bridge's pods, which share the node, so it answers."""

    operations = (replace("/spec/selector", {"app.kubernetes.io/name": ISSUES_BRIDGE}),)
    turns = {LED: fail(f"the Service leads to 198.18.77.11:8000, {ISSUES_BRIDGE}-")}


class BridgeServiceToAnotherPort(_Repointed):
    """The bridge's Service leads past the bridge, to a relay on its node; all is healthy."""

    operations = (replace("/spec/ports/0/targetPort", 28000),)
    turns = {
        LED: fail("which listens on [8000]"),
        FROM_POD: fail("no pod of actcore-state-hub-bridge has it, but the unit relay.service"),
    }

    def inject(self) -> None:
        user(RAILIANCE, f"{RELAY} TCP:127.0.0.1:18000")
        super().inject()

    def heal(self) -> None:
        super().heal()
        user(RAILIANCE, "systemctl --user stop relay")


class BridgeServiceLeadsAbroad(_Repointed):
    """The bridge's Service leads past the tunnel, straight to coulombcore; all is healthy."""

    operations = ({"op": "remove", "path": "/spec/selector"},)
    turns = {
        LED: fail("198.18.77.12:28000, of no pod, in by-hand made by hand: coulombcore"),
        FROM_POD: fail("which listens on 198.18.77.11:8000 of railiance01 and has not accepted it"),
    }

    def inject(self) -> None:
        user(COULOMB, f"{RELAY} TCP:198.19.43.94:8000")
        super().inject()
        kubectl(BRIDGES, f"delete endpointslices -l {OF_SERVICE}={HUB_BRIDGE}")
        create_slice(BRIDGES, HUB_BRIDGE, "198.18.77.12", 28000)

    def heal(self) -> None:
        kubectl(BRIDGES, "delete endpointslice/by-hand")
        super().heal()
        user(COULOMB, "systemctl --user stop relay")


class BridgeServiceSoonOverTheWorkstation(Fault):
    """A slice made by hand would lead half of the traffic to the workstation, once it is ready."""

    turns = {
        LED: fail("198.18.77.13:28000, of no pod, in by-hand made by hand: workstation"),
        UNNAMED: fail("EndpointSlice/by-hand names the workstation"),
    }

    def inject(self) -> None:
        create_slice(BRIDGES, HUB_BRIDGE, "198.18.77.13", 28000, ready=False)

    def heal(self) -> None:
        kubectl(BRIDGES, "delete endpointslice/by-hand")


class BridgeServiceOverTheWorkstation(_Repointed):
    """The bridge's Service has no selector, and one slice, by hand, to the workstation."""

    operations = BridgeServiceLeadsAbroad.operations
    turns = {
        **BridgeServiceSoonOverTheWorkstation.turns,
        FROM_POD: fail("did not pass the pod of actcore-state-hub-bridge: workstation has it"),
    }

    def inject(self) -> None:
        super().inject()
        kubectl(BRIDGES, f"delete endpointslices -l {OF_SERVICE}={HUB_BRIDGE}")
        user(WORKSTATION, f"{RELAY} TCP:127.0.0.1:8000")
        create_slice(BRIDGES, HUB_BRIDGE, "198.18.77.13", 28000)

    def heal(self) -> None:
        kubectl(BRIDGES, "delete endpointslice/by-hand")
        super().heal()
        user(WORKSTATION, "systemctl --user stop relay")


class BridgeServiceWithoutSelector(_Repointed):
    """The bridge's Service lost its selector: it leads to the present pod, and to no later one."""

    operations = BridgeServiceLeadsAbroad.operations
    turns = {LED: fail("has no selector: it does not follow the bridge's pods")}


class BridgeServiceIsAnAlias(_Repointed):
    """The bridge's Service is an alias of some other name."""

    turns = {
        LED: fail("the Service is a name for hub.example, and leads to no pod"),
        INSIDE: fail("Name or service not known"),
        FROM_POD: fail("Name or service not known"),
    }

    def inject(self) -> None:
        kubectl(BRIDGES, f"delete {SERVICE}")
        create(
            BRIDGES,
            "v1",
            "Service",
            {"name": HUB_BRIDGE},
            spec={"type": "ExternalName", "externalName": "hub.example", "ports": [{"port": 8000}]},
        )


class BridgeServiceOfTwoProtocols(_Repointed):
    """The bridge's Service offers its port over UDP as well, as a server of DNS would."""

    harmless = True
    operations = (
        add("/spec/ports/0", {"name": "udp", "port": 8000, "targetPort": 8053, "protocol": "UDP"}),
    )


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

    harmless = True

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

    harmless = False
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

    harmless = True
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

    harmless = True

    def inject(self) -> None:
        command = ["true", "http://workstation:18000/state/health"]
        containers = [{"name": "ask", "image": "localhost/a:1", "command": command}]
        spec = {"restartPolicy": "Never", "containers": containers}
        create(BRIDGES, "v1", "Pod", {"name": "asked-once"}, spec=spec)
        until_phase(BRIDGES, "asked-once", "Succeeded")

    def heal(self) -> None:
        kubectl(BRIDGES, "delete pod/asked-once")


class WaitingJobNamesTheWorkstation(Fault):
    """A Job that has not come to its end asks over the workstation."""

    turns = {UNNAMED: fail("Job/asks names the workstation")}

    def inject(self) -> None:
        command = ["true", "http://workstation:18000/state/health"]
        container = {"name": "ask", "image": "localhost/a:1", "command": command}
        template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
        create(BRIDGES, "batch/v1", "Job", {"name": "asks"}, spec={"template": template})

    def heal(self) -> None:
        kubectl(BRIDGES, "delete job/asks")
