"""What is made of the clusters' objects: selectors, ownership, addresses, mentions."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from fleetmesh.facts.cluster_services import Endpoint, strays
from fleetmesh.facts.clusters import Deployment, parse_deployments
from fleetmesh.facts.labels import of_object, of_pairs
from fleetmesh.facts.pods import Pod, parse_pods
from fleetmesh.facts.programs import elsewhere, expand
from fleetmesh.facts.workloads import Workload
from fleetmesh.gather.transcript import Transcript

LABELS = {"app": "hub", "part": "core"}
EXPECTED = "127.0.0.1:18000"


def answer(kind: str, *items: Any) -> Transcript:
    return Transcript(
        fact="pods", subject="railiance01", host="railiance01", command="kubectl",
        started=datetime(2026, 11, 24, tzinfo=UTC), seconds=0.1, exit_status=200,
        stdout=json.dumps({"kind": kind, "items": list(items)}).encode(),
    )  # fmt: skip


def pod(*containers: dict[str, Any], owner: str = "hub-5d4", **labels: str) -> Pod:
    """A pod on the node's network that declares port 8000, and runs `containers`."""
    held = [{"name": f"c{index}", **each} for index, each in enumerate(containers)]
    held.append({"name": "declares", "ports": [{"containerPort": 8000}]})
    owners = [{"kind": "ReplicaSet", "name": owner, "controller": True}]
    metadata = {"name": "hub-1", "labels": labels, "ownerReferences": owners}
    address = [{"ip": "198.18.77.11"}]
    status = {"podIP": "198.18.77.11", "hostIP": "198.18.77.11", "podIPs": address}
    item = {"metadata": metadata, "spec": {"containers": held}, "status": status}
    return parse_pods(answer("PodList", item))[0]


def deployment(selector: dict[str, Any]) -> Deployment:
    item = {"metadata": {"name": "hub"}, "spec": {"selector": selector}}
    return parse_deployments(answer("DeploymentList", item))["hub"]


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ({"matchLabels": {"app": "hub"}}, True),
        ({"matchLabels": {"app": "hub", "part": "core"}}, True),
        ({"matchLabels": {"app": "api"}}, False),
        ({"matchLabels": {"app": "hub", "track": "new"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "hub"]}]}, True),
        ({"matchExpressions": [{"key": "track", "operator": "In", "values": ["new"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["hub"]}]}, False),
        ({"matchExpressions": [{"key": "track", "operator": "NotIn", "values": ["new"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "track", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "track", "operator": "DoesNotExist"}]}, True),
        (
            {
                "matchLabels": {"app": "hub"},
                "matchExpressions": [{"key": "part", "operator": "NotIn", "values": ["core"]}],
            },
            False,
        ),
        ({}, True),
    ],
)
def test_a_selector_matches_by_the_rules_of_the_api(
    selector: dict[str, Any], matches: bool
) -> None:
    assert of_object(selector).matches(LABELS) is matches


def test_a_services_selector_needs_all_of_its_labels() -> None:
    assert of_pairs({"app": "hub"}).matches(LABELS)
    assert not of_pairs({"app": "hub", "track": "new"}).matches(LABELS)


@pytest.mark.parametrize(
    ("owner", "labels", "owned"),
    [
        ("hub-5d4", {"app": "hub", "pod-template-hash": "5d4"}, True),
        ("hub-5d4", {"app": "api", "pod-template-hash": "5d4"}, False),
        ("hub-5d4", {"app": "hub"}, False),
        ("hub-v2-5d4", {"app": "hub", "pod-template-hash": "5d4"}, False),
        ("api-5d4", {"app": "hub", "pod-template-hash": "5d4"}, False),
    ],
)
def test_a_deployment_owns_the_pods_of_its_replica_sets_whatever_others_are_labelled(
    owner: str, labels: dict[str, str], owned: bool
) -> None:
    assert deployment({"matchLabels": {"app": "hub"}}).owns(pod(owner=owner, **labels)) is owned


