"""What the runbook's operator does with the real kubectl."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .cluster import Cluster

pytestmark = pytest.mark.root
NAMESPACE = ("-n", "activity-core")
FETCH = "import urllib.request as r; print(r.urlopen('{url}', timeout=5).read().decode())"


def test_pods_by_selector_as_the_runbook_asks(cluster: Cluster) -> None:
    listed = cluster.kubectl(
        *NAMESPACE, "get", "pods", "-l", "app.kubernetes.io/part-of=activity-core"
    )
    header, *rows = [line.split() for line in listed.stdout.splitlines()]
    assert header == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert [row[0].rpartition("-")[0].rpartition("-")[0] for row in rows] == [
        "actcore-api",
        "actcore-issue-core-bridge",
        "actcore-state-hub-bridge",
    ]
    assert {tuple(row[1:4]) for row in rows} == {("1/1", "Running", "0")}


def test_a_selector_that_matches_nothing_is_no_error(cluster: Cluster) -> None:
    listed = cluster.kubectl(*NAMESPACE, "get", "pods", "-l", "app=nothing")
    assert (listed.returncode, listed.stdout) == (0, "")
    assert "No resources found" in listed.stderr


def test_service_as_json_has_its_fixed_cluster_ip(cluster: Cluster) -> None:
    shown = cluster.kubectl("-n", "state-hub", "get", "svc", "state-hub", "-o", "json")
    assert json.loads(shown.stdout)["spec"]["clusterIP"] == "198.19.43.94"


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("http://actcore-state-hub-bridge:8000/state/health", "state-hub"),
        (
            "http://actcore-issue-core-bridge.activity-core.svc.cluster.local:8765/healthz",
            "issue-core",
        ),
    ],
)
def test_a_pod_reaches_the_far_cluster_through_bridge_and_tunnel(
    cluster: Cluster, url: str, service: str
) -> None:
    command = ("exec", "deploy/actcore-api", "--", "python3", "-c", FETCH.format(url=url))
    asked = cluster.kubectl(*NAMESPACE, *command)
    assert json.loads(asked.stdout)["service"] == service, asked.stderr


def test_loopback_in_a_pod_is_not_the_nodes(cluster: Cluster) -> None:
    on_node = cluster.run("socat", "-u", "OPEN:/dev/null", "TCP:127.0.0.1:18000")
    in_pod = cluster.kubectl(
        *NAMESPACE, "exec", "deploy/actcore-api", "--",
        "socat", "-u", "OPEN:/dev/null", "TCP:127.0.0.1:18000",
    )  # fmt: skip
    assert on_node.returncode == 0, on_node.stderr
    assert in_pod.returncode == 1
    assert "Connection refused" in in_pod.stderr


def test_a_bare_service_name_is_known_in_its_own_namespace_only(cluster: Cluster) -> None:
    def resolving(name: str) -> int:
        command = ("exec", "deploy/actcore-api", "--", "timeout", "2", "getent", "hosts", name)
        return cluster.kubectl(*NAMESPACE, *command).returncode

    assert resolving("state-hub.state-hub") == 0
    assert resolving("state-hub") == 2  # at once: 124 would be a question to some name server


def test_exec_passes_on_the_exit_status_and_both_streams(cluster: Cluster) -> None:
    command = ("exec", "deploy/actcore-api", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    done = cluster.kubectl(*NAMESPACE, *command)
    assert done.returncode == 3
    assert done.stdout == "out\n"
    assert done.stderr == "err\ncommand terminated with exit code 3\n"


def test_exec_passes_on_stdin_to_its_end(cluster: Cluster) -> None:
    command = ("exec", "-i", "deploy/actcore-api", "--", "cat")
    given = "x" * 100_000
    done = cluster.kubectl(*NAMESPACE, *command, given=given)
    assert (done.returncode, done.stdout == given) == (0, True)


def test_exec_in_a_crashed_container_says_why(cluster: Cluster) -> None:
    done = cluster.kubectl("-n", "lab-samples", "exec", "crash", "--", "true")
    assert done.returncode == 1
    assert 'container not found ("c")' in done.stderr


def test_wrong_token(cluster: Cluster) -> None:
    asked = cluster.kubectl("--token=nobody", "get", "pods", user="restricted")
    assert asked.returncode == 1
    assert "(Unauthorized)" in asked.stderr or "must be logged in" in asked.stderr


def test_forbidden_namespace(cluster: Cluster) -> None:
    asked = cluster.kubectl("-n", "state-hub", "get", "pods", user="restricted")
    assert asked.returncode == 1
    assert "Error from server (Forbidden): pods is forbidden" in asked.stderr


def test_exec_needs_both_verbs(cluster: Cluster) -> None:
    command = ("exec", "deploy/actcore-api", "--", "true")
    allowed = cluster.kubectl(*NAMESPACE, *command, user="restricted-getexec")
    refused = cluster.kubectl(*NAMESPACE, *command, user="restricted-getonly")
    assert allowed.returncode == 0, allowed.stderr
    assert "Forbidden" in refused.stderr
