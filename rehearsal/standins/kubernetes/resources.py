"""The resources this API server has, and its discovery documents."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .status import Object

_VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Resource:
    """One resource type and what discovery says of it."""

    name: str
    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: dict[str, Object] = field(default_factory=dict)
    verbs: tuple[str, ...] = _VERBS

    @property
    def api_version(self) -> str:
        """`v1`, or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def describe(self) -> list[Object]:
        """Its entries in an APIResourceList."""
        entry: Object = {
            "name": self.name,
            "singularName": self.kind.lower(),
            "namespaced": self.namespaced,
            "kind": self.kind,
            "verbs": list(self.verbs),
        }
        if self.short_names:
            entry["shortNames"] = list(self.short_names)
        if self.categories:
            entry["categories"] = list(self.categories)
        subordinate = [
            {
                "name": f"{self.name}/{name}",
                "singularName": "",
                "namespaced": self.namespaced,
                **more,
            }
            for name, more in sorted(self.subresources.items())
        ]
        return [entry, *subordinate]


def _status_of(kind: str) -> Object:
    return {"kind": kind, "verbs": ["get", "patch", "update"]}


_RBAC = "rbac.authorization.k8s.io"
RESOURCES = (
    Resource("endpoints", "Endpoints", short_names=("ep",)),
    Resource("namespaces", "Namespace", namespaced=False, short_names=("ns",)),
    Resource(
        "nodes",
        "Node",
        namespaced=False,
        short_names=("no",),
        subresources={"status": _status_of("Node")},
    ),
    Resource(
        "pods",
        "Pod",
        short_names=("po",),
        categories=("all",),
        subresources={
            "eviction": {
                **{"group": "policy", "version": "v1"},
                **{"kind": "Eviction", "verbs": ["create"]},
            },
            "ephemeralcontainers": {"kind": "Pod", "verbs": ["get", "patch", "update"]},
            "exec": {"kind": "PodExecOptions", "verbs": ["create", "get"]},
            "log": {"kind": "Pod", "verbs": ["get"]},
            "status": _status_of("Pod"),
        },
    ),
    Resource("services", "Service", short_names=("svc",), categories=("all",)),
    Resource(
        "deployments",
        "Deployment",
        "apps",
        short_names=("deploy",),
        categories=("all",),
        subresources={
            "scale": {
                "group": "autoscaling",
                "version": "v1",
                "kind": "Scale",
                "verbs": ["get", "patch", "update"],
            },
            "status": _status_of("Deployment"),
        },
    ),
    Resource(
        "replicasets",
        "ReplicaSet",
        "apps",
        short_names=("rs",),
        categories=("all",),
        subresources={"status": _status_of("ReplicaSet")},
    ),
    Resource(
        "jobs",
        "Job",
        "batch",
        categories=("all",),
        subresources={"status": _status_of("Job")},
    ),
    # Of these there are objects, and no controllers.
    Resource("statefulsets", "StatefulSet", "apps", short_names=("sts",), categories=("all",)),
    Resource("daemonsets", "DaemonSet", "apps", short_names=("ds",), categories=("all",)),
    Resource("cronjobs", "CronJob", "batch", short_names=("cj",), categories=("all",)),
    Resource("configmaps", "ConfigMap", short_names=("cm",)),
    Resource("events", "Event", short_names=("ev",)),
    Resource(
        "serviceaccounts",
        "ServiceAccount",
        short_names=("sa",),
        subresources={
            "token": {
                **{"group": "authentication.k8s.io", "version": "v1"},
                **{"kind": "TokenRequest", "verbs": ["create"]},
            }
        },
    ),
    Resource("roles", "Role", _RBAC),
    Resource("rolebindings", "RoleBinding", _RBAC),
    Resource("clusterroles", "ClusterRole", _RBAC, namespaced=False),
    Resource("clusterrolebindings", "ClusterRoleBinding", _RBAC, namespaced=False),
    Resource(
        "selfsubjectaccessreviews",
        "SelfSubjectAccessReview",
        "authorization.k8s.io",
        namespaced=False,
        verbs=("create",),
    ),
    Resource(
        "selfsubjectrulesreviews",
        "SelfSubjectRulesReview",
        "authorization.k8s.io",
        namespaced=False,
        verbs=("create",),
    ),
    Resource("endpointslices", "EndpointSlice", "discovery.k8s.io"),
    Resource("leases", "Lease", "coordination.k8s.io"),
)

_NAMED = {r.name: r for r in RESOURCES}
_BY_NAME = {(r.group, r.version, r.name): r for r in RESOURCES}
GROUPS = {r.group: r.version for r in RESOURCES}


def find(group: str, version: str, name: str) -> Resource | None:
    """The resource at a path, or None."""
    return _BY_NAME.get((group, version, name))


def by_name(name: str) -> Resource:
    """The resource `pods`."""
    return _NAMED[name]


def by_kind(api_version: str, kind: str) -> Resource | None:
    """The resource of a manifest, or None."""
    for resource in RESOURCES:
        if (resource.api_version, resource.kind) == (api_version, kind):
            return resource
    return None


def discovery(path: str) -> Object | None:
    """The document at /api, /apis, /api/v1, /apis/GROUP or /apis/GROUP/VERSION; None elsewhere."""
    parts = path.strip("/").split("/")
    if parts == ["api"]:
        return {"kind": "APIVersions", "versions": ["v1"]}
    if parts == ["apis"]:
        groups = [_group(name) for name in GROUPS if name]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    if parts == ["api", "v1"]:
        return _resource_list("", "v1")
    group, version = (*parts[1:], "", "")[:2]
    if parts[0] != "apis" or group not in GROUPS or len(parts) > 3:
        return None
    if not version:
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(group)}
    return _resource_list(group, version) if GROUPS[group] == version else None


def _group(name: str) -> Object:
    version = {"groupVersion": f"{name}/{GROUPS[name]}", "version": GROUPS[name]}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resource_list(group: str, version: str) -> Object:
    document: Object = {"kind": "APIResourceList"}
    if group:
        document["apiVersion"] = "v1"
    document["groupVersion"] = f"{group}/{version}" if group else version
    document["resources"] = [
        entry
        for r in RESOURCES
        if (r.group, r.version) == (group, version)
        for entry in r.describe()
    ]
    return document
