"""The node: schedules every pod on itself and keeps it running."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from . import events
from .deployments import is_over
from .pods import NodePod, complain, is_evicted, refuse
from .store import Key, key_of

if TYPE_CHECKING:
    from .config import ClusterConfig
    from .status import Object
    from .store import Store


class Kubelet:
    """Keeps one `NodePod` running for each Pod object."""

    def __init__(self, cluster: ClusterConfig, store: Store) -> None:
        self._cluster = cluster
        self._store = store
        self._pods: dict[Key, NodePod] = {}
        self._stopping: dict[Key, asyncio.Task[None]] = {}
        self._down = False

    def pod(self, key: Key) -> NodePod | None:
        """The running pod, or None."""
        return self._pods.get(key)

    async def run(self) -> None:
        """Follow the store until cancelled."""
        while True:
            version = self._store.version
            self._reconcile()
            await self._store.newer_than(version)

    async def stop(self) -> None:
        """End all pods; their objects stay, to be run again after a restart."""
        await asyncio.gather(*self._stopping.values(), *(p.stop() for p in self._pods.values()))

    def _reconcile(self) -> None:
        down, self._down = self._down, self._cluster.kubelet_is_down
        if self._down:
            return
        for pod in self._pods.values() if down else ():
            pod.report()
        # Those that have their place come before those that look for one.
        pods = sorted(self._store.all("pods"), key=lambda pod: "nodeName" not in pod["spec"])
        objects = {key_of("pods", obj): obj for obj in pods}
        for key, pod in self._pods.items():
            obj = objects.get(key)
            metadata = obj["metadata"] if obj else {}
            over = metadata.get("uid") != pod.uid or "deletionTimestamp" in metadata
            over = over or (obj is not None and is_evicted(obj))
            if over and key not in self._stopping:
                self._stopping[key] = asyncio.create_task(self._end(pod))
                self._stopping[key].add_done_callback(complain)
        for key, obj in objects.items():
            if key in self._pods:
                continue
            if "deletionTimestamp" in obj["metadata"]:
                if not obj["metadata"].get("finalizers"):
                    self._store.remove(key)
            elif is_over(obj):
                continue
            elif reason := self._unschedulable(obj):
                if self._store.update(key, partial(refuse, reason)) is not obj:
                    tell = ("default-scheduler", "pods", obj, "FailedScheduling", reason)
                    events.record(self._store, *tell)
            else:
                host = obj["spec"].get("hostNetwork", False)
                self._pods[key] = NodePod(
                    obj, self._cluster, self._store, "" if host else self._free_address()
                )
                self._pods[key].start()
        for key, pod in self._pods.items():
            pod.refresh_hosts()
            if key in objects and key not in self._stopping:
                pod.add(objects[key]["spec"].get("ephemeralContainers", []))

    async def _end(self, pod: NodePod) -> None:
        await pod.stop()
        pod.forget()
        del self._pods[pod.key]
        del self._stopping[pod.key]
        current = self._store.get(pod.key)
        if current is None or current["metadata"]["uid"] != pod.uid:
            return
        # What was evicted stays until somebody deletes it, and nothing goes before its finalizers.
        if not is_evicted(current) and not current["metadata"].get("finalizers"):
            self._store.remove(pod.key)

    def _free_address(self) -> str:
        taken = {pod.address for pod in self._pods.values()}
        hosts = self._cluster.pod_cidr.hosts()
        next(hosts)  # the gateway
        return next(str(ip) for ip in hosts if str(ip) not in taken)

    def _unschedulable(self, pod: Object) -> str:
        """Why the one node does not take the pod, in the scheduler's words; empty if it does."""
        node = self._store.get(Key("nodes", "", self._cluster.node))
        labels = node["metadata"]["labels"] if node else {}
        wanted = pod["spec"].get("nodeSelector", {})
        if "nodeName" in pod["spec"]:
            return ""  # placed, by this server before it was started anew
        if node and node["spec"].get("unschedulable"):
            why = "were unschedulable"
        elif any(labels.get(key) != value for key, value in wanted.items()):
            why = "didn't match Pod's node affinity/selector"
        elif _ports(pod) & self._ports_taken():
            why = "didn't have free ports for the requested pod ports"
        else:
            return ""
        preempts = (
            "No preemption victims found for incoming pod"
            if "ports" in why
            else "Preemption is not helpful for scheduling"
        )
        available = "0/1 nodes are available: 1"
        return f"{available} node(s) {why}. preemption: {available} {preempts}."

    def _ports_taken(self) -> set[tuple[str, int]]:
        placed = [self._store.get(key) for key in self._pods]
        return {port for pod in placed if pod and not is_over(pod) for port in _ports(pod)}


def _ports(pod: Object) -> set[tuple[str, int]]:
    """The ports of the node that the pod takes, with their protocols."""
    return {
        (port["protocol"], port["hostPort"])
        for container in pod["spec"]["containers"]
        for port in container.get("ports", [])
        if "hostPort" in port
    }
