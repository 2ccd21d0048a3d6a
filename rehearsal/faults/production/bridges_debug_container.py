"""Applications whose image has nothing to ask with: a container is added to their pod for that."""

from __future__ import annotations

from typing import Any, ClassVar

from rehearsal.faults.bases import ChangedApplication
from rehearsal.faults.clusters import BRIDGES, CONTAINER, add, create, kubectl, replace
from rehearsal.faults.fault import Fault, Ground, inconclusive
from rehearsal.faults.machines import RAILIANCE
from rehearsal.faults.production.writes import Written
from rehearsal.faults.symptoms import everywhere, unanswered

_RIGHT = "fleet-verify-debugs"
_RBAC = "rbac.authorization.k8s.io"


class _Debugged(ChangedApplication):
    """Nothing in the application's own container can be run; the inventory names an image."""

    ground: ClassVar[type[Ground]] = Written
    image: ClassVar[str] = "docker.io/library/busybox:1.37"
    may: ClassVar[bool] = True
    operations = (
        replace(f"{CONTAINER}/command", ["/usr/bin/sleep", "infinity"]),
        add(f"{CONTAINER}/env/-", {"name": "PATH", "value": "/opt/bin"}),
    )

    def inject(self) -> None:
        super().inject()
        if self.may:
            _grant()

    def heal(self) -> None:
        kubectl(BRIDGES, f"delete role,rolebinding {_RIGHT} --ignore-not-found")
        super().heal()

    def inventory(self, document: dict[str, Any]) -> None:
        document["probe"] |= {"with": "python", "python": "python3", "debug": self.image}


def _grant() -> None:
    """What the account needs besides, as docs/operating.md has it."""
    rule = {"apiGroups": [""], "resources": ["pods/ephemeralcontainers"], "verbs": ["patch"]}
    create(BRIDGES, f"{_RBAC}/v1", "Role", {"name": _RIGHT}, rules=[rule])
    create(
        BRIDGES,
        f"{_RBAC}/v1",
        "RoleBinding",
        {"name": _RIGHT},
        roleRef={"apiGroup": _RBAC, "kind": "Role", "name": _RIGHT},
        subjects=[{"kind": "ServiceAccount", "name": "fleet-verify", "namespace": BRIDGES}],
    )


class AskedInDebugContainer(_Debugged):
    """The run may write, and asks in a container that it adds to the pod."""

    harmless_to = "PROD-03.inside"


class DebugContainerNotAllowed(_Debugged):
    """The run may not write, and no such container runs."""

    ground = Fault.ground
    turns = everywhere(inconclusive("--allow-writes adds one")) | unanswered(
        RAILIANCE, "--allow-writes adds one"
    )


class DebugContainerWithoutRight(_Debugged):
    """The account may not add a container."""

    may = False
    turns = everywhere(inconclusive("lacks `")) | unanswered(RAILIANCE, "pods/ephemeralcontainers")


class DebugImageAbsent(_Debugged):
    """The image that the inventory names cannot be pulled."""

    image = "docker.io/no-such/curl:8"
    turns = everywhere(inconclusive("does not run in actcore-api-")) | unanswered(
        RAILIANCE, "ImagePullBackOff"
    )


class DebugImageWithoutPython(_Debugged):
    """The container runs, and has no such Python."""

    turns = everywhere(inconclusive("name the Python of docker.io/library/busybox:1.37")) | (
        unanswered(RAILIANCE, "as probe.python in the inventory")
    )

    def inventory(self, document: dict[str, Any]) -> None:
        super().inventory(document)
        document["probe"] |= {"python": "python-of-another-image"}
