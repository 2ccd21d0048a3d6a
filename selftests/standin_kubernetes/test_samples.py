"""The stand-in against answers recorded from a real API server, request by request.

Every sample is asked again of the stand-in, or listed below with the reason why it cannot be.
"""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .cluster import CHECKOUT
from .shape import conditions, container_states, fields

if TYPE_CHECKING:
    from .cluster import Answer, Cluster

SAMPLES = CHECKOUT / "selftests" / "kubernetes_samples"
EXCHANGES = {p.stem: json.loads(p.read_text()) for p in sorted(SAMPLES.glob("*.json"))}
HTTP = [name for name, sample in EXCHANGES.items() if "method" in sample.get("request", {})]
REFUSED = [name for name in HTTP if EXCHANGES[name]["status"] >= 400]
pytestmark = pytest.mark.root

RECORDED_POD = "actcore-api-7c4dd655cb-4qnl4"
RECORDED_USER = "system:serviceaccount:activity-core:drill"
# Headers of the answer that a client may act on; the others are dates, lengths and flow control.
HEADERS = ("Audit-Id", "Cache-Control", "Content-Type", "X-Content-Type-Options")
OBJECTS = {"Pod": "activity-core", "Deployment": "activity-core", "Service": "activity-core"}


def sample(name: str) -> Any:
    return copy.deepcopy(EXCHANGES[name])


def ours(cluster: Cluster, text: str) -> str:
    """A recorded text with the names of the stand-in's objects in place of the recorded ones."""
    pod = cluster.pod("activity-core", "actcore-api")["metadata"]["name"]
    return text.replace(RECORDED_POD, pod)


def ask(cluster: Cluster, recorded: Any) -> Answer:
    request = recorded["request"]
    path = ours(cluster, request["path"])
    body: Any = {} if request["method"] == "POST" else None
    return cluster.ask(request["method"], path, request["as"], request["headers"], body)


@pytest.mark.parametrize("name", HTTP)
def test_status_and_headers(cluster: Cluster, name: str) -> None:
    recorded = sample(name)
    answer = ask(cluster, recorded)
    assert answer.status == recorded["status"]
    theirs = {key.lower(): value for key, value in recorded["headers"]}
    for header in map(str.lower, HEADERS):
        assert (header in answer.headers) == (header in theirs), header
        if header != "audit-id":
            assert answer.headers.get(header) == theirs.get(header), header


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_word_for_word(cluster: Cluster, name: str) -> None:
    recorded = sample(name)
    body = ask(cluster, recorded).body
    user = recorded["request"]["as"]
    expected = ours(cluster, json.dumps(recorded["body"]))
    expected = json.loads(
        expected.replace(RECORDED_USER, f"system:serviceaccount:activity-core:{user}")
    )
    if name == "pods-list-not-acceptable":  # neither YAML nor protobuf is offered here
        expected["message"] = (
            expected["message"]
            .replace("application/yaml, application/vnd.kubernetes.protobuf, ", "")
            .replace(", application/vnd.kubernetes.protobuf;stream=watch", "")
        )
    assert body == expected


@pytest.mark.parametrize(
    ("name", "namespace", "pod"),
    [
        ("pod", "activity-core", "actcore-api"),
        ("pod-crash", "lab-samples", "crash"),
        ("pod-crashloopbackoff", "lab-samples", "looping"),
        ("pod-noimage", "lab-samples", "noimage"),
        ("pod-notready", "lab-samples", "notready"),
        ("pod-pending", "lab-samples", "pending"),
        ("pod-two", "lab-samples", "two"),
    ],
)
def test_pods(cluster: Cluster, name: str, namespace: str, pod: str) -> None:
    recorded = sample(name)
    theirs = recorded.get("body", recorded)
    own_name = cluster.pod(namespace, pod)["metadata"]["name"]
    path = f"/api/v1/namespaces/{namespace}/pods/{own_name}"
    answer = _waiting(cluster, path) if "CrashLoop" in str(theirs) else cluster.get(path).body
    of_a_list = set() if "body" in recorded else {"kind", "apiVersion"}
    assert fields(answer) - of_a_list == fields(theirs)
    assert (answer["kind"], answer["apiVersion"]) == ("Pod", "v1")
    assert answer["status"]["phase"] == theirs["status"]["phase"]
    assert conditions(answer) == conditions(theirs)
    assert container_states(answer) == container_states(theirs)
    defaults = set(theirs["spec"]) & set(answer["spec"]) - {"containers", "nodeName", "dnsPolicy"}
    same = {"hostNetwork", "terminationGracePeriodSeconds", "volumes"}
    for key in defaults - same:
        assert answer["spec"][key] == theirs["spec"][key], key


def _waiting(cluster: Cluster, path: str) -> Any:
    """A pod while it waits to be started again, which it does not for long."""
    found: list[Any] = []

    def waits() -> bool:
        found[:] = [cluster.get(path).body]
        return bool(container_states(found[0])[0]["state"] == ("waiting", "CrashLoopBackOff"))

    cluster.wait_for(waits, f"CrashLoopBackOff of {path}")
    return found[0]


def test_available_deployment(cluster: Cluster) -> None:
    theirs = sample("deployment")["body"]
    path = "/apis/apps/v1/namespaces/activity-core/deployments/actcore-state-hub-bridge"
    answer = cluster.get(path).body
    assert fields(answer) == fields(theirs)
    assert conditions(answer) == conditions(theirs)
    assert _counts(answer) == _counts(theirs)


