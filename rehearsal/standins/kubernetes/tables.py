"""Lists as `kubectl get` prints them: rows of cells, computed by the server."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from . import selectors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .status import Object

    Cells = Callable[[Object], list[Any]]

_AGE = ("Age", "string", 0)
_LABELLED = {"Name": "name"}


def table(kind: str, objects: Sequence[Object], metadata: Object, include: str) -> Object:
    """A `Table` of `objects`; `include` says what each row carries: Metadata, Object or None."""
    columns, cells = _TABLES.get(kind, _GENERIC)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [
            {
                "name": name,
                "type": type_,
                "format": _LABELLED.get(name, ""),
                "description": "",
                "priority": priority,
            }
            for name, type_, priority in columns
        ],
        "rows": [_row(cells(obj), obj, include) for obj in objects],
    }


def _time(timestamp: str) -> datetime:
    return datetime.fromisoformat(timestamp.replace("Z", "+00:00"))  # Python 3.9 knows no Z


def age(timestamp: str, until: str | None = None) -> str:
    """How long ago, or before `until`, as kubectl says it: 45s, 12m, 5h, 3d."""
    end = _time(until) if until else datetime.now(timezone.utc)
    seconds = max(0, int((end - _time(timestamp)).total_seconds()))
    if seconds < 120:
        return f"{seconds}s"
    if seconds < 600:
        return f"{seconds // 60}m{seconds % 60}s" if seconds % 60 else f"{seconds // 60}m"
    if seconds < 3 * 3600:
        return f"{seconds // 60}m"
    return f"{seconds // 3600}h" if seconds < 48 * 3600 else f"{seconds // 86400}d"


def pod_reason(pod: Object) -> str:
    """The STATUS column: the most telling reason, else the phase."""
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    reason: str = pod["status"].get("reason") or pod["status"]["phase"]
    prepare = pod["spec"].get("initContainers", [])
    sidecars = {each["name"] for each in prepare if each.get("restartPolicy") == "Always"}
    for index, status in enumerate(pod["status"].get("initContainerStatuses", [])):
        if status["ready"] or status["name"] in sidecars:
            continue
        why = status["state"].get("waiting", {}).get("reason")
        return f"Init:{why}" if why else f"Init:{index}/{len(prepare)}"
    for status in pod["status"].get("containerStatuses", []):
        for state in ("waiting", "terminated"):
            if state in status["state"]:
                reason = status["state"][state].get("reason", reason)
    return reason


def _row(cells: list[Any], obj: Object, include: str) -> Object:
    row: Object = {"cells": cells}
    if include == "Object":
        row["object"] = obj
    elif include == "Metadata":
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": obj["metadata"],
        }
    return row


def _pod(pod: Object) -> list[Any]:
    prepare = pod["spec"].get("initContainers", [])
    sidecars = {each["name"] for each in prepare if each.get("restartPolicy") == "Always"}
    prepared = pod["status"].get("initContainerStatuses", [])
    statuses = [
        *(status for status in prepared if status["name"] in sidecars),
        *pod["status"].get("containerStatuses", []),
    ]
    ready = sum(s["ready"] for s in statuses)
    restarts = sum(s["restartCount"] for s in statuses)
    finished = [
        s["lastState"]["terminated"]["finishedAt"]
        for s in statuses
        if "terminated" in s["lastState"]
    ]
    ago = f" ({age(max(finished))} ago)" if restarts and finished else ""
    return [
        pod["metadata"]["name"],
        f"{ready}/{len(sidecars) + len(pod['spec']['containers'])}",
        pod_reason(pod),
        f"{restarts}{ago}",
        age(pod["metadata"]["creationTimestamp"]),
        pod["status"].get("podIP", "<none>"),
        pod["spec"].get("nodeName", "<none>"),
        "<none>",
        "<none>",
    ]


def _service(service: Object) -> list[Any]:
    spec = service["spec"]
    ports = ",".join(f"{p['port']}/{p['protocol']}" for p in spec.get("ports", []))
    return [
        service["metadata"]["name"],
        spec["type"],
        spec.get("clusterIP", "<none>"),
        "<none>",
        ports or "<none>",
        age(service["metadata"]["creationTimestamp"]),
        _pairs(spec.get("selector", {})),
    ]


def _endpoint_slice(found: Object) -> list[Any]:
    ports = ",".join(str(port.get("port", "*")) for port in found["ports"] or [])
    ends = [address for end in found["endpoints"] or [] for address in end["addresses"]]
    return [
        found["metadata"]["name"],
        found["addressType"],
        ports or "<unset>",
        ",".join(ends) or "<unset>",
        age(found["metadata"]["creationTimestamp"]),
    ]


def _deployment(deployment: Object) -> list[Any]:
    spec, status = deployment["spec"], deployment.get("status", {})
    containers = spec["template"]["spec"]["containers"]
    return [
        deployment["metadata"]["name"],
        f"{status.get('readyReplicas', 0)}/{spec['replicas']}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        age(deployment["metadata"]["creationTimestamp"]),
        ",".join(c["name"] for c in containers),
        ",".join(c["image"] for c in containers),
        selectors.text(spec["selector"]),
    ]


def _replica_set(found: Object) -> list[Any]:
    status = found["status"]
    return [
        found["metadata"]["name"],
        found["spec"]["replicas"],
        status["replicas"],
        status.get("readyReplicas", 0),
        age(found["metadata"]["creationTimestamp"]),
    ]


def _job(job: Object) -> list[Any]:
    status = job.get("status", {})
    ended = [c["type"] for c in status.get("conditions", []) if c["status"] == "True"]
    start, end = status.get("startTime"), status.get("completionTime")
    return [
        job["metadata"]["name"],
        ended[-1] if ended else "Running",
        f"{status.get('succeeded', 0)}/{job['spec']['completions']}",
        age(start, end) if start else "",
        age(job["metadata"]["creationTimestamp"]),
    ]


def _event(event: Object) -> list[Any]:
    involved = event["involvedObject"]
    return [
        age(event["lastTimestamp"]),
        event["type"],
        event["reason"],
        f"{involved['kind'].lower()}/{involved['name']}",
        event["message"],
    ]


def _namespace(namespace: Object) -> list[Any]:
    metadata = namespace["metadata"]
    return [metadata["name"], namespace["status"]["phase"], age(metadata["creationTimestamp"])]


def _node(node: Object) -> list[Any]:
    ready = [c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready"]
    word = "Ready" if ready == ["True"] else "NotReady"
    return [
        node["metadata"]["name"],
        word,
        "control-plane",
        age(node["metadata"]["creationTimestamp"]),
        node["status"]["nodeInfo"]["kubeletVersion"],
    ]


def _any(obj: Object) -> list[Any]:
    return [obj["metadata"]["name"], age(obj["metadata"]["creationTimestamp"])]


def _pairs(labels: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) or "<none>"


_NAME = ("Name", "string", 0)
_GENERIC: tuple[Sequence[tuple[str, str, int]], Cells] = ((_NAME, _AGE), _any)
_TABLES: dict[str, tuple[Sequence[tuple[str, str, int]], Cells]] = {
    "Pod": (
        (
            _NAME,
            ("Ready", "string", 0),
            ("Status", "string", 0),
            ("Restarts", "string", 0),
            _AGE,
            ("IP", "string", 1),
            ("Node", "string", 1),
            ("Nominated Node", "string", 1),
            ("Readiness Gates", "string", 1),
        ),
        _pod,
    ),
    "Service": (
        (
            _NAME,
            ("Type", "string", 0),
            ("Cluster-IP", "string", 0),
            ("External-IP", "string", 0),
            ("Port(s)", "string", 0),
            _AGE,
            ("Selector", "string", 1),
        ),
        _service,
    ),
    "Deployment": (
        (
            _NAME,
            ("Ready", "string", 0),
            ("Up-to-date", "string", 0),
            ("Available", "string", 0),
            _AGE,
            ("Containers", "string", 1),
            ("Images", "string", 1),
            ("Selector", "string", 1),
        ),
        _deployment,
    ),
    "EndpointSlice": (
        (
            _NAME,
            ("AddressType", "string", 0),
            ("Ports", "string", 0),
            ("Endpoints", "string", 0),
            _AGE,
        ),
        _endpoint_slice,
    ),
    "ReplicaSet": (
        (_NAME, *((name, "integer", 0) for name in ("Desired", "Current", "Ready")), _AGE),
        _replica_set,
    ),
    "Job": (
        (
            *(_NAME, ("Status", "string", 0), ("Completions", "string", 0)),
            *(("Duration", "string", 0), _AGE),
        ),
        _job,
    ),
    "Event": (
        tuple((name, "string", 0) for name in ("Last Seen", "Type", "Reason", "Object", "Message")),
        _event,
    ),
    "Namespace": ((_NAME, ("Status", "string", 0), _AGE), _namespace),
    "Node": (
        (_NAME, ("Status", "string", 0), ("Roles", "string", 0), _AGE, ("Version", "string", 0)),
        _node,
    ),
}
