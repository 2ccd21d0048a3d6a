"""What one stand-in cluster is: names, addresses, directories and users, read from a JSON file.

    {"cluster": "railiance01", "node": "railiance01", "node_ip": "198.18.77.11",
     "service_cidr": "198.19.42.0/24", "pod_cidr": "198.19.12.0/24",
     "state_dir": "/var/lib/standin-k3s", "manifests_dir": "/etc/standin-k3s/manifests",
     "listen": "0.0.0.0:6443",
     "service_accounts": [{"name": "verifier", "namespace": "activity-core", "rules": [
       {"verbs": ["get", "list"], "resources": ["pods", "services", "endpointslices"]},
       {"verbs": ["get"], "resources": ["namespaces"], "resourceNames": ["kube-system"]},
       {"verbs": ["get", "create"], "resources": ["pods/exec"], "namespace": "activity-core"}]}]}

A rule is RBAC's (`apiGroups` may be left out: any), with the `namespace` of its RoleBinding, or
without one for a ClusterRoleBinding. The user `admin`, with a client certificate, always exists.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

from pathlib import Path


class ConfigError(Exception):
    """The configuration cannot be used; the message names the file, the key and the fix."""


@dataclass(frozen=True)
class PolicyRule:
    """One RBAC rule: these verbs on these resources, in `namespace` or (None) cluster-wide."""

    verbs: tuple[str, ...]
    resources: tuple[str, ...]
    api_groups: tuple[str, ...] = ("*",)
    resource_names: tuple[str, ...] = ()
    namespace: str | None = None


@dataclass(frozen=True)
class ServiceAccount:
    """A user that logs in with a bearer token and may do what its rules say, nothing else."""

    name: str
    namespace: str
    rules: tuple[PolicyRule, ...]

    @property
    def username(self) -> str:
        """The name the API server uses for it in messages."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"


@dataclass(frozen=True)
class ClusterConfig:
    """The configuration of one cluster."""

    name: str
    node: str
    node_ip: IPv4Address
    service_cidr: IPv4Network
    pod_cidr: IPv4Network
    state_dir: Path
    manifests_dir: Path | None
    listen_host: str
    listen_port: int
    service_accounts: tuple[ServiceAccount, ...]
    fields: dict[str, dict[str, str]]
    """The API's models, by name: each field's own model, or nothing. Bodies are checked by them."""

    @property
    def kubelet_is_down(self) -> bool:
        """Whether a file `kubelet-down` in the state directory says that the node is lost."""
        return (self.state_dir / "kubelet-down").exists()

    @property
    def gateway(self) -> IPv4Address:
        """The node's own address on the pods' bridge: the first of the pod CIDR."""
        return self.pod_cidr[1]

    @property
    def api_service_ip(self) -> IPv4Address:
        """The ClusterIP of `kubernetes.default`: the first of the service CIDR."""
        return self.service_cidr[1]

    def service_account(self, name: str) -> ServiceAccount:
        """The ServiceAccount called `name`; raises ConfigError with the known names."""
        for account in self.service_accounts:
            if account.name == name:
                return account
        known = ", ".join(["admin", *(a.name for a in self.service_accounts)])
        raise ConfigError(f"no user {name!r} in cluster {self.name}: known users are {known}")


def load(path: Path) -> ClusterConfig:
    """Read `path`; raises ConfigError."""
    try:
        document = json.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: a JSON object is needed")

    def read(key: str, convert: Callable[[Any], Any]) -> Any:
        if key not in document:
            raise ConfigError(f"{path}: {key} is missing")
        try:
            return convert(document[key])
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"{path}: {key}: {document[key]!r}: {error}") from error

    host, port = read("listen", _listen)
    manifests = document.get("manifests_dir")
    return ClusterConfig(
        name=read("cluster", str),
        node=read("node", str),
        node_ip=read("node_ip", IPv4Address),
        service_cidr=read("service_cidr", IPv4Network),
        pod_cidr=read("pod_cidr", IPv4Network),
        state_dir=read("state_dir", Path),
        manifests_dir=Path(manifests) if manifests else None,
        listen_host=host,
        listen_port=port,
        service_accounts=tuple(service_account(a) for a in read("service_accounts", list)),
        fields=document.get("fields", {}),
    )


def _listen(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError("an address and a port are needed, as in 0.0.0.0:6443")
    return host, int(port)


def service_account(item: dict[str, Any]) -> ServiceAccount:
    """An account as the file has it; raises ConfigError."""
    try:
        return ServiceAccount(
            name=item["name"],
            namespace=item["namespace"],
            rules=tuple(rule(each) for each in item["rules"]),
        )
    except (KeyError, TypeError) as error:
        raise ConfigError(f"service_accounts: {item!r}: {error} is missing or malformed") from error


def rule(item: dict[str, Any]) -> PolicyRule:
    """A rule as RBAC writes it, with the namespace of its binding."""
    return PolicyRule(
        verbs=tuple(item["verbs"]),
        resources=tuple(item["resources"]),
        api_groups=tuple(item.get("apiGroups", ["*"])),
        resource_names=tuple(item.get("resourceNames", [])),
        namespace=item.get("namespace"),
    )
