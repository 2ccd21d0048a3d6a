"""One pod on the node: its directory, sandbox and containers, and the status it reports."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import traceback
from typing import TYPE_CHECKING

from . import dns, events, tasks
from .cgroups import PodGroup
from .containers import Container, before
from .sandbox import Sandbox, SandboxError
from .store import Key, key_of, now

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from pathlib import Path

    from .config import ClusterConfig
    from .status import Object
    from .store import Store

_LONGEST_GRACE = 2.0  # seconds a pod gets to end, whatever it asks for
_RETRY = 1.0  # seconds until a sandbox that failed is tried again
_SIDECAR_HEAD_START = 0.1  # seconds from a sidecar's start to that of the next container
_ABSENT_IMAGE = "no-such"  # an image with this in its name cannot be had; all others are the node
_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady")


class NodePod:
    """One pod on this node."""

    def __init__(self, obj: Object, cluster: ClusterConfig, store: Store, address: str) -> None:
        self.key = key_of("pods", obj)
        self.uid: str = obj["metadata"]["uid"]
        self.address = address  # on the pods' bridge; empty for hostNetwork
        self._store = store
        self._cluster = cluster
        self._grace = min(obj["spec"]["terminationGracePeriodSeconds"], _LONGEST_GRACE)
        self._directory: Path = cluster.state_dir / "pods" / self.uid
        (self._directory / "etc").mkdir(parents=True, exist_ok=True)
        self._groups = PodGroup(self.uid)
        self._sandbox: Sandbox | None = None
        self._preparing: dict[str, Container] = {}  # init containers and sidecars, in order
        self._containers: dict[str, Container] = {}  # the sidecars are among these, too
        self._added: dict[str, Container] = {}  # ephemeral containers
        self._running: list[asyncio.Task[None]] = []  # of these
        self._object = obj
        self._task: asyncio.Task[None] | None = None

    @property
    def ip(self) -> str:
        """Its address: its own or the node's."""
        return self.address or str(self._cluster.node_ip)

    def start(self) -> None:
        """Begin to run it."""
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(complain)

    def log(self, container: str, *, previous: bool) -> str:
        """What the container wrote, or its instance before this one."""
        file = self._log_file(container)
        file = before(file) if previous else file
        return file.read_text(errors="replace") if file.exists() else ""

    def add(self, specs: list[Object]) -> None:
        """Start the ephemeral containers that the pod does not have yet, once it runs itself."""
        for spec in specs if self._sandbox else ():
            if spec["name"] not in self._added:
                once = {**spec, "restartPolicy": "Never"}
                container = self._added[spec["name"]] = self._container(self._object, once, {})
                self._running.append(asyncio.create_task(self._run_container(container)))

    def container_runs(self, container: str) -> bool:
        """Whether commands can be executed in it."""
        found = self._find(container)
        return found is not None and found.running

    def _find(self, container: str) -> Container | None:
        return self._containers.get(container) or self._added.get(container)

    async def spawn(self, container: str, command: list[str], **streams: int | bool) -> Process:
        """Execute a command in a running container; raises StartError."""
        beside = self._find(container)
        assert self._sandbox is not None
        assert beside is not None
        env = beside.environment()
        if streams.get("tty"):
            env.setdefault("TERM", "xterm")
        return await beside.spawn(self._sandbox, command, env, **streams)

    def refresh_hosts(self) -> None:
        """Bring the names it knows up to date with the Services."""
        files = dns.files(self._object, self.ip, self._store.all("services"))
        for name, text in files.items():
            dns.write_in_place(self._directory / "etc" / name, text)

    async def stop(self) -> None:
        """End its containers, kill what is left, and forget its files."""
        if self._task:  # first, or it would start the containers again
            await tasks.end(self._task)
        for task in self._running:
            await tasks.end(task)
        everyone = (*self._containers.values(), *self._added.values())
        await asyncio.gather(*(c.stop(self._grace) for c in everyone))
        if self._sandbox:
            await self._sandbox.destroy()
            self._sandbox = None
        self._groups.remove()

    def forget(self) -> None:
        """Remove its files."""
        shutil.rmtree(self._directory, ignore_errors=True)

    async def _run(self) -> None:
        started = self._object.get("status", {}).get("startTime") or now()
        before = {
            status["name"]: status
            for key in ("initContainerStatuses", "containerStatuses")
            for status in self._object["status"].get(key, [])
        }
        placed = self._store.update(self.key, lambda pod: _place(pod, self, self._cluster, started))
        if placed is None:
            return
        self._object = placed
        where = f"{self.key.namespace}/{self.key.name} to {self._cluster.node}"
        self._tell("default-scheduler", "Scheduled", f"Successfully assigned {where}")
        again = "Never" if placed["spec"]["restartPolicy"] == "Never" else "OnFailure"
        for spec in placed["spec"].get("initContainers", []):
            container = self._container(placed, {"restartPolicy": again, **spec}, before)
            self._preparing[spec["name"]] = container
            if is_sidecar(spec):
                self._containers[spec["name"]] = container
        for spec in placed["spec"]["containers"]:
            self._containers[spec["name"]] = self._container(placed, spec, before)
        self.report()
        self.refresh_hosts()
        await self._set_up()
        sidecars = await self._prepare()
        if sidecars is None:
            return
        others = [c for name, c in self._containers.items() if name not in self._preparing]
        await asyncio.gather(*sidecars, *(self._run_container(c) for c in others))

    def _container(self, pod: Object, spec: Object, before: dict[str, Object]) -> Container:
        name = spec["name"]
        container = Container(pod, spec, before.get(name), self._log_file(name), self._groups)
        container.changed = self.report
        container.config_map = self._config_map
        container.tell = lambda reason, message: self._tell("kubelet", reason, message)
        return container

    def _config_map(self, name: str) -> dict[str, str]:
        _, namespace, _ = self.key
        found = self._store.get(Key("configmaps", namespace, name)) or {}
        return dict(found.get("data", {}))

    async def _prepare(self) -> list[asyncio.Task[None]] | None:
        """Run the init containers in their order; the sidecars' tasks, or None if one failed."""
        sidecars = []
        for name, container in self._preparing.items():
            if name in self._containers:
                sidecars.append(asyncio.create_task(self._run_container(container)))
                await asyncio.sleep(_SIDECAR_HEAD_START)
            else:
                await self._run_container(container)
                if container.exit_code != 0:
                    for task in sidecars:
                        task.cancel()
                    return None
        return sidecars

    async def _set_up(self) -> None:
        prefix = self._cluster.pod_cidr.prefixlen
        while self._sandbox is None:
            try:
                self._sandbox = await Sandbox.create(
                    self.uid,
                    self._directory / "etc",
                    self._groups.container(secrets.token_hex(32)),
                    self.key.name,
                    f"{self.address}/{prefix}" if self.address else "",
                    self._cluster.gateway,
                )
            except SandboxError as error:
                print(f"pod {self.key.namespace}/{self.key.name}: {error}", flush=True)
                await asyncio.sleep(_RETRY)

    async def _run_container(self, container: Container) -> None:
        assert self._sandbox is not None
        if _ABSENT_IMAGE in container.spec["image"]:
            container.refuse(never=container.spec["imagePullPolicy"] == "Never")
            return
        await container.run(self._sandbox, self.ip)

    def _tell(self, source: str, reason: str, message: str) -> None:
        events.record(self._store, source, "pods", self._object, reason, message)

    def report(self) -> None:
        """Bring the pod's status up to date, unless the kubelet is silent."""
        if self._cluster.kubelet_is_down:
            return
        self._store.update(self.key, self._describe)

    def _describe(self, pod: Object) -> None:
        if is_evicted(pod):
            return
        prepared = [c.status() for c in self._preparing.values()]
        reports = [c.status() for n, c in self._containers.items() if n not in self._preparing]
        sidecars = [r for r in prepared if r["name"] in self._containers]
        unready = [r["name"] for r in (*sidecars, *reports) if not r["ready"]]
        codes = [c.exit_code for n, c in self._containers.items() if n not in self._preparing]
        waits_for = [
            n for n, c in self._preparing.items() if n not in self._containers and c.exit_code != 0
        ]
        failed = [n for n in waits_for if self._preparing[n].exit_code is not None]
        status = pod["status"]
        status["observedGeneration"] = pod["metadata"].get("generation", 1)
        if failed:
            status["phase"] = "Failed"
        elif None not in codes:
            status["phase"] = "Failed" if any(codes) else "Succeeded"
        elif waits_for or all("waiting" in r["state"] and not r["lastState"] for r in reports):
            status["phase"] = "Pending"
        else:
            status["phase"] = "Running"
        if waits_for:
            message = f"containers with incomplete status: [{' '.join(waits_for)}]"
            _condition(pod, "Initialized", "False", "ContainersNotInitialized", message)
            for report in reports:
                report["state"] = {"waiting": {"reason": "PodInitializing"}}
        else:
            _condition(pod, "Initialized", "True")
        for kind in ("Ready", "ContainersReady"):
            if status["phase"] == "Succeeded":
                _condition(pod, kind, "False", "PodCompleted")
            elif unready:
                message = f"containers with unready status: [{' '.join(unready)}]"
                _condition(pod, kind, "False", "ContainersNotReady", message)
            else:
                _condition(pod, kind, "True")
        for report in prepared:
            if report["name"] not in self._containers:
                report["ready"] = report["state"].get("terminated", {}).get("exitCode") == 0
        if prepared:
            status["initContainerStatuses"] = prepared
        status["containerStatuses"] = reports
        if self._added:
            status["ephemeralContainerStatuses"] = [
                {**c.status(), "ready": False} for c in self._added.values()
            ]

    def _log_file(self, container: str) -> Path:
        return self._directory / f"{container}.log"


