"""The Node object and its heartbeat, the namespaces every cluster has, and its own Service."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from . import admission, events
from .resources import by_kind
from .store import Key, key_of, now

if TYPE_CHECKING:
    from .config import ClusterConfig
    from .status import Object
    from .store import Store

VERSION = "v1.32.3+standin"
_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_LEASE_SECONDS = 40
_RENEW_EVERY = 10.0  # seconds, as a real kubelet
_LOOK_EVERY = 0.5  # seconds until it shows that the kubelet is silent, or is not any more
_REPORT_EVERY = 300.0  # seconds between unchanged node reports, as a real kubelet
_CONDITIONS = (
    (
        "MemoryPressure",
        "False",
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
    ),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


def bootstrap(cluster: ClusterConfig, store: Store) -> None:
    """Create what a cluster has before anybody asks; objects that exist stay as they are."""
    for name in _NAMESPACES:
        _ensure(store, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    _ensure(store, {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default"},
        "spec": {
            "clusterIP": str(cluster.api_service_ip),
            "clusterIPs": [str(cluster.api_service_ip)],
            "ports": [{"name": "https", "port": 443, "targetPort": cluster.listen_port}],
        },
    })  # fmt: skip
    _ensure(store, {
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": {"name": "kubernetes", "namespace": "default"},
        "subsets": [{"addresses": [{"ip": str(cluster.node_ip)}],
                     "ports": [{"name": "https", "port": cluster.listen_port, "protocol": "TCP"}]}],
    })  # fmt: skip
    _ensure(store, {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "kubernetes", "namespace": "default",
                     "labels": {"kubernetes.io/service-name": "kubernetes"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [str(cluster.node_ip)], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": cluster.listen_port, "protocol": "TCP"}],
    })  # fmt: skip
    _ensure(store, {
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": cluster.node, "labels": {"kubernetes.io/hostname": cluster.node}},
        "spec": {"podCIDR": str(cluster.pod_cidr), "podCIDRs": [str(cluster.pod_cidr)]},
        "status": {},
    })  # fmt: skip
    _ensure(store, {
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": cluster.node, "namespace": "kube-node-lease"},
        "spec": {"holderIdentity": cluster.node, "leaseDurationSeconds": _LEASE_SECONDS},
    })  # fmt: skip


def version() -> Object:
    """What /version says."""
    return {
        "major": "1",
        "minor": "32",
        "gitVersion": VERSION,
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    }


async def heartbeat(cluster: ClusterConfig, store: Store) -> None:
    """Renew the node's lease, and now and then its status, until cancelled."""
    lease = Key("leases", "kube-node-lease", cluster.node)
    reports = int(_REPORT_EVERY / _RENEW_EVERY)
    beat = 0
    while True:
        if cluster.kubelet_is_down:
            await asyncio.sleep(_LOOK_EVERY)
            continue
        if beat % reports == 0:
            store.update(Key("nodes", "", cluster.node), lambda node: _report(node, cluster))
        renewed = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        store.update(lease, partial(_renew, renewed))
        beat += 1
        await asyncio.sleep(_RENEW_EVERY)


async def watch_over(cluster: ClusterConfig, store: Store) -> None:
    """Tell when the kubelet falls silent, and when it is heard of again, until cancelled.

    A real cluster waits for 40 s of silence, and takes the pods away after 5 minutes.
    """
    lost = False
    while True:
        if cluster.kubelet_is_down != lost:
            lost = not lost
            tell = _lose if lost else partial(_return, cluster=cluster)
            store.update(Key("nodes", "", cluster.node), tell)
            for pod in store.all("pods") if lost else []:
                if store.update(key_of("pods", pod), _unready) is not pod:
                    what = ("NodeNotReady", "Node is not ready")
                    events.record(store, "node-controller", "pods", pod, *what)
        await asyncio.sleep(_LOOK_EVERY)


def _lose(node: Object) -> None:
    node["spec"]["taints"] = [
        {"key": "node.kubernetes.io/unreachable", "effect": effect, "timeAdded": now()}
        for effect in ("NoSchedule", "NoExecute")
    ]
    for condition in node["status"]["conditions"]:
        condition |= {"status": "Unknown", "lastTransitionTime": now()}
        condition |= {"reason": "NodeStatusUnknown"}
        condition |= {"message": "Kubelet stopped posting node status."}


def _return(node: Object, cluster: ClusterConfig) -> None:
    del node["spec"]["taints"]
    _report(node, cluster)


def _unready(pod: Object) -> None:
    """Take a pod's readiness; a real node controller gives no reason for it, and no message."""
    for condition in pod["status"].get("conditions", []):
        if condition["type"] == "Ready" and condition["status"] == "True":
            condition |= {"status": "False", "lastTransitionTime": now()}


def _renew(at: str, lease: Object) -> None:
    lease["spec"]["renewTime"] = at


def _report(node: Object, cluster: ClusterConfig) -> None:
    before = {c["type"]: c for c in node["status"].get("conditions", [])}
    system = os.uname()
    node["status"] = {
        "addresses": [
            {"type": "InternalIP", "address": str(cluster.node_ip)},
            {"type": "Hostname", "address": cluster.node},
        ],
        "conditions": [
            {
                "type": kind,
                "status": value,
                "lastHeartbeatTime": now(),
                "lastTransitionTime": before[kind]["lastTransitionTime"]
                if before.get(kind, {}).get("status") == value
                else now(),
                "reason": reason,
                "message": message,
            }
            for kind, value, reason, message in _CONDITIONS
        ],
        "nodeInfo": {
            "bootID": _read("/proc/sys/kernel/random/boot_id"),
            "machineID": _read("/etc/machine-id"),
            "systemUUID": _read("/etc/machine-id"),
            "kubeProxyVersion": "",
            "kubeletVersion": VERSION,
            "kernelVersion": system.release,
            "operatingSystem": "linux",
            "architecture": "amd64",
            "containerRuntimeVersion": "processes://1",
            "osImage": "the node's own",
        },
    }


def _read(file: str) -> str:
    try:
        return Path(file).read_text().strip()
    except OSError:
        return ""


def _ensure(store: Store, manifest: Object) -> None:
    resource = by_kind(manifest.pop("apiVersion"), manifest.pop("kind"))
    assert resource is not None
    if store.get(key_of(resource.name, manifest)) is None:
        admission.complete(resource, manifest)
        store.create(resource.name, manifest)
