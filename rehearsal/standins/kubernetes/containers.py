"""One container of a pod: its process, its restarts, its readiness, and the status it reports."""

from __future__ import annotations

import asyncio
import re
import secrets
import signal
import time
from typing import TYPE_CHECKING, Any

from . import probes
from .sandbox import PATH, StartError, exit_code, signal_group
from .store import now

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable
    from pathlib import Path

    from .cgroups import PodGroup
    from .sandbox import Sandbox
    from .status import Object

# A real kubelet starts at 10 s and doubles up to 5 minutes; a rehearsal has no time for that.
_FIRST_BACK_OFF = 1.0
_LONGEST_BACK_OFF = 8.0
_STABLE = 60.0  # seconds of running after which the back-off starts anew
_EAGER = 0.2  # seconds between probes of a container that is fresh, or whose last probe failed
_EAGER_FOR = 5.0
_START_ERROR = 128  # exit code of a container that could not be started
_VARIABLE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


class Container:
    """Runs `spec` in a pod's sandbox until stopped, restarting it as `restartPolicy` says."""

    def __init__(
        self, pod: Object, spec: Object, before: Object | None, log: Path, groups: PodGroup
    ) -> None:
        self.spec = spec
        self._pod = pod
        self._groups = groups
        self._log = log
        self._restart_policy: str = spec.get("restartPolicy", pod["spec"]["restartPolicy"])
        self._state: Object = {"waiting": {"reason": "ContainerCreating"}}
        self._last_state: Object = {}
        self._restarts = 0
        self._ready = False
        self._id = ""
        self._process: Process | None = None
        self.changed: Callable[[], None] = lambda: None
        self.tell: Callable[[str, str], None] = _unheard
        self.config_map: Callable[[str], dict[str, str]] = lambda _: {}
        if before:  # its status when this server ended, and every container with it
            ran = "containerID" in before
            self._restarts = before["restartCount"] + ran
            died = {"terminated": _terminated(255, "Unknown", now(), now(), "")}
            self._last_state = died if ran else before["lastState"]

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return "running" in self._state

    @property
    def exit_code(self) -> int | None:
        """The exit code of a container that ended and will not be restarted."""
        ended = self._state.get("terminated")
        return ended["exitCode"] if ended and not self._restarts_after(ended["exitCode"]) else None

    async def spawn(
        self, sandbox: Sandbox, command: list[str], env: dict[str, str], **streams: Any
    ) -> Process:
        """Start a command beside its process, or that process itself; raises StartError."""
        group = self._groups.container(self._id)
        return await sandbox.spawn(command, env, group, **streams)

    def environment(self) -> dict[str, str]:
        """What its processes see, including `fieldRef`s to the pod, and ConfigMaps."""
        env = {"PATH": PATH, "HOME": "/root", "HOSTNAME": self._pod["metadata"]["name"]}
        for source in self.spec.get("envFrom", []):
            env |= self.config_map(source["configMapRef"]["name"])
        for variable in self.spec.get("env", []):
            source = variable.get("valueFrom")
            if source and "configMapKeyRef" in source:
                held = source["configMapKeyRef"]
                value = self.config_map(held["name"]).get(held["key"], "")
            elif source:
                value = _field(self._pod, source["fieldRef"]["fieldPath"])
            else:
                value = _expand(variable.get("value", ""), env)
            env[variable["name"]] = value
        return env

    async def run(self, sandbox: Sandbox, pod_ip: str) -> None:
        """Start, watch and restart; returns when it ended for good. Cancel to abandon."""
        back_off = 0.0
        while True:
            started, began = now(), time.monotonic()
            code, reason, message = await self._once(sandbox, pod_ip)
            ended = {"terminated": _terminated(code, reason, started, now(), self._id, message)}
            self._set(ended)
            if not self._restarts_after(code):
                return
            if time.monotonic() - began > _STABLE:
                back_off = 0.0
            if back_off:
                name, uid = self._pod["metadata"]["name"], self._pod["metadata"]["uid"]
                pod = f"{name}_{self._pod['metadata']['namespace']}({uid})"
                self._last_state = ended
                self.tell("BackOff", f"Back-off restarting failed container {self.spec['name']} "
                                     f"in pod {pod}")  # fmt: skip
                self._set({"waiting": {
                    "reason": "CrashLoopBackOff",
                    "message": f"back-off {back_off:.0f}s restarting failed "
                               f"container={self.spec['name']} pod={pod}",
                }})  # fmt: skip
                await asyncio.sleep(back_off)
            self._last_state = ended
            self._restarts += 1
            back_off = min(2 * back_off or _FIRST_BACK_OFF, _LONGEST_BACK_OFF)

    def refuse(self, *, never: bool) -> None:
        """Its image is not there, and may `never` be pulled or cannot be: say so, and wait."""
        image = self.spec["image"]
        if never:
            reason = "ErrImageNeverPull"
            message = f'Container image "{image}" is not present with pull policy of Never'
            self.tell(reason, message)
        else:
            reason, message = "ImagePullBackOff", f'Back-off pulling image "{image}"'
            why = f'code = NotFound desc = failed to resolve reference "{image}": not found'
            self.tell("Failed", f'Failed to pull image "{image}": rpc error: {why}')
            self.tell("Failed", "Error: ErrImagePull")
            self.tell("BackOff", message)
        self.tell("Failed", f"Error: {reason}")
        self._set({"waiting": {"reason": reason, "message": message}})

    async def stop(self, grace: float) -> None:
        """SIGTERM, and SIGKILL after `grace` seconds."""
        if self._process is None or self._process.returncode is not None:
            return
        self.tell("Killing", f"Stopping container {self.spec['name']}")
        signal_group(self._process, signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), grace)
        except asyncio.TimeoutError:
            signal_group(self._process, signal.SIGKILL)

    def status(self) -> Object:
        """Its entry in `containerStatuses`."""
        report: Object = {
            "name": self.spec["name"],
            "state": self._state,
            "lastState": self._last_state,
            "ready": self._ready,
            "restartCount": self._restarts,
            "image": self.spec["image"],
            "imageID": f"sha256:{'0' * 64}" if self._id else "",
        }
        if self._id:
            report["containerID"] = f"containerd://{self._id}"
        report["started"] = self.running
        return report

    async def _once(self, sandbox: Sandbox, pod_ip: str) -> tuple[int, str, str]:
        env = self.environment()
        words = [*self.spec.get("command", []), *self.spec.get("args", [])]
        command = [_expand(word, env) for word in words]
        self._id = secrets.token_hex(32)
        if self._log.exists():
            self._log.replace(before(self._log))
        with self._log.open("ab", buffering=0) as log:
            try:
                self._process = await self.spawn(sandbox, command, env, stdout=log, stderr=log)
            except StartError as error:
                self.tell("Failed", f"Error: failed to create containerd task: {error}")
                return _START_ERROR, "StartError", f"failed to create containerd task: {error}"
        probing: asyncio.Task[None] | None = None
        if probe := self.spec.get("readinessProbe"):
            probing = asyncio.create_task(self._probe(probe, sandbox, pod_ip))
        self._ready = probing is None
        self.tell("Started", f"Started container {self.spec['name']}")
        self._set({"running": {"startedAt": now()}})
        try:
            code = exit_code(await self._process.wait())
        finally:
            self._ready = False
            if probing:
                probing.cancel()
        return code, "Completed" if code == 0 else "Error", ""

    async def _probe(self, probe: Object, sandbox: Sandbox, pod_ip: str) -> None:
        async def spawn(command: list[str]) -> Process:
            return await self.spawn(sandbox, command, self.environment())

        began = time.monotonic()
        await asyncio.sleep(probe.get("initialDelaySeconds", 0))
        successes = failures = 0
        fresh = True
        while True:
            why = await probes.trouble(probe, self.spec, pod_ip, spawn)
            if why is None:
                successes, failures, fresh = successes + 1, 0, False
                if successes >= probe["successThreshold"]:
                    self._set_ready(ready=True)
            else:
                successes, failures = 0, failures + 1
                if failures >= probe["failureThreshold"]:
                    self._set_ready(ready=False)
                if failures == probe["failureThreshold"]:
                    self.tell("Unhealthy", f"Readiness probe failed: {why}")
            unsure = failures > 0 or not self._ready
            eager = time.monotonic() - began < _EAGER_FOR if fresh else unsure
            await asyncio.sleep(_EAGER if eager else probe["periodSeconds"])

    def _restarts_after(self, code: int) -> bool:
        return self._restart_policy == "Always" or (
            self._restart_policy == "OnFailure" and code != 0
        )

    def _set(self, state: Object) -> None:
        self._state = state
        self.changed()

    def _set_ready(self, *, ready: bool) -> None:
        if self._ready != ready:
            self._ready = ready
            self.changed()


def before(log: Path) -> Path:
    """Where the log of the instance before is kept."""
    return log.with_suffix(".before")


def _unheard(_reason: str, _message: str) -> None:
    """Events of a container that no pod has yet."""


def _terminated(
    code: int, reason: str, started: str, finished: str, container_id: str, message: str = ""
) -> Object:
    report: Object = {"exitCode": code, "reason": reason}
    if message:
        report["message"] = message
    report |= {"startedAt": started, "finishedAt": finished}
    if container_id:
        report["containerID"] = f"containerd://{container_id}"
    return report


def _expand(text: str, env: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda match: env.get(match[1], match[0]), text)


def _field(pod: Object, path: str) -> str:
    value = pod
    for step in path.split("."):
        value = value.get(step, {})
    return value if isinstance(value, str) else ""
