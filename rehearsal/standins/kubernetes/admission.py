"""What the API server adds to a new object, and what it refuses to store."""

from __future__ import annotations

import re
import secrets
import uuid
from ipaddress import AddressValueError, IPv4Address
from typing import TYPE_CHECKING

from . import selectors, status

if TYPE_CHECKING:
    from ipaddress import IPv4Network

    from .resources import Resource
    from .status import Object
    from .store import Store

_DNS_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"  # what Kubernetes makes random names of: no words
EPHEMERAL = "ephemeralContainers"
_NOT_EPHEMERAL = {"ports", "readinessProbe", "livenessProbe", "startupProbe", "lifecycle"}
_TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def random_suffix() -> str:
    """Five characters, as at the end of a pod's name."""
    return "".join(secrets.choice(_SUFFIX) for _ in range(5))


def name(resource: Resource, obj: Object) -> None:
    """Complete `generateName`; raises ApiError 422 for no name or a malformed one."""
    metadata = obj["metadata"]
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"] + random_suffix()
    given = metadata.get("name", "")
    if not isinstance(given, str) or not _DNS_NAME.fullmatch(given):
        what = f'Invalid value: "{given}": a lowercase RFC 1123 subdomain is needed'
        raise status.invalid(resource.kind, resource.group, given, "metadata.name", what)


def complete(resource: Resource, obj: Object) -> None:
    """Fill in the defaults of a new or changed object; raises ApiError 422 for a malformed one."""
    metadata = obj["metadata"]
    for field in ("annotations", "labels"):
        if not metadata.get(field, True):
            del metadata[field]
    try:
        if resource.kind == "Namespace":
            metadata.setdefault("labels", {})["kubernetes.io/metadata.name"] = metadata["name"]
            obj.setdefault("spec", {"finalizers": ["kubernetes"]})
            obj.setdefault("status", {"phase": "Active"})
        elif resource.kind == "Pod":
            _pod(obj)
        elif resource.kind == "Deployment":
            _deployment(obj)
        elif resource.kind == "EndpointSlice":
            _endpoint_slice(obj)
        elif resource.kind == "Job":
            _job(obj)
        elif resource.kind == "Service":
            _service(obj["spec"])
            obj.setdefault("status", {"loadBalancer": {}})
    except (KeyError, TypeError, AttributeError) as error:
        problem = f"Required value or wrong type: {error}"
        given = metadata["name"]
        raise status.invalid(resource.kind, resource.group, given, "spec", problem) from error


def cluster_ip(service: Object, store: Store, cidr: IPv4Network) -> None:
    """Give a Service its ClusterIP, or check the one it asks for; raises ApiError 422."""
    spec, own = service["spec"], service["metadata"]
    if spec["type"] == "ExternalName":
        return
    taken = {
        other["spec"]["clusterIP"]
        for other in store.all("services")
        if (other["metadata"]["namespace"], other["metadata"]["name"])
        != (own["namespace"], own["name"])
        and "clusterIP" in other["spec"]
    }
    wanted = spec.get("clusterIP", "")
    if not wanted:
        # The top quarter: the rest is left to those who choose, whenever they come.
        top = list(cidr.hosts())[cidr.num_addresses * 3 // 4 :]
        pool = [ip for ip in top if str(ip) not in taken]
        wanted = str(secrets.choice(pool))
    elif wanted != "None" and (problem := _unusable(wanted, taken, cidr)):
        what = f'Invalid value: ["{wanted}"]: failed to allocate IP {wanted}: {problem}'
        raise status.invalid("Service", "", own["name"], "spec.clusterIPs", what)
    spec["clusterIP"] = wanted
    spec["clusterIPs"] = [wanted]


def unchanged_cluster_ip(before: Object, after: Object) -> None:
    """A Service keeps its ClusterIP for life: raises ApiError 422."""
    old, new = (
        before["spec"].get("clusterIP"),
        after["spec"].setdefault("clusterIP", before["spec"].get("clusterIP")),
    )
    if old != new:
        what = f'Invalid value: ["{new}"]: may not change once set'
        own = after["metadata"]["name"]
        raise status.invalid("Service", "", own, "spec.clusterIPs[0]", what)


def unchanged_selector(before: Object, after: Object) -> None:
    """A Deployment keeps its selector for life: raises ApiError 422."""
    if before["spec"]["selector"] != after["spec"]["selector"]:
        what = f"Invalid value: {after['spec']['selector']}: field is immutable"
        own = after["metadata"]["name"]
        raise status.invalid("Deployment", "apps", own, "spec.selector", what)


def unchanged_ephemeral_containers(before: Object, after: Object) -> None:
    """They are changed by their own subresource alone: raises ApiError 422."""
    if before["spec"].get(EPHEMERAL) != after["spec"].get(EPHEMERAL):
        what = "Forbidden: pod updates may not change fields other than those of its containers"
        raise status.invalid("Pod", "", after["metadata"]["name"], "spec", what)


def ephemeral_containers(before: Object, after: Object) -> list[Object]:
    """Those of a changed pod: none goes or changes, and none has what they may not have.

    Raises ApiError 422. Source: "Ephemeral Containers" in the Kubernetes documentation.
    """
    own, spec = before["metadata"]["name"], after["spec"]
    given, known = spec.get(EPHEMERAL) or [], before["spec"].get(EPHEMERAL) or []
    taken = {container["name"] for container in before["spec"]["containers"]}
    if given[: len(known)] != known:
        what = f"Forbidden: existing ephemeral containers {known[0]['name']!r} may not be changed"
        raise status.invalid("Pod", "", own, f"spec.{EPHEMERAL}", what)
    for index, container in enumerate(given[len(known) :], len(known)):
        field = f"spec.{EPHEMERAL}[{index}]"
        for name in _NOT_EPHEMERAL & container.keys():
            what = "Forbidden: cannot be set for an Ephemeral Container"
            raise status.invalid("Pod", "", own, f"{field}.{name}", what)
        if container.get("name") in taken:
            what = f'Duplicate value: "{container["name"]}"'
            raise status.invalid("Pod", "", own, f"{field}.name", what)
        taken.add(container.get("name"))
    return list(given)


def next_generation(before: Object, after: Object) -> None:
    """Count the changes of the spec of an object that has a `generation`."""
    if "generation" in before["metadata"]:
        changed = before.get("spec") != after.get("spec")
        after["metadata"]["generation"] = before["metadata"]["generation"] + changed


def _unusable(wanted: str, taken: set[str], cidr: IPv4Network) -> str:
    try:
        if IPv4Address(wanted) not in cidr:
            return f"the provided IP ({wanted}) is not in the valid range. The range is {cidr}"
    except AddressValueError:
        return "not an IPv4 address"
    return "provided IP is already allocated" if wanted in taken else ""


def _service(spec: Object) -> None:
    for port in spec.get("ports", []):
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port["port"])
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    spec.setdefault("internalTrafficPolicy", "Cluster")


