"""The account that docs/operating.md describes may ask what the suite asks, and nothing more."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from fleetmesh.diagnostics.pods import Workload
from fleetmesh.facts import FACTS
from fleetmesh.gather.cluster_api import Kubernetes
from fleetmesh.gather.pod_exec import ExecInPod
from fleetmesh.inventory import Inventory, load
from rehearsal import cluster
from rehearsal.paths import INVENTORY, PROJECT
from rehearsal.standins.kubernetes import config, paths
from rehearsal.standins.kubernetes.config import PolicyRule
from rehearsal.standins.kubernetes.paths import Attributes
from rehearsal.standins.kubernetes.rbac import User
from selftests.diagnostics.answers import container, heard, known, pod
from selftests.inventory import RUNBOOK

CLUSTERS = {"railiance01": "account-bridges", "coulombcore": "account-services"}
ACCOUNTS = PROJECT / "infra" / "verify"
K3S = PROJECT / "rehearsal" / "rootfs" / "etc" / "systemd" / "system" / "k3s.service"


def may(name: str) -> tuple[PolicyRule, ...]:
    """The rules of the account on a cluster."""
    account = cluster.account(ACCOUNTS / f"{CLUSTERS[name]}.yaml")
    return config.service_account(account).rules


def asked(inventory: Inventory) -> set[tuple[str, Attributes]]:
    """Every right that a question of the suite takes, with its cluster."""
    found = set()
    for name, namespace in {
        (one.cluster, one.namespace)
        for section in (inventory.bridges, inventory.services)
        for one in section.values()
    }:
        crashed = pod("hub-1-a", conditions=[], containerStatuses=[container(ready=False)])
        ill = json.dumps({"kind": "PodList", "items": [crashed]})
        unwell = known(heard("pods", f"{name}/{namespace}", ill, exit_status=200))
        for probe in Workload(name, namespace, "hub").asks(inventory, unwell).values():
            assert isinstance(probe, Kubernetes)
            wants, _ = paths.attributes("GET", urlsplit(probe.path).path, {})
            found.add((name, wants))
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


def refused(name: str, rules: tuple[PolicyRule, ...], file: Path = INVENTORY) -> list[Attributes]:
    """What the suite asks on a cluster and an account with these rules may not."""
    user = User("somebody", (), rules)
    return [w for where, w in asked(load(file)) if where == name and not user.may(w)]


@pytest.mark.parametrize("file", [INVENTORY, RUNBOOK], ids=lambda file: file.stem)
@pytest.mark.parametrize("name", CLUSTERS)
def test_it_may_ask_everything(name: str, file: Path) -> None:
    assert refused(name, may(name), file) == []


def single(rule: PolicyRule) -> list[PolicyRule]:
    """A rule as rules of one verb on one resource each."""
    return [
        replace(rule, verbs=(verb,), resources=(resource,), api_groups=(group,))
        for verb, resource, group in product(rule.verbs, rule.resources, rule.api_groups)
    ]


RIGHTS = [(name, right) for name in CLUSTERS for rule in may(name) for right in single(rule)]


@pytest.mark.parametrize(
    ("name", "right"), RIGHTS, ids=[f"{n}-{r.verbs[0]}-{r.resources[0]}" for n, r in RIGHTS]
)
def test_without_any_one_right_a_question_is_refused(name: str, right: PolicyRule) -> None:
    rest = tuple(r for where, r in RIGHTS if where == name and r != right)
    assert refused(name, rest) != []


@pytest.mark.parametrize("name", CLUSTERS)
def test_the_rehearsal_asks_as_this_account_and_no_other(name: str, tmp_path: Path) -> None:
    inventory = load(INVENTORY)
    file = tmp_path / "cluster.json"
    file.write_text(json.dumps(cluster.configuration(inventory.clusters[name], inventory)))
    own, *others = config.load(file).service_accounts
    documents = list(yaml.safe_load_all((ACCOUNTS / f"{CLUSTERS[name]}.yaml").read_text()))
    (metadata,) = (d["metadata"] for d in documents if d["kind"] == "ServiceAccount")
    assert (own.name, own.namespace) == (metadata["name"], metadata["namespace"])
    assert own.rules == may(name)
    for other in others:  # with which a fault replaces it
        assert set(other.rules) <= set(own.rules)
    written = [line for line in K3S.read_text().splitlines() if "/home/tegwick/" in line]
    assert f" --user {own.name} --out /home/tegwick/.kube/config" in written[0]


def test_a_role_that_is_bound_to_another_gives_nothing(tmp_path: Path) -> None:
    file = tmp_path / "account.yaml"
    text = (ACCOUNTS / "account-bridges.yaml").read_text()
    file.write_text(text.replace("ServiceAccount, name: fleet-verify", "ServiceAccount, name: x"))
    assert cluster.account(file)["rules"] == []


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
    assert not any(User("somebody", (), may(name)).may(wants) for name in CLUSTERS)
