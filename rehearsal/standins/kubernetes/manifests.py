"""Objects from a directory of YAML files, applied at start as k3s does."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import yaml

from . import admission
from .config import ConfigError
from .resources import by_kind
from .status import ApiError
from .store import key_of

if TYPE_CHECKING:
    from ipaddress import IPv4Network
    from pathlib import Path

    from .status import Object
    from .store import Store


def apply(directory: Path, store: Store, service_cidr: IPv4Network) -> None:
    """Apply each file that is new or changed since it was last applied.

    An unchanged file is left alone, so what an operator deleted with kubectl stays deleted over a
    restart. Raises ConfigError naming the file.
    """
    if not directory.is_dir():
        raise ConfigError(f"manifests_dir: {directory} is not a directory")
    for file in sorted(directory.glob("*.yaml")):
        content = file.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if store.applied.get(file.name) == digest:
            continue
        try:
            for document in yaml.safe_load_all(content):
                if document:
                    _apply(document, store, service_cidr)
        except (yaml.YAMLError, ApiError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"{file}: {error}") from error
        store.applied[file.name] = digest


def _apply(document: Any, store: Store, service_cidr: IPv4Network) -> None:
    resource = by_kind(document.pop("apiVersion"), document.pop("kind"))
    if resource is None:
        raise ValueError("an object of a kind that this cluster does not have")
    obj: Object = document
    if resource.namespaced:
        obj["metadata"].setdefault("namespace", "default")
    admission.name(resource, obj)
    admission.complete(resource, obj)
    key = key_of(resource.name, obj)
    current = store.get(key)
    if resource.kind == "Service":
        if current:
            admission.unchanged_cluster_ip(current, obj)
        admission.cluster_ip(obj, store, service_cidr)
    if current is None:
        store.create(resource.name, obj)
    else:
        store.update(key, lambda old: _merge(old, obj))


def _merge(old: Object, new: Object) -> None:
    admission.next_generation(old, new)
    old["metadata"] |= new["metadata"]
    if "spec" in new:
        old["spec"] = new["spec"]