def _endpoint_slice(obj: Object) -> None:
    obj["addressType"]
    obj["metadata"].setdefault("generation", 1)
    for port in obj.setdefault("ports", None) or []:
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")
    for endpoint in obj.setdefault("endpoints", None) or []:
        endpoint["addresses"]
        endpoint.setdefault("conditions", {})


def _deployment(obj: Object) -> None:
    obj["metadata"].setdefault("generation", 1)
    spec = obj["spec"]
    selector = selectors.text(spec["selector"])
    labels = spec["template"].get("metadata", {}).get("labels", {})
    if not selector or not selectors.labels(selector)(labels):
        what = f"Invalid value: {labels}: `selector` does not match template `labels`"
        own = obj["metadata"]["name"]
        raise status.invalid("Deployment", "apps", own, "spec.template.metadata.labels", what)
    own = spec["template"]["metadata"]
    spec["template"]["metadata"] = {key: value for key, value in own.items() if value}
    _pod_spec(spec["template"]["spec"])
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {"type": "RollingUpdate"})
    if strategy["type"] == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {"maxUnavailable": "25%", "maxSurge": "25%"})
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def _job(obj: Object) -> None:
    spec, metadata = obj["spec"], obj["metadata"]
    metadata.setdefault("generation", 1)
    template = spec["template"]
    if template["spec"].get("restartPolicy") not in ("Never", "OnFailure"):
        what = 'Required value: valid values: "OnFailure", "Never"'
        field = "spec.template.spec.restartPolicy"
        raise status.invalid("Job", "batch", metadata["name"], field, what)
    _pod_spec(template["spec"])
    for name, value in (("parallelism", 1), ("completions", 1), ("backoffLimit", 6)):
        spec.setdefault(name, value)
    spec.setdefault("suspend", False)
    own = metadata.setdefault("uid", str(uuid.uuid4()))
    template["metadata"] = {**(template.get("metadata") or {})}
    template["metadata"]["labels"] = {
        **template["metadata"].get("labels", {}),
        **{"controller-uid": own, "batch.kubernetes.io/controller-uid": own},
        **{"job-name": metadata["name"], "batch.kubernetes.io/job-name": metadata["name"]},
    }
    spec.setdefault("selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": own}})


def _pod(obj: Object) -> None:
    obj["metadata"].setdefault("generation", 1)
    spec = obj["spec"]
    _pod_spec(spec)
    for container in spec["containers"] if spec.get("hostNetwork") else []:
        for port in container.get("ports", []):
            port.setdefault("hostPort", port["containerPort"])
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("serviceAccount", spec["serviceAccountName"])
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    spec.setdefault(
        "tolerations",
        [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            for key in _TOLERATED
        ],
    )
    obj.setdefault("status", {"phase": "Pending", "qosClass": "BestEffort"})


def _pod_spec(spec: Object) -> None:
    everyone = (*spec.get("initContainers", []), *spec["containers"], *spec.get(EPHEMERAL, []))
    for container in everyone:
        _container(container)
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")


def _container(container: Object) -> None:
    container["name"]
    tag = container["image"].rpartition("/")[2].partition(":")[2]
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault(
        "imagePullPolicy", "IfNotPresent" if tag not in ("", "latest") else "Always"
    )
    for port in container.get("ports", []):
        port.setdefault("protocol", "TCP")
    for variable in container.get("env", []):
        if "fieldRef" in variable.get("valueFrom", {}):
            variable["valueFrom"]["fieldRef"].setdefault("apiVersion", "v1")
    if probe := container.get("readinessProbe"):
        if "httpGet" in probe:
            probe["httpGet"].setdefault("path", "/")
            probe["httpGet"].setdefault("scheme", "HTTP")
        probe.setdefault("timeoutSeconds", 1)
        probe.setdefault("periodSeconds", 10)
        probe.setdefault("successThreshold", 1)
        probe.setdefault("failureThreshold", 3)