def test_unavailable_deployment_omits_what_is_zero(cluster: Cluster) -> None:
    theirs = sample("deployment-unavailable")
    answer = cluster.get("/apis/apps/v1/namespaces/lab-samples/deployments/looping").body
    assert fields(answer) == fields(theirs)
    assert conditions(answer) == conditions(theirs)
    assert _counts(answer) == _counts(theirs)
    assert "readyReplicas" not in answer["status"]


def _counts(deployment: Any) -> dict[str, int]:
    return {k: v for k, v in deployment["status"].items() if k.endswith("Replicas")}


@pytest.mark.parametrize(
    "name",
    [
        "deployments-list",
        "pods-list",
        "pods-list-empty-selector-nothing-matches",
        "pods-list-limit-1",
        "pods-list-namespace-that-does-not-exist",
        "services-list",
        "services-state-hub-fixed-clusterip",
    ],
)
def test_lists(cluster: Cluster, name: str) -> None:
    recorded = sample(name)
    theirs, answer = recorded["body"], ask(cluster, recorded).body
    assert {key: answer[key] for key in ("kind", "apiVersion")} == {
        key: theirs[key] for key in ("kind", "apiVersion")
    }
    assert set(answer["metadata"]) == set(theirs["metadata"])
    assert answer["metadata"].get("remainingItemCount") == theirs["metadata"].get(
        "remainingItemCount"
    )
    assert [_stem(item) for item in answer["items"]] == [_stem(item) for item in theirs["items"]]
    for mine, item in zip(answer["items"], theirs["items"], strict=True):
        assert fields(mine) == fields(item)  # so no `kind` nor `apiVersion` either


def _stem(item: Any) -> str:
    """The name without what is random in it."""
    return re.sub(r"-[0-9a-z]{8,10}-[0-9a-z]{5}$", "", item["metadata"]["name"])


def test_a_list_goes_on_where_it_stopped(cluster: Cluster) -> None:
    path = "/api/v1/namespaces/activity-core/pods?limit=1"
    first = cluster.get(path).body
    rest = cluster.get(f"{path}00&continue={first['metadata']['continue']}").body
    whole = cluster.get("/api/v1/namespaces/activity-core/pods").body
    assert first["items"] + rest["items"] == whole["items"]
    assert "continue" not in rest["metadata"]


def test_list_with_a_crashing_pod(cluster: Cluster) -> None:
    """Recorded when two bridges were crashing; here it is `looping`, among pods of other states."""
    (theirs,) = [
        p for p in sample("pods-list-with-crashloop")["items"]
        if _stem(p) == "actcore-state-hub-bridge"
    ]  # fmt: skip
    name = cluster.pod("lab-samples", "looping")["metadata"]["name"]
    mine = _waiting(cluster, f"/api/v1/namespaces/lab-samples/pods/{name}")
    of_a_list = {"kind", "apiVersion"}
    assert fields(mine) - of_a_list == fields(theirs)
    assert container_states(mine) == container_states(theirs)


def test_service(cluster: Cluster) -> None:
    recorded = sample("service")
    theirs, answer = recorded["body"], ask(cluster, recorded).body
    assert fields(answer) == fields(theirs)
    volatile = ("clusterIP", "clusterIPs")
    assert {k: v for k, v in answer["spec"].items() if k not in volatile} == {
        k: v for k, v in theirs["spec"].items() if k not in volatile
    }


def test_fixed_cluster_ips_are_kept(cluster: Cluster) -> None:
    services = cluster.get("/api/v1/namespaces/state-hub/services").body["items"]
    assert [s["spec"]["clusterIP"] for s in services] == ["198.19.43.154", "198.19.43.94"]


def test_table(cluster: Cluster) -> None:
    recorded = sample("pods-list-as-table")
    theirs, answer = recorded["body"], ask(cluster, recorded).body
    assert set(answer) == set(theirs)
    for mine, column in zip(answer["columnDefinitions"], theirs["columnDefinitions"], strict=True):
        assert {**mine, "description": ""} == {**column, "description": ""}
    for mine, row in zip(answer["rows"], theirs["rows"], strict=True):
        assert mine["cells"][1:4] == row["cells"][1:4]
        assert [type(c) for c in mine["cells"]] == [type(c) for c in row["cells"]]
        assert mine["cells"][7:] == row["cells"][7:]
        assert fields(mine["object"]) == fields(row["object"])


def test_discovery_is_true_of_what_there_is(cluster: Cluster) -> None:
    """Fewer resources than a real server, and fewer verbs, but nothing that one would not say."""
    recorded = sample("api-v1-resources")
    theirs = {r["name"]: r for r in recorded["body"]["resources"]}
    answer = ask(cluster, recorded).body
    assert {k: v for k, v in answer.items() if k != "resources"} == {
        k: v for k, v in recorded["body"].items() if k != "resources"
    }
    for resource in answer["resources"]:
        real = dict(theirs[resource["name"]])
        real.pop("storageVersionHash", None)
        assert set(resource.pop("verbs")) <= set(real.pop("verbs"))
        assert resource == real


def test_version(cluster: Cluster) -> None:
    theirs, answer = sample("version")["body"], cluster.get("/version").body
    assert set(answer) <= set(theirs)
    assert {"major", "minor", "gitVersion", "platform"} <= set(answer)


def test_every_sample_is_compared() -> None:
    """By name in this file, as a refusal, or as an exec session (all that begin with exec-)."""
    here = Path(__file__).read_text()
    assert not [
        name
        for name in EXCHANGES
        if name not in REFUSED and not name.startswith("exec-") and f'"{name}"' not in here
    ]
