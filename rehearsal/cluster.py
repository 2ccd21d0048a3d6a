"""A machine's stand-in cluster, which its k3s.service runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rehearsal.files import HOME, LIBRARY, TEGWICK

if TYPE_CHECKING:
    from fleetmesh.inventory import Inventory
    from rehearsal.files import Files

CONFIG = "etc/fleet-standins/cluster.json"  # where k3s.service looks for it
ADMIN_KUBECONFIG = "/etc/rancher/k3s/k3s.yaml"  # root's, where a real k3s puts it
POD_CIDRS = {"railiance01": "198.19.12.0/24", "coulombcore": "198.19.13.0/24"}

# What the runbook's user does with kubectl: look, and ask from inside the application's pods.
READ = ("get", "list", "watch")
LOOK_RULES = [
    {"verbs": READ, "resources": ["pods", "pods/log", "services", "endpoints", "nodes"]},
    {"verbs": READ, "resources": ["namespaces", "deployments", "replicasets"]},
]
USER_RULES = [
    *LOOK_RULES,
    {"verbs": ["get", "create"], "resources": ["pods/exec"], "namespace": "activity-core"},
]


def furnish(files: Files, name: str, inventory: Inventory) -> None:
    """Write the configuration of the cluster on a machine, if it has one."""
    for cluster in inventory.clusters.values():
        if cluster.host == name:
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
                    {"name": "tegwick", "namespace": "kube-system", "rules": USER_RULES},
                    {"name": "onlooker", "namespace": "kube-system", "rules": LOOK_RULES},
                ],
            }
            files.write(CONFIG, json.dumps(config, indent=2) + "\n")
            files.directory("etc/rancher/k3s")
            files.directory(f"{HOME}/.kube", owner=TEGWICK)
