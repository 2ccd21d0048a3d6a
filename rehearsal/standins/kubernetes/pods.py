"""One pod on the node: its directory, sandbox and containers, and the status it reports."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import traceback
from typing import TYPE_CHECKING

from . import dns
from .cgroups import PodGroup
from .containers import Container
from .sandbox import Sandbox, SandboxError
from .store import key_of, now

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from pathlib import Path

    from .config import Cluster
    from .status import Object
    from .store import Store

_LONGEST_GRACE = 2.0  # seconds a pod gets to end, whatever it asks for
_RETRY = 1.0  # seconds until a sandbox that failed is tried again
_ABSENT_IMAGE = "no-such"  # an image with this in its name cannot be had; all others are the node
_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady")


class Pod:
    """One pod on this node."""

    def __init__(self, obj: Object, cluster: Cluster, store: Store, address: str) -> None:
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
        self._containers: dict[str, Container] = {}
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

    def log(self, container: str) -> str:
        """What the container wrote."""
        file = self._log_file(container)
        return file.read_text(errors="replace") if file.exists() else ""

    def container_runs(self, container: str) -> bool:
        """Whether commands can be executed in it."""
        return container in self._containers and self._containers[container].running

    async def spawn(self, container: str, command: list[str], **streams: int | bool) -> Process:
        """Execute a command in a running container; raises StartError."""
        assert self._sandbox is not None
        beside = self._containers[container]
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
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*(c.stop(self._grace) for c in self._containers.values()))
        if self._sandbox:
            await self._sandbox.destroy()
            self._sandbox = None
        self._groups.remove()

    def forget(self) -> None:
        """Remove its files."""
        shutil.rmtree(self._directory, ignore_errors=True)

    async def _run(self) -> None:
        started = self._object.get("status", {}).get("startTime") or now()
        before = {s["name"]: s for s in self._object["status"].get("containerStatuses", [])}
        placed = self._store.update(self.key, lambda pod: _place(pod, self, self._cluster, started))
        if placed is None:
            return
        self._object = placed
        for spec in placed["spec"]["containers"]:
            name = spec["name"]
            container = Container(
                placed, spec, before.get(name), self._log_file(name), self._groups
            )
            container.changed = self._report
            self._containers[spec["name"]] = container
        self._report()
        self.refresh_hosts()
        await self._set_up()
        await asyncio.gather(*(self._run_container(c) for c in self._containers.values()))

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
        image = container.spec["image"]
        if _ABSENT_IMAGE in image:
            never = container.spec["imagePullPolicy"] == "Never"
            container.refuse(
                "ErrImageNeverPull" if never else "ImagePullBackOff",
                f'Container image "{image}" is not present with pull policy of Never'
                if never
                else f'Back-off pulling image "{image}"',
            )
            return
        await container.run(self._sandbox, self.ip)

    def _report(self) -> None:
        self._store.update(self.key, self._describe)

    def _describe(self, pod: Object) -> None:
        reports = [c.status() for c in self._containers.values()]
        unready = [r["name"] for r in reports if not r["ready"]]
        codes = [c.exit_code for c in self._containers.values()]
        status = pod["status"]
        status["observedGeneration"] = pod["metadata"].get("generation", 1)
        if None not in codes:
            status["phase"] = "Failed" if any(codes) else "Succeeded"
        elif all("waiting" in r["state"] and not r["lastState"] for r in reports):
            status["phase"] = "Pending"
        else:
            status["phase"] = "Running"
        for kind in ("Ready", "ContainersReady"):
            if unready:
                message = f"containers with unready status: [{' '.join(unready)}]"
                _condition(pod, kind, "False", "ContainersNotReady", message)
            else:
                _condition(pod, kind, "True")
        status["containerStatuses"] = reports

    def _log_file(self, container: str) -> Path:
        return self._directory / f"{container}.log"


def complain(task: asyncio.Task[None]) -> None:
    """Print how a task failed that nobody waits for."""
    if not task.cancelled() and (error := task.exception()):
        traceback.print_exception(error)


def _place(pod: Object, on: Pod, cluster: Cluster, started: str) -> None:
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
        new |= {"reason": reason, "message": message}
    for index, old in enumerate(conditions):
        if old["type"] == kind:
            if old["status"] == value:
                new["lastTransitionTime"] = old["lastTransitionTime"]
            conditions[index] = new
            return
    conditions.append(new)
