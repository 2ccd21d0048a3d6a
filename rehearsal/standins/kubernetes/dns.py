"""Cluster DNS, modelled by each pod's /etc/hosts: Service names lead to ClusterIPs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .status import Object

_DOMAIN = "svc.cluster.local"


def hosts(pod: Object, ip: str, services: Iterable[Object]) -> str:
    """The /etc/hosts of `pod`.

    A pod on the node's network asks the node's resolver, which knows no Service, unless its
    `dnsPolicy` is ClusterFirstWithHostNet; a bare Service name is known in its own namespace only.
    """
    spec, metadata = pod["spec"], pod["metadata"]
    if spec.get("hostNetwork") and spec["dnsPolicy"] != "ClusterFirstWithHostNet":
        return Path("/etc/hosts").read_text()
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost", f"{ip} {metadata['name']}"]
    for service in services:
        address = service["spec"].get("clusterIP", "None")
        if address == "None":
            continue
        name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
        names = [f"{name}.{namespace}.{_DOMAIN}", f"{name}.{namespace}.svc", f"{name}.{namespace}"]
        if namespace == metadata["namespace"]:
            names.append(name)
        lines.append(f"{address} {' '.join(names)}")
    return "\n".join(lines) + "\n"


def write_in_place(file: Path, text: str) -> None:
    """Replace the content and keep the inode: it is what the pod has mounted."""
    data = text.encode()
    if file.exists() and file.read_bytes() == data:
        return
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(descriptor, data, 0)
        os.ftruncate(descriptor, len(data))
    finally:
        os.close(descriptor)
