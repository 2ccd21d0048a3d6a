"""What an administrator changes with the real kubectl, and what the cluster makes of it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from .cluster import CHECKOUT
from .conftest import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .cluster import Cluster

pytestmark = pytest.mark.root
MANIFEST = CHECKOUT / "rehearsal/standins/kubernetes/manifests/coulombcore/state-hub.yaml"
ACCOUNT = CHECKOUT / "infra/verify/account-bridges.yaml"
HUB = ("-n", "state-hub")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A cluster for all of these tests, each of which leaves its own objects there."""
    if request.config.getoption("kubeconfig", None) and not request.config.getoption("destructive"):
        pytest.skip("changes the cluster: --destructive")
    with running(tmp_path_factory.mktemp("administrator")) as cluster:
        cluster.wait_for(lambda: cluster.ready("state-hub", "state-hub"), "state-hub")
        yield cluster


def said(cluster: Cluster, *arguments: str, given: Any = "", status: int = 0) -> str:
    """What kubectl prints, on both streams, when it ends with this status."""
    text = given if isinstance(given, str) else json.dumps(given)
    done = cluster.kubectl(*arguments, given=text)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def pod_spec(*command: str, **more: Any) -> dict[str, Any]:
    return {"containers": [{"name": "a", "image": "localhost/a:1", "command": command}], **more}


def job(name: str, *command: str, **more: Any) -> dict[str, Any]:
    template = {"spec": pod_spec(*command, restartPolicy="Never")}
    spec = {"template": template, **more}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def config_map(name: str, **content: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **content}


def test_what_is_applied_once_more_changes_nothing(own: Cluster) -> None:
    said(own, "apply", "-f", str(MANIFEST))
    again = said(own, "apply", "-f", str(MANIFEST))
    assert set(again.splitlines()) == {
        "deployment.apps/state-hub unchanged",
        "service/state-hub unchanged",
    }
    assert said(own, "diff", "-f", str(MANIFEST)) == ""


def test_a_difference_is_shown_and_not_kept(own: Cluster) -> None:
    documents = list(yaml.safe_load_all(MANIFEST.read_text()))
    (service,) = (d for d in documents if d["kind"] == "Service")
    service["spec"]["ports"][0]["targetPort"] = 8001
    shown = said(own, "diff", "-f", "-", given=service, status=1)
    assert "+    targetPort: 8001" in shown
    assert "8001" not in said(own, *HUB, "get", "svc", "state-hub", "-o", "yaml")


def test_a_field_that_no_object_has_is_refused(own: Cluster) -> None:
    wrong = config_map("wrong", dota={"a": "b"})
    refused = said(own, "create", "-f", "-", given=wrong, status=1)
    assert 'strict decoding error: unknown field "dota"' in refused
    misspelt = job("wrong", "true")
    misspelt["spec"]["template"]["spec"]["containers"][0]["comand"] = []
    refused = said(own, "apply", "-f", "-", given=misspelt, status=1)
    assert 'unknown field "spec.template.spec.containers[0].comand"' in refused
    warned = said(own, "create", "--validate=warn", "-f", "-", given=wrong)
    assert 'Warning: unknown field "dota"' in warned
    assert "dota" not in said(own, "get", "cm", "wrong", "-o", "yaml")


def test_a_dry_run_keeps_nothing(own: Cluster) -> None:
    made = said(own, "create", "--dry-run=server", "-f", "-", given=config_map("dry"))
    assert made == "configmap/dry created (server dry run)\n"
    assert "not found" in said(own, "get", "cm", "dry", status=1)
    said(own, *HUB, "scale", "deploy/state-hub", "--replicas=0", "--dry-run=server")
    said(own, *HUB, "delete", "svc/issue-core", "--dry-run=server")
    assert said(own, *HUB, "get", "deploy/state-hub", "-o", "jsonpath={.spec.replicas}") == "1"
    said(own, *HUB, "get", "svc/issue-core")


