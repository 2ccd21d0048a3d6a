"""Cluster DNS, modelled by each pod's /etc/hosts: Service names lead to ClusterIPs.

A pod of the `dnsPolicy` None asks the servers of its `dnsConfig` and knows no Service.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from .status import Object

_DOMAIN = "svc.cluster.local"
# Nobody else is asked: an unknown name fails at once, as a DNS server's answer would have it.
NSSWITCH = "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n"


def is_cluster_first(pod: Object) -> bool:
    """Whether the pod asks the cluster's DNS; else it has the node's /etc, which knows no Service.

    On the node's network that takes the `dnsPolicy` ClusterFirstWithHostNet.
    """
    wanted = "ClusterFirstWithHostNet" if pod["spec"].get("hostNetwork") else "ClusterFirst"
    policy: str = pod["spec"]["dnsPolicy"]
    return policy == wanted


def hosts(pod: Object, ip: str, services: Iterable[Object]) -> str:
    """The /etc/hosts of `pod`: a bare Service name is known in its own namespace only."""
    metadata = pod["metadata"]
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


def files(pod: Object, ip: str, services: Iterable[Object]) -> dict[str, str]:
    """What is mounted over the node's files in /etc by which names are resolved."""
    if is_cluster_first(pod):
        return {"hosts": hosts(pod, ip, services), "nsswitch.conf": NSSWITCH}
    if pod["spec"]["dnsPolicy"] != "None":
        return {}
    servers = pod["spec"].get("dnsConfig", {}).get("nameservers", [])
    return {
        "hosts": hosts(pod, ip, ()),
        "nsswitch.conf": NSSWITCH.replace("hosts: files", "hosts: files dns"),
        "resolv.conf": "".join(f"nameserver {server}\n" for server in servers),
    }


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