@pytest.mark.parametrize(
    ("replicas", "changes", "why"),
    [
        (1, [{}], None),
        (2, [{}, {}], None),
        (1, [{}, {"deleting": True}, {"phase": "Failed"}, {"labels": {"app": "api"}}], None),
        (0, [], "hub is scaled to 0 replicas"),
        (0, [{}], "hub is scaled to 0 replicas"),
        (1, [], "hub wants 1 pods and has 0"),
        (2, [{}], "hub wants 2 pods and has 1"),
        (1, [{}, {}], "hub wants 1 pods and has 2"),
        (1, [{"deleting": True}], "hub wants 1 pods and has 0"),
        (1, [{"phase": "Succeeded"}], "hub wants 1 pods and has 0"),
        (1, [{"labels": {"app": "api"}}], "hub wants 1 pods and has 0"),
        (2, [{}, {"ready": 1}], "hub-1 is 1/2 ready"),
        (1, [{"ready": 0, "waiting": "CrashLoopBackOff"}], "hub-1 is 0/2 ready, CrashLoopBackOff"),
        (1, [{"unready": "a gate"}], "hub-1 is 2/2 ready, a gate"),
        (1, [{"ready": 0, "containers": 0}], "hub-1 is 0/0 ready"),
    ],
)
def test_a_deployment_is_ready_with_all_pods_that_it_wants_and_no_others(
    replicas: int, changes: list[dict[str, Any]], why: str | None
) -> None:
    labels = {"app": "hub", "pod-template-hash": "5d4"}
    made = replace(deployment({"matchLabels": {"app": "hub"}}), replicas=replicas)
    sound = replace(pod({}, **labels), phase="Running", ready=2, containers=2, unready=None)
    assert made.unready([replace(sound, **change) for change in changes]) == why


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("TCP:$(UPSTREAM)", "TCP:workstation:28000"),
        ("$(A)$(UPSTREAM)$(A)", "$(A)workstation:28000$(A)"),
        ("$$(UPSTREAM)", "$(UPSTREAM)"),
        ("$$$(UPSTREAM)", "$workstation:28000"),
        ("${UPSTREAM} $UPSTREAM $", "${UPSTREAM} $UPSTREAM $"),
        ("$(UPSTREAM", "$(UPSTREAM"),
    ],
)
def test_references_are_expanded_as_the_kubelet_does(text: str, expanded: str) -> None:
    assert expand(text, {"UPSTREAM": "workstation:28000"}) == expanded


def env(**variables: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in variables.items()]


HERE: list[dict[str, Any]] = [
    {"command": ["socat", "TCP-LISTEN:8000,fork,reuseaddr", "TCP:127.0.0.1:18000"]},
    {"command": ["socat", "TCP-LISTEN:8000,fork,bind=198.18.77.11", "TCP:localhost:18000"]},
    {"command": ["proxy", "--listen=0.0.0.0:8000", "--upstream=127.0.0.1:18000"]},
    {"command": ["proxy", "--listen", "0.0.0.0:8001", "--upstream", "http://127.0.0.1:18000/"]},
    {"command": ["proxy", "--bind=:8000", "--to=tcp://127.0.0.1:18000"]},
    {"command": ["proxy", "--admin=127.0.0.1:9901", "--upstream=127.0.0.1:18000"]},
    {"command": ["proxy", "[::]:8000", "127.0.0.1:18000"]},
    {"command": ["python3", "/app/proxy.py", "8000", "127.0.0.1", "18000", "198.18.77.11"]},
    {"command": ["proxy", "--upstream-host=127.0.0.1", "--upstream-port", "18000"]},
    {"command": ["sh", "-c", "exec socat TCP-LISTEN:8000,fork TCP:127.0.0.1:18000"]},
    {"command": ["proxy", "$(TO)"], "env": env(TO="$(H):18000", H="127.0.0.1")[::-1]},
    {"command": ["proxy", "$(TO)"], "env": env(TO=EXPECTED, OTHER="workstation:28000")},
    {"command": ["proxy"], "env": env(UPSTREAM_HOST="127.0.0.1", UPSTREAM_PORT="18000")},
    {"command": ["proxy"], "env": env(TO=EXPECTED, TRACES="http://otel:4317")},
    {"command": ["proxy", "--level=info:3", "--user=nobody:1000", "--at=12:30"]},
    {"command": ["socat", "tcp4-listen:8000,fork", "tcp4:127.0.0.1:18000"]},
    {"command": ["socat", "tcp-l:8000,fork", "tcp:127.0.0.1:18000"]},
    {"command": ["ssh", "-NL", "0.0.0.0:8000:127.0.0.1:18000", "node"]},
    {"command": ["proxy", f"--to={EXPECTED}", "--otlp-endpoint=http://collector:4317"]},
    {"command": ["proxy", EXPECTED, "--syslog", "logs.example:514", "--trace_target=a.b:80"]},
    {"command": ["proxy", EXPECTED, "--discoveryAddress", "istiod.istio-system.svc:15012"]},
    {"command": ["sleep", "3600"]},
    {"envFrom": [{"configMapRef": {"name": "proxy"}}]},
]
ELSEWHERE: list[tuple[dict[str, Any], str]] = [
    ({"command": ["socat", "TCP-LISTEN:8000,fork", "TCP:127.0.0.1:28000"]}, "127.0.0.1:28000"),
    ({"command": ["socat", "TCP-LISTEN:8000", "TCP4:workstation:8000"]}, "workstation:8000"),
    ({"command": ["socat", "TCP-LISTEN:8000", "TCP:hub.example:80"]}, "hub.example:80"),
    ({"command": ["sh", "-c", "socat TCP-LISTEN:8000 TCP:workstation:28000"]}, "workstation:28000"),
    ({"command": ["proxy", "--to=http://workstation/"]}, "workstation:80"),
    ({"command": ["proxy", "--to=[fd00::9]:8000"]}, "[fd00::9]:8000"),
    ({"command": ["proxy", "--to", "user@hub:28000"]}, "hub:28000"),
    ({"command": ["proxy", "127.0.0.1", "28000"]}, "127.0.0.1:28000"),
    ({"command": ["proxy", "0.0.0.0:28000"]}, "0.0.0.0:28000"),
    ({"command": ["proxy", "--to-host=hub", "--to-port=18000"]}, "hub:18000"),
    (
        {"command": ["proxy", "$(TO)"], "env": env(TO="workstation:28000", FALLBACK=EXPECTED)},
        "workstation:28000",
    ),
    ({"command": ["proxy"], "env": env(TO="workstation:28000")}, "workstation:28000"),
    ({"env": env(TO_HOST="198.18.77.13", TO_PORT="18000")}, "198.18.77.13:18000"),
    ({"command": ["proxy", EXPECTED, "workstation:28000"]}, "workstation:28000"),
    ({"command": ["proxy", EXPECTED, "--backup=catalog:28000"]}, "catalog:28000"),
    ({"command": ["proxy", EXPECTED, "--login=hub:28000"]}, "hub:28000"),
    ({"command": ["proxy", "--otlp-endpoint=hub:28000"]}, "hub:28000"),
]


