"""The bridges' Services: the names by which the cluster finds the bridges' pods."""

from __future__ import annotations

from typing import Any, ClassVar

from rehearsal.faults.bases import FileChanged
from rehearsal.faults.clusters import (
    BRIDGES,
    HUB_SERVICE,
    KUBECONFIG,
    account,
    add,
    create,
    create_slice,
    kubectl,
    patch,
    replace,
    restore,
)
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.machines import (
    COULOMB,
    HUB_BRIDGE,
    ISSUES_BRIDGE,
    RAILIANCE,
    WORKSTATION,
    user,
)
from rehearsal.faults.symptoms import FROM_POD, INSIDE, LED, NO_ANSWER, UNNAMED, unanswered


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


class _Repointed(Fault):
    """The bridge's Service is changed; the bridge itself is as it was."""

    operations: ClassVar[tuple[dict[str, Any], ...]]

    def inject(self) -> None:
        patch(BRIDGES, HUB_SERVICE, *self.operations)

    def heal(self) -> None:
        kubectl(BRIDGES, f"delete {HUB_SERVICE}")
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


RELAY = "systemd-run --user --quiet --collect --unit=relay socat TCP-LISTEN:28000,fork,reuseaddr"


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


OF_SERVICE = "kubernetes.io/service-name"


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
        kubectl(BRIDGES, f"delete {HUB_SERVICE}")
        create(
            BRIDGES,
            "v1",
            "Service",
            {"name": HUB_BRIDGE},
            spec={"type": "ExternalName", "externalName": "hub.example", "ports": [{"port": 8000}]},
        )


class BridgeServiceOfTwoProtocols(_Repointed):
    """The bridge's Service offers its port over UDP as well, as a server of DNS would."""

    harmless_to = "PROD-02.service"
    operations = (
        add("/spec/ports/0", {"name": "udp", "port": 8000, "targetPort": 8053, "protocol": "UDP"}),
    )


class SlicesForbidden(FileChanged):
    """The kubeconfig is another account's, as before EndpointSlices were asked for."""

    file = KUBECONFIG
    command = account("former")
    turns = {
        "PROD-02.service": inconclusive(
            "the account lacks `list endpointslices.discovery.k8s.io in activity-core`"
        ),
        "PROD-16.workstation-unnamed": inconclusive(
            "the account lacks `list endpointslices.discovery.k8s.io in activity-core`"
        ),
        **unanswered(RAILIANCE, "lacks `list endpointslices.discovery.k8s.io in activity-core`"),
    }