def is_sidecar(spec: Object) -> bool:
    """Whether an init container is one that runs as long as the others."""
    return bool(spec.get("restartPolicy") == "Always")


def is_evicted(pod: Object) -> bool:
    """Whether somebody reported the pod evicted: its containers end, and its object stays."""
    return bool(pod["status"].get("reason") == "Evicted")


def complain(task: asyncio.Task[None]) -> None:
    """Print how a task failed that nobody waits for."""
    if not task.cancelled() and (error := task.exception()):
        traceback.print_exception(error)


def _place(pod: Object, on: NodePod, cluster: ClusterConfig, started: str) -> None:
    pod["spec"]["nodeName"] = cluster.node
    node_ip = str(cluster.node_ip)
    pod["status"] |= {"hostIP": node_ip, "hostIPs": [{"ip": node_ip}],
                      "podIP": on.ip, "podIPs": [{"ip": on.ip}], "startTime": started}  # fmt: skip
    for kind in _CONDITIONS:
        waits = kind in ("Ready", "ContainersReady")
        _condition(pod, kind, "False" if waits else "True")
    _condition(pod, "PodScheduled", "True")


def refuse(why: str, pod: Object) -> None:
    """Report a pod that no node takes."""
    pod["status"]["phase"] = "Pending"
    _condition(pod, "PodScheduled", "False", "Unschedulable", why)


def _condition(pod: Object, kind: str, value: str, reason: str = "", message: str = "") -> None:
    conditions = pod["status"].setdefault("conditions", [])
    new: Object = {
        "type": kind,
        "observedGeneration": pod["metadata"].get("generation", 1),
        "status": value,
        "lastProbeTime": None,
        "lastTransitionTime": now(),
    }
    if reason:
        new["reason"] = reason
    if message:
        new["message"] = message
    for index, old in enumerate(conditions):
        if old["type"] == kind:
            if old["status"] == value:
                new["lastTransitionTime"] = old["lastTransitionTime"]
            conditions[index] = new
            return
    conditions.append(new)