def test_a_rollback_returns_to_the_former_replica_set(own: Cluster) -> None:
    def active() -> str:
        listed = said(own, *HUB, "get", "rs", "--no-headers").splitlines()
        (name,) = [line.split()[0] for line in listed
                   if line.startswith("issue-core") and line.split()[1] != "0"]  # fmt: skip
        return name

    before = active()
    said(own, *HUB, "set", "env", "deploy/issue-core", "A=b")
    said(own, *HUB, "rollout", "status", "deploy/issue-core", "--timeout=20s")
    assert active() != before
    said(own, *HUB, "rollout", "undo", "deploy/issue-core")
    said(own, *HUB, "rollout", "status", "deploy/issue-core", "--timeout=20s")
    assert active() == before
    history = said(own, *HUB, "rollout", "history", "deploy/issue-core").splitlines()
    assert [line.split()[0] for line in history[2:] if line] == ["2", "3"]


def test_a_second_pod_for_a_port_of_the_node_waits(own: Cluster) -> None:
    bridge = ("-n", "activity-core", "scale", "deploy/actcore-state-hub-bridge")
    said(own, *bridge, "--replicas=2")
    words = "1 node(s) didn't have free ports for the requested pod ports"

    def waits() -> bool:
        pods = own.get("/api/v1/namespaces/activity-core/pods").body["items"]
        told = [c.get("message", "") for pod in pods for c in pod["status"].get("conditions", [])]
        return any(words in message for message in told)

    own.wait_for(waits, "a pod that waits")
    events = said(own, "-n", "activity-core", "get", "events", "--field-selector=type=Warning")
    assert "FailedScheduling" in events
    said(own, *bridge, "--replicas=1")


def test_a_job_comes_to_its_end(own: Cluster) -> None:
    said(own, "create", "-f", "-", given=job("fine", "true"))
    said(own, "wait", "job/fine", "--for=condition=Complete", "--timeout=10s")
    said(own, "create", "-f", "-", given=job("bad", "false", backoffLimit=1))
    said(own, "wait", "job/bad", "--for=condition=Failed", "--timeout=10s")
    pods = said(own, "get", "pods", "-l", "job-name=bad", "--no-headers").splitlines()
    assert [line.split()[2] for line in pods] == ["Error", "Error"]
    assert "BackoffLimitExceeded" in said(own, "describe", "job", "bad")
    said(own, "create", "-f", "-", given=job("later", "true", suspend=True))
    said(own, "wait", "job/later", "--for=condition=Suspended", "--timeout=10s")
    assert "No resources" in said(own, "get", "pods", "-l", "job-name=later")
    said(own, "delete", "job/fine", "job/bad", "job/later")
    own.wait_for(lambda: "No resources" in said(own, "get", "pods", "-l", "job-name"), "their pods")


def test_a_deployment_that_crash_loops_is_available_for_a_moment(own: Cluster) -> None:
    labels = {"app": "loops"}
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "loops"},
        "spec": {
            "selector": {
                "matchExpressions": [{"key": "app", "operator": "In", "values": ["loops"]}]
            },
            "template": {"metadata": {"labels": labels}, "spec": pod_spec("sleep", "0.3")},
        },
    }
    said(own, "create", "-f", "-", given=manifest)
    said(own, "wait", "deploy/loops", "--for=condition=Available", "--timeout=10s")
    said(own, "wait", "deploy/loops", "--for=condition=Available=false", "--timeout=10s")
    said(own, "delete", "deploy/loops")


def test_the_account_of_the_docs_may_what_its_manifest_says(own: Cluster) -> None:
    said(own, "apply", "-f", str(ACCOUNT))
    where = ("-n", "activity-core")
    token = own.kubectl(*where, "create", "token", "fleet-verify", "--duration=1h").stdout.strip()

    def may(*wants: str) -> str:
        given = (f"--token={token}", *where, "auth", "can-i", *wants)
        return own.kubectl(*given, user="restricted").stdout.strip()

    assert {may(*wants.split()) for wants in (
        "list pods", "create pods --subresource=exec", "get services",
        "list endpointslices.discovery.k8s.io",
        "get namespaces/kube-system", "get /readyz",
    )} == {"yes"}  # fmt: skip
    assert {may(*wants.split()) for wants in (
        "get secrets", "delete pods", "list nodes", "list pods -n state-hub",
        "patch deployments.apps", "get namespaces/default",
    )} == {"no"}  # fmt: skip
    ask = (f"--token={token}", "get", "cm")
    assert own.kubectl(*ask, *where, user="restricted").returncode == 0
    assert "Forbidden" in own.kubectl(*ask, "-n", "kube-system", user="restricted").stderr
    account = "--as=system:serviceaccount:activity-core:fleet-verify"
    assert said(own, *where, "auth", "can-i", "delete", "pods", account, status=1) == "no\n"


