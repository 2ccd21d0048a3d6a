"""ReplicaSets: one for each template that a Deployment has had, and how many pods are of it."""

from __future__ import annotations

import copy
import uuid
from functools import partial
from typing import TYPE_CHECKING

from .store import Key, key_of

if TYPE_CHECKING:
    from .status import Object
    from .store import Store

REVISION = "deployment.kubernetes.io/revision"


def name(deployment: Object, digest: str) -> str:
    """A Deployment's ReplicaSet for the template of this hash."""
    return f"{deployment['metadata']['name']}-{digest}"


def uid(deployment: Object, digest: str) -> str:
    """The same for the same template, so that a rollback finds its former ReplicaSet."""
    return str(uuid.uuid5(uuid.UUID(deployment["metadata"]["uid"]), digest))


def follow(store: Store, deployment: Object, digest: str, alive: list[Object]) -> str:
    """Bring a Deployment's ReplicaSets up to date with its pods; the current one's revision."""
    namespace = deployment["metadata"]["namespace"]
    own = [found for found in store.all("replicasets", namespace) if owned(deployment, found)]
    last = max((int(found["metadata"]["annotations"][REVISION]) for found in own), default=0)
    key = Key("replicasets", namespace, name(deployment, digest))
    if store.get(key) is None:
        store.create("replicasets", _new(deployment, digest))
        own.append(store.get(key))  # type: ignore[arg-type]
        last += 1
        store.update(key, lambda found: _revise(found, last))
    for found in own:
        label = found["spec"]["template"]["metadata"]["labels"]["pod-template-hash"]
        pods = [p for p in alive if p["metadata"]["labels"]["pod-template-hash"] == label]
        store.update(key_of("replicasets", found), partial(_report, pods))
    current = store.get(key)
    assert current is not None
    revision: str = current["metadata"]["annotations"][REVISION]
    if int(revision) < last:  # a rollback makes an old one the newest
        revision = str(last + 1)
        store.update(key, lambda found: _revise(found, last + 1))
    return revision


def owned(deployment: Object, found: Object) -> bool:
    """Whether a ReplicaSet is the Deployment's."""
    own = deployment["metadata"]["uid"]
    return any(owner["uid"] == own for owner in found["metadata"].get("ownerReferences", []))


def _new(deployment: Object, digest: str) -> Object:
    metadata, spec = deployment["metadata"], deployment["spec"]
    template = copy.deepcopy(spec["template"])
    hashed = {"pod-template-hash": digest}
    template["metadata"] = {
        **template.get("metadata", {}),
        "labels": {**template.get("metadata", {}).get("labels", {}), **hashed},
    }
    selector = copy.deepcopy(spec["selector"])
    selector["matchLabels"] = {**selector.get("matchLabels", {}), **hashed}
    return {
        "metadata": {
            "name": name(deployment, digest),
            "namespace": metadata["namespace"],
            "uid": uid(deployment, digest),
            "generation": 1,
            "labels": template["metadata"]["labels"],
            "annotations": {REVISION: "0"},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "Deployment", "name": metadata["name"],
                "uid": metadata["uid"], "controller": True, "blockOwnerDeletion": True,
            }],
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
        "status": {"replicas": 0, "observedGeneration": 1},
    }  # fmt: skip


def _revise(found: Object, revision: int) -> None:
    found["metadata"]["annotations"][REVISION] = str(revision)


def _report(pods: list[Object], found: Object) -> None:
    found["spec"]["replicas"] = len(pods)
    ready = sum(
        c["type"] == "Ready" and c["status"] == "True"
        for pod in pods
        for c in pod.get("status", {}).get("conditions", [])
    )
    found["status"] = {"replicas": len(pods), "observedGeneration": 1}
    if pods:
        found["status"]["fullyLabeledReplicas"] = len(pods)
    if ready:
        found["status"] |= {"readyReplicas": ready, "availableReplicas": ready}