@pytest.mark.parametrize("container", HERE, ids=str)
def test_a_proxy_that_names_its_tunnel_or_nothing_is_not_said_to_lead_elsewhere(
    container: dict[str, Any],
) -> None:
    assert elsewhere(pod(container).named, EXPECTED) == []


@pytest.mark.parametrize(("container", "where"), ELSEWHERE, ids=str)
def test_a_proxy_that_names_another_address_leads_elsewhere(
    container: dict[str, Any], where: str
) -> None:
    assert [each.address for each in elsewhere(pod(container).named, EXPECTED)] == [where]


def test_where_something_is_not_read_a_variable_of_another_address_proves_nothing() -> None:
    found = pod({"env": env(TRACES="http://otel:4317")}).named
    assert elsewhere(found, EXPECTED, unread=True) == []
    assert len(elsewhere(found, EXPECTED)) == 1
    found = pod({"command": ["proxy", "hub:28000"]}).named
    assert len(elsewhere(found, EXPECTED, unread=True)) == 1


def test_a_second_container_that_leads_elsewhere_is_not_hidden_by_the_first() -> None:
    led = elsewhere(pod(HERE[0], ELSEWHERE[0][0]).named, EXPECTED)
    assert [each.where for each in led] == ["argument 'TCP:127.0.0.1:28000' of c1"]


def test_what_comes_from_elsewhere_is_named_and_the_pods_own_fields_are_known() -> None:
    key = {"name": "proxy", "key": "to"}
    variables = [
        {"name": "HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
        {"name": "LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a']"}}},
        {"name": "TO", "valueFrom": {"configMapKeyRef": key}},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": key}},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
    ]
    found = pod({"command": ["proxy", "$(HOST_IP):8000", "$(TO)"], "env": variables})
    assert [(each.address, each.listens) for each in found.named] == [("198.18.77.11:8000", True)]
    assert found.unread == ("ConfigMap proxy", "Secret proxy", "resourceFieldRef")


@pytest.mark.parametrize(
    ("address", "named", "stray"),
    [
        ("198.18.77.11", "hub-1", False),
        ("198.18.77.13", "hub-1", True),
        ("198.18.77.11", "hub-2", True),
        ("198.18.77.11", None, True),
    ],
)
def test_an_endpoint_strays_that_is_not_its_pods_address(
    address: str, named: str | None, stray: bool
) -> None:
    end = Endpoint("hub-x", "", address, 8000, "http", "TCP", named, "ready")
    assert strays([end], [pod()]) == ([end] if stray else [])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("http://workstation:28000", True),
        ("http://Workstation.lan/hub", True),
        ("tegwick@workstation", True),
        ("http://198.18.77.13:8000", True),
        ("198.18.77.13", True),
        ("198.18.77.130", False),
        ("198.18.77.13.4", False),
        ("1198.18.77.13", False),
        ("the-workstation:28000", False),
        ("workstation-2:28000", False),
        ("http://hub.workstation:8000", False),
        ("workstations", False),
    ],
)
def test_the_workstation_is_mentioned_as_a_whole_word(text: str, named: bool) -> None:
    found = Workload("Deployment/api", (("spec.env", text),), ())
    words = ("workstation", "198.18.77.13")
    assert found.mentions(words) == ([("spec.env", text)] if named else [])
