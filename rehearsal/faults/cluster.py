"""What the clusters' own administrators do to them: kubectl as root on a cluster's host."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rehearsal.cluster import ADMIN_KUBECONFIG
from rehearsal.faults.means import COULOMB, RAILIANCE, root
from rehearsal.files import LIBRARY

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICES, BRIDGES = "state-hub", "activity-core"  # the namespaces
HUB_BRIDGE, ISSUES_BRIDGE = "actcore-state-hub-bridge", "actcore-issue-core-bridge"
API = "actcore-api"
CONTAINER = "/spec/template/spec/containers/0"
_HOSTS = {SERVICES: COULOMB, BRIDGES: RAILIANCE}
_DEADLINE = 10  # seconds that any change may take to have its effect


def kubectl(namespace: str, command: str, *, check: bool = True) -> str:
    """Run kubectl as the administrator of the cluster that has this namespace."""
    admin = f"export KUBECONFIG={ADMIN_KUBECONFIG}"
    return root(_HOSTS[namespace], f"{admin}; kubectl -n {namespace} {command}", check=check)


def patch(namespace: str, what: str, *operations: Mapping[str, Any]) -> None:
    """Change an object (`deploy/state-hub`) by operations of JSON Patch, RFC 6902."""
    kubectl(namespace, f"patch {what} --type=json -p '{json.dumps(operations)}'")


def replace(path: str, value: Any) -> dict[str, Any]:
    """A JSON Patch operation: another value there."""
    return {"op": "replace", "path": path, "value": value}


def add(path: str, value: Any) -> dict[str, Any]:
    """A JSON Patch operation: a new value there."""
    return {"op": "add", "path": path, "value": value}


def rolled_out(namespace: str, deployment: str) -> None:
    """Wait until all pods of a Deployment are of its current template, and ready."""
    kubectl(namespace, f"rollout status deploy/{deployment} --timeout={_DEADLINE}s")


def unready(namespace: str, deployment: str) -> None:
    """Wait until no pod of a Deployment is ready, and those of an older template are gone."""
    until(
        namespace,
        f'[ "$(kubectl -n {namespace} get deploy {deployment} '
        "-o jsonpath='{.status.readyReplicas}:{.status.replicas}:{.status.updatedReplicas}')\" "
        '= ":1:1" ]',
    )


def until(namespace: str, condition: str) -> None:
    """Wait until a shell condition holds on the cluster's host; fails after the deadline."""
    loop = f"until {condition}; do sleep 0.1; done"
    admin = f"export KUBECONFIG={ADMIN_KUBECONFIG}"
    quoted = loop.replace("'", "'\\''")
    root(_HOSTS[namespace], f"{admin}; timeout {_DEADLINE - 1} sh -c '{quoted}'")


def restore(namespace: str, name: str) -> None:
    """Bring a Deployment and its Service back to their manifest, whatever became of them."""
    file = f"-f /{LIBRARY}/kubernetes/manifests/{_HOSTS[namespace]}/{name}.yaml"
    # The API offers no OpenAPI, which `apply` needs. What is gone cannot be replaced, nor what is
    # there be created.
    kubectl(namespace, f"replace --validate=false {file}", check=False)
    kubectl(namespace, f"create --validate=false {file}", check=False)
    kubectl(namespace, f"get {file}")
    rolled_out(namespace, name)
