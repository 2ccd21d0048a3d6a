"""A machine's stand-in cluster, which its k3s.service runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from rehearsal.files import HOME, LIBRARY, TEGWICK
from rehearsal.paths import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

    from fleetmesh.inventory import Cluster, Inventory
    from rehearsal.files import Files

CONFIG = "etc/fleet-standins/cluster.json"  # where k3s.service looks for it
ADMIN_KUBECONFIG = "/etc/rancher/k3s/k3s.yaml"  # root's, where a real k3s puts it
POD_CIDRS = {"railiance01": "198.19.12.0/24", "coulombcore": "198.19.13.0/24"}

_ACCOUNTS = PROJECT / "infra" / "verify"


def rules(file: Path) -> list[dict[str, Any]]:
    """The rules of a manifest's Roles and ClusterRoles, as the stand-in is configured."""
    found = []
    for document in yaml.safe_load_all(file.read_text()):
        if document["kind"] in ("Role", "ClusterRole"):
            namespace = document["metadata"].get("namespace")
            found += [{**rule, "namespace": namespace} for rule in document["rules"]]
    return found


def account(cluster: Cluster, inventory: Inventory) -> list[dict[str, Any]]:
    """What the tunnels' user may do in a cluster: what the suite needs there, and no more."""
    used = {
        "account-bridges.yaml": {bridge.cluster for bridge in inventory.bridges.values()},
        "account-services.yaml": {service.cluster for service in inventory.services.values()},
    }
    files = [name for name, clusters in used.items() if cluster.id in clusters]
    return [rule for name in files for rule in rules(_ACCOUNTS / name)]


def furnish(files: Files, name: str, inventory: Inventory) -> None:
    """Write the configuration of the cluster on a machine, if it has one."""
    for cluster in inventory.clusters.values():
        if cluster.host == name:
            may = account(cluster, inventory)
            looks = [rule for rule in may if "pods/exec" not in rule["resources"]]
            former = [rule for rule in may if "endpointslices" not in rule["resources"]]
            config = {
                "cluster": cluster.id,
                "node": name,
                "node_ip": inventory.hosts[name].addresses[0],
                "service_cidr": cluster.service_cidr,
                "pod_cidr": POD_CIDRS[cluster.id],
                "state_dir": "/var/lib/fleet-standins",
                "manifests_dir": f"/{LIBRARY}/kubernetes/manifests/{cluster.id}",
                "listen": "0.0.0.0:6443",
                "service_accounts": [
                    {"name": "tegwick", "namespace": "kube-system", "rules": may},
                    {"name": "former", "namespace": "kube-system", "rules": former},
                    {"name": "onlooker", "namespace": "kube-system", "rules": looks},
                ],
            }
            files.write(CONFIG, json.dumps(config, indent=2) + "\n")
            files.directory("etc/rancher/k3s")
            files.directory(f"{HOME}/.kube", owner=TEGWICK)