def test_only_who_may_impersonate_does(own: Cluster) -> None:
    given = ("-n", "activity-core", "get", "pods", "--as=admin")
    refused = own.kubectl(*given, user="restricted")
    assert 'cannot impersonate resource "users"' in refused.stderr


def test_a_drained_node_takes_no_pods(fresh: Cluster) -> None:
    node = said(fresh, "get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
    before = fresh.pod("state-hub", "state-hub")["metadata"]["name"]
    drained = said(fresh, "drain", node, "--ignore-daemonsets", "--force", "--timeout=20s")
    assert f"pod/{before} evicted" in drained

    def waits() -> bool:
        pods = fresh.get("/api/v1/namespaces/state-hub/pods").body["items"]
        return all("were unschedulable" in str(pod["status"].get("conditions")) for pod in pods)

    fresh.wait_for(waits, "pods that wait")
    said(fresh, "uncordon", node)
    fresh.wait_for(lambda: fresh.ready("state-hub", "state-hub"), "state-hub")


def test_a_lost_node_takes_readiness_without_a_reason(fresh: Cluster) -> None:
    (fresh.state / "kubelet-down").touch()
    fresh.wait_for(lambda: not fresh.ready("state-hub", "state-hub"), "a pod that is not ready")
    pod = fresh.pod("state-hub", "state-hub")
    (ready,) = [c for c in pod["status"]["conditions"] if c["type"] == "Ready"]
    assert (ready["status"], ready.get("reason"), ready.get("message")) == ("False", None, None)
    assert pod["status"]["containerStatuses"][0]["ready"] is True
    assert "NotReady" in said(fresh, "get", "nodes")
    executed = said(fresh, *HUB, "exec", "deploy/state-hub", "--", "true", status=1)
    assert "error dialing backend: dial tcp" in executed
    (fresh.state / "kubelet-down").unlink()
    fresh.wait_for(lambda: fresh.ready("state-hub", "state-hub"), "state-hub again")


def test_a_debug_container_joins_a_pod_and_stays_in_it(own: Cluster) -> None:
    metadata, spec = {"name": "debugged"}, pod_spec("sleep", "infinity")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    said(own, "apply", "-f", "-", given=pod)
    said(own, "wait", "pod/debugged", "--for=condition=Ready", "--timeout=10s")
    added = ("debug", "debugged", "--image=localhost/busybox:1", "-c", "look", "--profile=general")
    said(own, *added, "--", "sleep", "300")
    end = time.monotonic() + 10
    statuses = "jsonpath={.status.ephemeralContainerStatuses[*].state.running.startedAt}"
    while not said(own, "get", "pod", "debugged", "-o", statuses):
        assert time.monotonic() < end, "it does not run"
        time.sleep(0.1)
    name = said(own, "exec", "debugged", "-c", "look", "--", "hostname").strip()
    assert name == "debugged"
    own_statuses = "jsonpath={.status.containerStatuses[*].name}"
    assert said(own, "get", "pod", "debugged", "-o", own_statuses) == "a"
    patch = json.dumps([{"op": "remove", "path": "/spec/ephemeralContainers"}])
    for subresource in ([], ["--subresource=ephemeralcontainers"]):
        refused = own.kubectl("patch", "pod", "debugged", *subresource, "--type=json", "-p", patch)
        assert refused.returncode == 1, subresource
    said(own, "delete", "pod", "debugged")
