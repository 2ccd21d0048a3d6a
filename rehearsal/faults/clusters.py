"""What the administrators of the clusters do to them: kubectl as root on the host of each."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from rehearsal.cluster import ADMIN_KUBECONFIG
from rehearsal.errors import RehearsalError
from rehearsal.faults.machines import COULOMB, HUB_BRIDGE, RAILIANCE, root
from rehearsal.files import LIBRARY

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICES, BRIDGES = "state-hub", "activity-core"  # the namespaces
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


_PATCH_STATUS = """
kubectl proxy --unix-socket=/run/status.sock >/dev/null & proxy=$!
until [ -S /run/status.sock ]; do sleep 0.02; done
curl -sS -f -o /dev/null --unix-socket /run/status.sock -X PATCH --data '{body}' \\
  -H 'Content-Type: application/merge-patch+json' http://localhost{path}
done=$?
kill $proxy && rm -f /run/status.sock
exit $done
"""


def set_status(namespace: str, pod: str, **status: Any) -> None:
    """Write members of a pod's status, as its node's kubelet or a controller does; None removes.

    `kubectl patch` itself can do that since 1.24 alone (--subresource).
    """
    path = f"/api/v1/namespaces/{namespace}/pods/{pod.removeprefix('pod/')}/status"
    command = _PATCH_STATUS.format(body=json.dumps({"status": status}), path=path)
    root(_HOSTS[namespace], f"export KUBECONFIG={ADMIN_KUBECONFIG}{command}")


def replace(path: str, value: Any) -> dict[str, Any]:
    """A JSON Patch operation: another value there."""
    return {"op": "replace", "path": path, "value": value}


def add(path: str, value: Any) -> dict[str, Any]:
    """A JSON Patch operation: a new value there."""
    return {"op": "add", "path": path, "value": value}


def create(
    namespace: str, version: str, kind: str, metadata: Mapping[str, Any], **content: Any
) -> None:
    """Make an object there."""
    obj = {"apiVersion": version, "kind": kind, "metadata": metadata, **content}
    kubectl(namespace, f"create --validate=false -f - <<'END'\n{json.dumps(obj)}\nEND")


def create_slice(
    namespace: str, service: str, address: str, port: int, *, ready: bool = True
) -> None:
    """Write an EndpointSlice by hand that leads a Service's port `http` to an address."""
    labels = {"kubernetes.io/service-name": service}
    create(
        namespace,
        "discovery.k8s.io/v1",
        "EndpointSlice",
        {"name": "by-hand", "labels": labels},
        addressType="IPv4",
        endpoints=[{"addresses": [address], "conditions": {"ready": ready}}],
        ports=[{"name": "http", "port": port, "protocol": "TCP"}],
    )


def rolled_out(namespace: str, deployment: str, *, ready: int | None = None) -> None:
    """Wait until a Deployment has pods of its current template alone, and all (or `ready`) ready.

    Raises RehearsalError after some seconds.
    """
    end = time.monotonic() + _DEADLINE
    while not _settled(_read(namespace, f"deploy/{deployment}"), ready):
        if time.monotonic() > end:
            raise RehearsalError(f"deploy/{deployment} does not settle within {_DEADLINE} s")
        time.sleep(0.05)


def until_phase(namespace: str, pod: str, wanted: str) -> None:
    """Wait until a pod is in a phase, for which kubectl itself can wait since 1.23."""
    end = time.monotonic() + _DEADLINE
    while (phase := _read(namespace, f"pod/{pod}")["status"].get("phase")) != wanted:
        if time.monotonic() > end:
            raise RehearsalError(f"pod/{pod} is {phase} after {_DEADLINE} s, not {wanted}")
        time.sleep(0.05)


def until_none(namespace: str, app: str) -> None:
    """Wait until an application has no pods; kubectl 1.20 fails where they are gone already."""
    end = time.monotonic() + _DEADLINE
    while left := kubectl(namespace, f"get pods -l app.kubernetes.io/name={app} -o name"):
        if time.monotonic() > end:
            raise RehearsalError(f"{left.strip()} is there after {_DEADLINE} s")
        time.sleep(0.05)


def unready(namespace: str, deployment: str) -> None:
    """Wait until no pod of a Deployment is ready."""
    rolled_out(namespace, deployment, ready=0)


def until_unready(*bridges: str) -> None:
    """Wait until the kubelet has noticed that bridge pods (State Hub's) answer nothing."""
    for bridge in bridges or (HUB_BRIDGE,):
        pods = f"pod -l app.kubernetes.io/name={bridge} --for=condition=Ready=false"
        kubectl(BRIDGES, f"wait --timeout=8s {pods}")


def _settled(deployment: dict[str, Any], ready: int | None) -> bool:
    wanted, status = deployment["spec"]["replicas"], deployment["status"]
    counts = [status.get(f"{kind}eplicas", 0) for kind in ("r", "updatedR", "readyR")]
    seen: bool = status.get("observedGeneration") == deployment["metadata"]["generation"]
    return seen and counts == [wanted, wanted, wanted if ready is None else ready]


def _read(namespace: str, what: str) -> Any:
    return json.loads(kubectl(namespace, f"get {what} -o json"))


def restore(namespace: str, name: str, manifest: str = "") -> None:
    """Bring a Deployment and its Service back to their manifest, whatever became of them.

    The manifest is the file of that name, by default the Deployment's own.
    """
    file = f"-f /{LIBRARY}/kubernetes/manifests/{_HOSTS[namespace]}/{manifest or name}.yaml"
    # Applying would leave what somebody added. What is gone cannot be replaced, nor what is there
    # be created.
    kubectl(namespace, f"replace --validate=false {file}", check=False)
    kubectl(namespace, f"create --validate=false {file}", check=False)
    kubectl(namespace, f"get {file}")
    rolled_out(namespace, name)


KUBECONFIG = "~/.kube/config"
HUB_SERVICE = f"svc/{HUB_BRIDGE}"
TARGET = f"{CONTAINER}/command/2"  # of socat's two addresses the second
SIDECAR = {
    "name": "proxy",
    "image": "localhost/actcore-proxy:rehearsal",
    "restartPolicy": "Always",
    "command": ["sleep", "86400"],
}


def edited(change: str) -> str:
    """A command that changes the kubeconfig by a line of Python, on `cluster` and `user` of it."""
    program = (
        "import json, os, base64; path = os.path.expanduser('~/.kube/config'); "
        "all = json.load(open(path)); cluster = all['clusters'][0]['cluster']; "
        f"user = all['users'][0]['user']; {change}; json.dump(all, open(path, 'w'))"
    )
    return f'python3 -c "{program}"'


def account(name: str) -> str:
    """The command by which railiance01's kubeconfig becomes another account's."""
    standin = "PYTHONPATH=/usr/local/lib/fleet-standins python3 -m standins.kubernetes"
    make = f"kubeconfig --config /etc/fleet-standins/cluster.json --user {name} --out {KUBECONFIG}"
    return f"sudo {standin} {make}; sudo chown tegwick: {KUBECONFIG}"


def pod_name(app: str = HUB_BRIDGE, namespace: str = BRIDGES) -> str:
    """The only pod of an application, as kubectl calls it (`pod/…`)."""
    return kubectl(namespace, f"get pods -l app.kubernetes.io/name={app} -o name").strip()


def misbehave(service: str, port: int, mode: str) -> None:
    """Roll out a version of a service that misbehaves."""
    command = ["python3", "-m", "standins.misbehaving", "--port", str(port), service, mode]
    patch(SERVICES, f"deploy/{service}", replace(f"{CONTAINER}/command", command))
    rolled_out(SERVICES, service)
