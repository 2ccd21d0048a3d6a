"""An ephemeral container in a running pod, for images that have nothing to ask with.

It is the only thing that asking adds to a pod. It cannot be taken away again: it ends by itself,
and goes with the pod. So one that runs is used again.
"""

from time import monotonic, sleep
from typing import Any

from fleetmesh.gather.pods import NoPod, read
from fleetmesh.inventory import DEBUG_CONTAINER
from fleetmesh.text.legible import brief

PULL = 60.0
"""Seconds until its image must be there, and it must run."""
_LIFE = 3600  # seconds
_AGAIN = 0.3  # seconds
_WAITS = ("ContainerCreating", "PodInitializing", None)
# What the standard "restricted" for pods demands, so that it is admitted everywhere.
_CONFINED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 65534,
    "seccompProfile": {"type": "RuntimeDefault"},
}

_Object = dict[str, Any]


def debug_container(
    api: Any, namespace: str, name: str, image: str, deadline: float, *, add: bool
) -> str:
    """The container of that image which runs in the pod; if there is none, `add` one.

    `deadline` in seconds, for each request. Raises NoPod, and what the client does. Source:
    "Ephemeral Containers" in the Kubernetes documentation.
    """
    pod = _pod(api, namespace, name, deadline)
    ours = [each for each in _listed(pod, "spec", "ephemeralContainers") if _is_ours(each)]
    running = [each["name"] for each in ours if each.get("image") == image and _runs(pod, each)]
    if running:
        return str(running[0])
    if not add:
        raise NoPod(f"no container of {brief(image)} runs in {name}; --allow-writes adds one")
    return _added(api, namespace, name, f"{DEBUG_CONTAINER}-{len(ours) + 1}", image, deadline)


def _added(api: Any, namespace: str, name: str, container: str, image: str, deadline: float) -> str:
    from kubernetes.client import CoreV1Api  # noqa: PLC0415 - heavy

    new = {
        "name": container,
        "image": image,
        "command": ["sleep", str(_LIFE)],
        "securityContext": _CONFINED,
    }
    CoreV1Api(api).patch_namespaced_pod_ephemeralcontainers(
        name, namespace, {"spec": {"ephemeralContainers": [new]}}, _request_timeout=deadline
    )
    until = monotonic() + PULL
    while True:
        pod = _pod(api, namespace, name, deadline)
        if _runs(pod, new):
            return container
        state = _state(pod, new)
        if why := _why_not(state):
            raise NoPod(f"{container} of {brief(image)} does not run in {name}: {why}")
        if monotonic() > until:
            raise NoPod(f"{container} of {brief(image)} does not run in {name} after {PULL:g} s")
        sleep(_AGAIN)


def _pod(api: Any, namespace: str, name: str, deadline: float) -> _Object:
    """The pod as it is now, by a list: the account may list pods, and needs no other right."""
    path = f"/api/v1/namespaces/{namespace}/pods?fieldSelector=metadata.name%3D{name}"
    for pod in read(api, path, deadline).get("items") or ():
        if isinstance(pod, dict):
            return pod
    raise NoPod(f"the pod {name} is gone")


def _is_ours(container: _Object) -> bool:
    return str(container.get("name")).startswith(f"{DEBUG_CONTAINER}-")


def _runs(pod: _Object, container: _Object) -> bool:
    return "running" in _state(pod, container)


def _state(pod: _Object, container: _Object) -> _Object:
    for status in _listed(pod, "status", "ephemeralContainerStatuses"):
        state = status.get("state")
        if status.get("name") == container["name"] and isinstance(state, dict):
            return state
    return {}


def _why_not(state: _Object) -> str:
    for kind in ("waiting", "terminated"):
        told = state.get(kind)
        if isinstance(told, dict) and (kind == "terminated" or told.get("reason") not in _WAITS):
            return brief(f"{told.get('reason')}: {told.get('message') or 'no more is said'}")
    return ""


def _listed(pod: _Object, part: str, name: str) -> list[_Object]:
    found = (pod.get(part) or {}).get(name) or []
    return [each for each in found if isinstance(each, dict) and each.get("name")]
