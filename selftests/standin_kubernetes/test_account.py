"""The account that docs/operating.md describes may ask what the suite asks, and nothing more."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fleetmesh.facts import FACTS
from fleetmesh.gather.cluster_api import Kubernetes
from fleetmesh.gather.pod_exec import ExecInPod
from fleetmesh.inventory import Inventory, load
from rehearsal.cluster import account
from rehearsal.paths import INVENTORY, PRODUCTION_INVENTORY
from rehearsal.standins.kubernetes import paths
from rehearsal.standins.kubernetes.config import PolicyRule
from rehearsal.standins.kubernetes.rbac import Attributes, User


def user(inventory: Inventory, cluster: str) -> User:
    rules = tuple(
        PolicyRule(
            verbs=tuple(rule["verbs"]),
            resources=tuple(rule["resources"]),
            api_groups=tuple(rule["apiGroups"]),
            resource_names=tuple(rule.get("resourceNames", ())),
            namespace=rule["namespace"],
        )
        for rule in account(inventory.clusters[cluster], inventory)
    )
    return User("fleet-verify", (), rules)


def asked(inventory: Inventory) -> set[tuple[str, Attributes]]:
    """Every right that a question of the suite takes, with its cluster."""
    found = set()
    for fact in FACTS.values():
        for probe in fact.probes(inventory).values():
            if isinstance(probe, Kubernetes):
                wants, _ = paths.attributes("GET", urlsplit(probe.path).path, {})
                found.add((probe.cluster, wants))
            elif isinstance(probe, ExecInPod):
                where, name = probe.namespace, probe.deployment
                for wants in (
                    Attributes("get", "apps", "deployments", "", where, name),
                    Attributes("list", "", "pods", "", where),
                    Attributes("get", "", "pods", "exec", where, "a-pod"),
                    Attributes("create", "", "pods", "exec", where, "a-pod"),
                ):
                    found.add((probe.cluster, wants))
    return found


@pytest.mark.parametrize("file", [INVENTORY, PRODUCTION_INVENTORY], ids=lambda file: file.stem)
def test_it_may_ask_everything(file: Path) -> None:
    inventory = load(file)
    refused = [
        wants for cluster, wants in asked(inventory) if not user(inventory, cluster).may(wants)
    ]
    assert refused == []


@pytest.mark.parametrize("cluster", ["railiance01", "coulombcore"])
def test_every_rule_of_it_is_needed(cluster: str) -> None:
    inventory = load(INVENTORY)
    wanted = {wants for where, wants in asked(inventory) if where == cluster}
    for rule in user(inventory, cluster).rules:
        for resource in rule.resources:
            name, _, subresource = resource.partition("/")
            assert any(
                (wants.resource, wants.subresource) == (name, subresource) for wants in wanted
            ), resource


@pytest.mark.parametrize(
    "wants",
    [
        Attributes("get", "", "secrets", "", "activity-core", "token"),
        Attributes("list", "", "configmaps", "", "kube-system"),
        Attributes("delete", "", "pods", "", "activity-core", "a-pod"),
        Attributes("list", "", "pods", "", "kube-system"),
        Attributes("patch", "apps", "deployments", "", "activity-core", "actcore-api"),
        Attributes("get", "", "namespaces", "", "default", "default"),
    ],
    ids=lambda wants: f"{wants.verb}-{wants.resource}",
)
def test_it_may_do_nothing_else(wants: Attributes) -> None:
    inventory = load(INVENTORY)
    assert not any(user(inventory, cluster).may(wants) for cluster in inventory.clusters)
