"""A machine's stand-in cluster, which its k3s.service runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from rehearsal import api_fields
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


def account(file: Path) -> dict[str, Any]:
    """A manifest's ServiceAccount with the rules bound to it, as the stand-in is configured."""
    documents = list(yaml.safe_load_all(file.read_text()))
    (own,) = (d["metadata"] for d in documents if d["kind"] == "ServiceAccount")
    subject = {"kind": "ServiceAccount", "name": own["name"], "namespace": own["namespace"]}
    roles = {(d["kind"], d["metadata"]["name"]): d for d in documents}
    rules = [
        {**rule, "namespace": binding["metadata"].get("namespace")}
        for binding in documents
        if binding["kind"] in ("RoleBinding", "ClusterRoleBinding")
        and subject in binding["subjects"]
        for rule in roles[binding["roleRef"]["kind"], binding["roleRef"]["name"]]["rules"]
    ]
    return {"name": own["name"], "namespace": own["namespace"], "rules": rules}


def manifest(cluster: Cluster, inventory: Inventory) -> Path:
    """The manifest of the account that the suite has in a cluster."""
    bridges = {bridge.cluster for bridge in inventory.bridges.values()}
    return _ACCOUNTS / f"account-{'bridges' if cluster.id in bridges else 'services'}.yaml"


def configuration(cluster: Cluster, inventory: Inventory) -> dict[str, Any]:
    """What a stand-in is told; the first of its accounts is the suite's, and faults use others."""
    own = account(manifest(cluster, inventory))
    return {
        "cluster": cluster.id,
        "node": cluster.host,
        "node_ip": inventory.hosts[cluster.host].addresses[0],
        "service_cidr": cluster.service_cidr,
        "pod_cidr": POD_CIDRS[cluster.id],
        "state_dir": "/var/lib/fleet-standins",
        "manifests_dir": f"/{LIBRARY}/kubernetes/manifests/{cluster.id}",
        "listen": "0.0.0.0:6443",
        "fields": api_fields.known(),
        "service_accounts": [
            own,
            _without(own, "former", "endpointslices"),
            _without(own, "onlooker", "pods/exec"),
        ],
    }


def furnish(files: Files, name: str, inventory: Inventory) -> None:
    """Write the configuration of the cluster on a machine, if it has one."""
    for cluster in inventory.clusters.values():
        if cluster.host == name:
            config = configuration(cluster, inventory)
            files.write(CONFIG, json.dumps(config) + "\n")
            files.directory("etc/rancher/k3s")
            files.directory(f"{HOME}/.kube", owner=TEGWICK)


def _without(account: dict[str, Any], name: str, resource: str) -> dict[str, Any]:
    """Another account, which may do the same but for what concerns one resource."""
    rules = [rule for rule in account["rules"] if resource not in rule["resources"]]
    return {**account, "name": name, "rules": rules}
