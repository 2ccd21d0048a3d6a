"""The Deployment controller: as many pods of the current template as `replicas` says."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import TYPE_CHECKING

from . import admission, events, replicasets
from .resources import by_kind
from .store import Key, key_of, now

if TYPE_CHECKING:
    from .status import Object
    from .store import Store


async def run(store: Store) -> None:
    """Follow the store until cancelled."""
    while True:
        version = store.version
        for deployment in store.all("deployments"):
            _reconcile(store, deployment)
        _collect_orphans(store)
        await store.newer_than(version)


def delete_pod(store: Store, key: Key) -> Object | None:
    """Mark a pod as terminating; the kubelet ends it. The marked pod, or None if there is none."""

    def mark(pod: Object) -> None:
        pod["metadata"].setdefault("deletionTimestamp", now())
        pod["metadata"].setdefault(
            "deletionGracePeriodSeconds", pod["spec"]["terminationGracePeriodSeconds"]
        )

    return store.update(key, mark)


def _reconcile(store: Store, deployment: Object) -> None:
    spec = deployment["spec"]
    digest = _template_hash(spec["template"])
    namespace = deployment["metadata"]["namespace"]
    revision = deployment["metadata"].get("annotations", {}).get(replicasets.REVISION, "1")
    owned = [p for p in store.all("pods", namespace) if _owns(deployment, p)]
    alive = [p for p in owned if _is_active(p)]
    current = [p for p in alive if p["metadata"]["labels"]["pod-template-hash"] == digest]
    outdated = [p for p in alive if p not in current]
    if not spec.get("paused"):
        _roll(store, deployment, digest, owned, current, outdated)
        alive = [p for p in store.all("pods", namespace) if _owns(deployment, p) and _is_active(p)]
        revision = replicasets.follow(store, deployment, digest, alive)
    store.update(
        key_of("deployments", deployment),
        lambda d: _report(d, owned, current, digest, revision),
    )


def _roll(
    store: Store,
    deployment: Object,
    digest: str,
    owned: list[Object],
    current: list[Object],
    outdated: list[Object],
) -> None:
    """Make pods of the current template, and end others as that allows."""
    spec = deployment["spec"]
    running = [p for p in owned if not is_over(p)]
    recreate = spec["strategy"]["type"] == "Recreate"
    missing = spec["replicas"] - len(current)
    if missing > 0 and not (recreate and len(running) > len(current)):
        for _ in range(missing):
            store.create("pods", _new_pod(deployment, digest))
        _tell(store, deployment, f"up replica set {replicasets.name(deployment, digest)}")
    surplus = sorted(current, key=is_ready)[: max(0, -missing)]
    if recreate or sum(map(is_ready, current)) >= spec["replicas"]:
        surplus += outdated
    for pod in surplus:
        delete_pod(store, key_of("pods", pod))
        _tell(
            store, deployment, f"down replica set {pod['metadata']['ownerReferences'][0]['name']}"
        )


def _tell(store: Store, deployment: Object, what: str) -> None:
    source, message = "deployment-controller", f"Scaled {what}"
    events.record(store, source, "deployments", deployment, "ScalingReplicaSet", message)


def _collect_orphans(store: Store) -> None:
    deployments = store.all("deployments")
    for found in store.all("replicasets"):
        if not any(replicasets.owned(deployment, found) for deployment in deployments):
            store.remove(key_of("replicasets", found))
    for pod in store.all("pods"):
        owned = any(o["kind"] == "ReplicaSet" for o in pod["metadata"].get("ownerReferences", []))
        if owned and not any(_owns(deployment, pod) for deployment in deployments):
            delete_pod(store, key_of("pods", pod))


def _new_pod(deployment: Object, digest: str) -> Object:
    metadata, template = deployment["metadata"], copy.deepcopy(deployment["spec"]["template"])
    replica_set = replicasets.name(deployment, digest)
    own = template.get("metadata", {})
    pod: Object = {
        "metadata": {
            "generateName": f"{replica_set}-",
            "namespace": metadata["namespace"],
            "labels": {**own.get("labels", {}), "pod-template-hash": digest},
            **({"annotations": own["annotations"]} if "annotations" in own else {}),
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": replica_set,
                    "uid": replicasets.uid(deployment, digest),
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": template["spec"],
    }
    resource = by_kind("v1", "Pod")
    assert resource is not None
    admission.name(resource, pod)
    admission.complete(resource, pod)
    return pod


def _report(
    deployment: Object, owned: list[Object], current: list[Object], digest: str, revision: str
) -> None:
    metadata, wanted = deployment["metadata"], deployment["spec"]["replicas"]
    alive = [p for p in owned if _is_active(p)]
    metadata.setdefault("annotations", {})[replicasets.REVISION] = revision
    ready = sum(map(is_ready, alive))
    status: Object = {"observedGeneration": metadata["generation"]}
    counts = {
        "replicas": len(alive),
        "updatedReplicas": len(current),
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(0, wanted - ready),
    }
    status |= {name: count for name, count in counts.items() if count}  # zero is left out
    status["terminatingReplicas"] = sum("deletionTimestamp" in p["metadata"] for p in owned)
    before = {c["type"]: c for c in deployment.get("status", {}).get("conditions", [])}
    available = ready >= max(1, wanted) or wanted == 0
    complete = available and len(current) == len(alive) == wanted
    replica_set = f'ReplicaSet "{metadata["name"]}-{digest}"'
    status["conditions"] = [
        _condition(
            before,
            "Available",
            "True" if available else "False",
            "MinimumReplicasAvailable" if available else "MinimumReplicasUnavailable",
            f"Deployment {'has' if available else 'does not have'} minimum availability.",
        ),
        _condition(before, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
        if deployment["spec"].get("paused")
        else _condition(
            before,
            "Progressing",
            "True",
            "NewReplicaSetAvailable" if complete else "ReplicaSetUpdated",
            f"{replica_set} has successfully progressed."
            if complete
            else f"{replica_set} is progressing.",
        ),
    ]
    deployment["status"] = status


def _condition(
    before: dict[str, Object], kind: str, value: str, reason: str, message: str
) -> Object:
    old = before.get(kind, {})
    same = old.get("status") == value
    return {
        "type": kind,
        "status": value,
        "lastUpdateTime": old["lastUpdateTime"] if same and old["reason"] == reason else now(),
        "lastTransitionTime": old["lastTransitionTime"] if same else now(),
        "reason": reason,
        "message": message,
    }


def _owns(deployment: Object, pod: Object) -> bool:
    """Whether the pod's ReplicaSet is one of the Deployment's."""
    digest = pod["metadata"].get("labels", {}).get("pod-template-hash", "")
    uid = replicasets.uid(deployment, digest)
    return any(owner["uid"] == uid for owner in pod["metadata"].get("ownerReferences", []))


def is_over(pod: Object) -> bool:
    """Whether the pod has ended for good; its object stays until somebody deletes it."""
    return pod.get("status", {}).get("phase") in ("Failed", "Succeeded")


def _is_active(pod: Object) -> bool:
    return "deletionTimestamp" not in pod["metadata"] and not is_over(pod)


def is_ready(pod: Object) -> bool:
    """Whether the pod's Ready condition is true."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _template_hash(template: Object) -> str:
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()
    return digest[:10]
