"""A command in a running pod of a Deployment, over the API's WebSocket."""

from http import HTTPStatus
from time import monotonic
from typing import Any
from urllib.parse import quote

from fleetmesh import strict_json
from fleetmesh.facts.probe import ExecInPod
from fleetmesh.gather.api import get
from fleetmesh.legible import brief

_OUTPUT_LIMIT = 1024 * 1024
_KEPT = 4096
"""Characters that are kept of each stream of a command that prints without end."""
_STATUS = 3  # the channel on which the API tells how the command ended


class NoPod(Exception):
    """The Deployment has no running pod; the text says what it has instead."""


def exec_in_pod(api: Any, probe: ExecInPod, deadline: float) -> dict[str, Any]:
    """Run the probe's command; the exit status is None where the API did not report one.

    `deadline` in seconds, for each request before it. Raises NoPod, and what the client does.
    """
    from kubernetes.client import CoreV1Api  # noqa: PLC0415 - heavy
    from kubernetes.stream import stream  # noqa: PLC0415
    from websocket import WebSocketException  # noqa: PLC0415

    pod = _running_pod(api, probe, deadline)
    until = monotonic() + probe.seconds
    channel = stream(
        CoreV1Api(api).connect_get_namespaced_pod_exec,
        pod,
        probe.namespace,
        command=list(probe.command),
        stdout=True,
        stderr=True,
        stdin=False,
        tty=False,
        _preload_content=False,
        _request_timeout=deadline,
    )
    stdout, stderr, lost = "", "", None
    try:
        try:
            while channel.is_open() and monotonic() < until:
                if len(stdout) + len(stderr) > _OUTPUT_LIMIT:
                    break
                channel.update(timeout=min(0.5, max(0.0, until - monotonic())))
                stdout += channel.read_stdout(timeout=0) if channel.peek_stdout() else ""
                stderr += channel.read_stderr(timeout=0) if channel.peek_stderr() else ""
            if channel.is_open():
                lost = f"the command in the pod did not end within {probe.seconds:g} s"
        except (WebSocketException, OSError) as error:
            lost = f"the connection to the command in the pod broke: {brief(str(error))}"
            stdout += channel.read_stdout(timeout=0)
            stderr += channel.read_stderr(timeout=0)
        if len(stdout) + len(stderr) > _OUTPUT_LIMIT:
            lost = f"the command in the pod printed more than {_OUTPUT_LIMIT} bytes"
            stdout, stderr = stdout[:_KEPT], stderr[:_KEPT]
        said: dict[str, Any] = {"stdout": stdout.encode(), "stderr": stderr.encode()}
        if lost:
            return {**said, "lost": lost}
        return {**said, "exit_status": _exit_status(channel)}
    finally:
        channel.sock.shutdown()  # close() leaves the socket open once the server has closed


def _exit_status(channel: Any) -> int | None:
    # The client would read the status as YAML, whatever stands in it.
    try:
        status = strict_json.loads(channel.read_channel(_STATUS))
        if status["status"] == "Success":
            return 0
        return int(status["details"]["causes"][0]["message"])
    except (ValueError, TypeError, LookupError):  # it could not even start, or no status came
        return None


def _running_pod(api: Any, probe: ExecInPod, deadline: float) -> str:
    namespace = f"namespaces/{probe.namespace}"
    found = _read(api, f"/apis/apps/v1/{namespace}/deployments/{probe.deployment}", deadline)
    try:
        labels = found["spec"]["selector"]["matchLabels"]
        selector = quote(",".join(f"{key}={value}" for key, value in labels.items()))
        pods = _read(api, f"/api/v1/{namespace}/pods?labelSelector={selector}", deadline)
        phases = {
            str(pod["metadata"]["name"]): pod["status"].get("phase", "unknown")
            for pod in pods["items"]
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise NoPod(
            f"the pods of deploy/{probe.deployment} cannot be told from the API's answers: "
            f"{brief(repr(error))}"
        ) from None
    running = [name for name, phase in phases.items() if phase == "Running"]
    if not running:
        has = brief(", ".join(f"{name} {phase}" for name, phase in phases.items()) or "no pod")
        raise NoPod(f"deploy/{probe.deployment} has no running pod: {has}")
    return running[0]


def _read(api: Any, path: str, deadline: float) -> dict[str, Any]:
    status, body = get(api, path, deadline)
    try:
        found = strict_json.loads(body)
    except strict_json.Ambiguous as error:
        raise NoPod(f"the API answered {status} with JSON that {error}") from None
    except strict_json.NotJson:
        found = None
    if status != HTTPStatus.OK or not isinstance(found, dict):
        said = found.get("message") if isinstance(found, dict) else None
        raise NoPod(f"the API answered {status}: {brief(str(said or 'no JSON object'))}")
    return found
