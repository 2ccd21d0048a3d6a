"""What breaks in a rehearsal, each on a cluster of its own: Services, pods, tunnels, the server."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from selftests.processes import family

from .cluster import NODE_IP
from .conftest import STATE_HUB, close_tunnel, open_tunnel

if TYPE_CHECKING:
    from .cluster import Cluster

pytestmark = pytest.mark.root
HUB_READY = ("state-hub", "state-hub")


def create(cluster: Cluster, kind: str, name: str, spec: dict[str, Any]) -> Any:
    manifest = {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "state-hub"},
        "spec": spec,
    }
    return cluster.kubectl("create", "--validate=false", "-f", "-", given=json.dumps(manifest))


def service(address: str = "") -> dict[str, Any]:
    ports = [{"name": "http", "port": 8000, "targetPort": 8000}]
    selector = {"app.kubernetes.io/name": "state-hub"}
    return {"selector": selector, "ports": ports, **({"clusterIP": address} if address else {})}


def slices(cluster: Cluster, service: str) -> list[Any]:
    """The EndpointSlices of a Service of the State Hub's namespace."""
    path = "/apis/discovery.k8s.io/v1/namespaces/state-hub/endpointslices"
    selector = f"labelSelector=kubernetes.io/service-name%3D{service}"
    found: list[Any] = cluster.get(f"{path}?{selector}").body["items"]
    return found


def create_slice(cluster: Cluster, service: str, address: str, **more: Any) -> None:
    manifest = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "by-hand",
            "namespace": "state-hub",
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address]}],
        "ports": [{"name": "http", "port": 8000, "protocol": "TCP"}],
        **more,
    }
    done = cluster.kubectl("create", "--validate=false", "-f", "-", given=json.dumps(manifest))
    assert done.returncode == 0, done.stderr


def status_of(pod: Any) -> tuple[str, str]:
    """READY and STATUS of `kubectl get pods`."""
    return pod[1], pod[2]


def listed(cluster: Cluster) -> dict[str, list[str]]:
    """`kubectl get pods` of the State Hub's namespace: the columns of each, by name."""
    lines = cluster.kubectl("-n", "state-hub", "get", "pods").stdout.splitlines()[1:]
    return {line.split()[0]: line.split() for line in lines}


def test_a_slice_is_as_the_controller_makes_it(fresh: Cluster) -> None:
    (found,) = slices(fresh, "state-hub")
    pod = fresh.pod(*HUB_READY)
    service = fresh.get("/api/v1/namespaces/state-hub/services/state-hub").body
    metadata = found["metadata"]
    assert metadata["name"].startswith("state-hub-")
    assert metadata["generateName"] == "state-hub-"
    assert metadata["labels"]["kubernetes.io/service-name"] == "state-hub"
    maker = "endpointslice-controller.k8s.io"
    assert metadata["labels"]["endpointslice.kubernetes.io/managed-by"] == maker
    (owner,) = metadata["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Service", service["metadata"]["uid"])
    assert found["addressType"] == "IPv4"
    assert found["ports"] == [{"name": "http", "port": 8000, "protocol": "TCP"}]
    target = {key: pod["metadata"][key] for key in ("name", "namespace", "uid")}
    assert found["endpoints"] == [
        {
            "addresses": [pod["status"]["podIP"]],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": {"kind": "Pod", **target},
        }
    ]


def test_a_slice_made_by_hand_takes_its_share_of_the_connections(fresh: Cluster) -> None:
    create_slice(fresh, "state-hub", "198.19.13.250")  # nobody is there

    def some_fail() -> bool:
        # In time, nobody's address is known to be nobody's: `No route to host`.
        found = {fresh.connects(STATE_HUB) for _ in range(6)}
        return "yes" in found and found != {"yes"}

    fresh.wait_for(some_fail, "connections that go astray")


def test_a_slice_for_another_port_or_protocol_takes_none(fresh: Cluster) -> None:
    ports = [
        {"name": "metrics", "port": 8000, "protocol": "TCP"},
        {"name": "http", "port": 8000, "protocol": "UDP"},
    ]
    create_slice(fresh, "state-hub", "198.19.13.250", ports=ports)
    assert {fresh.connects(STATE_HUB) for _ in range(6)} == {"yes"}


def test_slices_stay_when_the_selector_goes_and_go_with_the_service(fresh: Cluster) -> None:
    patch = '[{"op": "remove", "path": "/spec/selector"}]'
    fresh.kubectl("-n", "state-hub", "patch", "svc", "state-hub", "--type=json", "-p", patch)
    fresh.kubectl("-n", "state-hub", "delete", "pods", "--all")
    fresh.wait_for(lambda: fresh.connects(STATE_HUB) != "yes", "a Service that is not followed")
    create_slice(fresh, "state-hub", "198.19.13.250")
    fresh.kubectl("-n", "state-hub", "delete", "svc", "state-hub")
    fresh.wait_for(lambda: len(slices(fresh, "state-hub")) == 1, "the controller's slice to go")
    assert slices(fresh, "state-hub")[0]["metadata"]["name"] == "by-hand"


def roll_out(cluster: Cluster, **spec: Any) -> None:
    """Change the State Hub's pods."""
    patch = json.dumps({"spec": {"template": {"spec": spec}}})
    done = cluster.kubectl("-n", "state-hub", "patch", "deploy", "state-hub", "-p", patch)
    assert done.returncode == 0, done.stderr


def container(name: str, script: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "localhost/a:1", "command": ["sh", "-c", script], **more}


def test_init_containers_run_in_turn_and_sidecars_beside_the_others(fresh: Cluster) -> None:
    roll_out(
        fresh,
        initContainers=[
            container("first", "exit 0"),
            container("beside", "sleep infinity", restartPolicy="Always"),
        ],
    )
    fresh.wait_for(
        lambda: any(
            status_of(pod) == ("2/2", "Running") and len(listed(fresh)) > 1
            for name, pod in listed(fresh).items()
            if name.startswith("state-hub-")
        ),
        "a pod with a sidecar",
    )
    fresh.wait_for(lambda: len(listed(fresh)) == 2, "the old pod to go")
    first, beside = fresh.pod(*HUB_READY)["status"]["initContainerStatuses"]
    assert (first["ready"], first["state"]["terminated"]["reason"]) == (True, "Completed")
    assert (beside["ready"], beside["started"]) == (True, True)


def test_an_init_container_that_fails_holds_the_pod_up(fresh: Cluster) -> None:
    roll_out(fresh, initContainers=[container("migrate", "exit 2")])
    fresh.wait_for(
        lambda: any(
            status_of(pod) == ("0/1", "Init:CrashLoopBackOff") for pod in listed(fresh).values()
        ),
        "a pod that is held up",
    )
    assert fresh.connects(STATE_HUB) == "yes"  # by the old one


def test_an_evicted_pod_stays_and_is_replaced(fresh: Cluster) -> None:
    before = fresh.pod(*HUB_READY)["metadata"]["name"]
    status = {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}
    patch = json.dumps([{"op": "replace", "path": "/status", "value": status}])
    fresh.kubectl(
        "-n", "state-hub", "patch", "pod", before, "--subresource=status", "--type=json",
        "-p", patch,
    )  # fmt: skip
    fresh.wait_for(lambda: fresh.connects(STATE_HUB) == "yes", "the pod that replaces it")
    fresh.wait_for(lambda: status_of(listed(fresh)[before])[1] == "Evicted", "the evicted pod")
    path = "/apis/apps/v1/namespaces/state-hub/deployments/state-hub"
    fresh.wait_for(lambda: fresh.get(path).body["status"].get("readyReplicas") == 1, "a replica")
    assert fresh.get(path).body["status"]["replicas"] == 1
    (endpoint,) = slices(fresh, "state-hub")[0]["endpoints"]
    assert endpoint["targetRef"]["name"] != before
    fresh.kubectl("-n", "state-hub", "delete", "pod", before)
    fresh.wait_for(lambda: before not in listed(fresh), "the evicted pod to go")


def test_a_paused_rollout_keeps_the_old_pods(fresh: Cluster) -> None:
    fresh.kubectl("-n", "state-hub", "rollout", "pause", "deploy/state-hub")
    roll_out(fresh, containers=[{"name": "state-hub", "command": ["false"]}])
    path = "/apis/apps/v1/namespaces/state-hub/deployments/state-hub"

    def status() -> Any:
        return fresh.get(path).body["status"]

    fresh.wait_for(lambda: status()["observedGeneration"] == 3, "the controller")
    assert (status()["replicas"], status().get("updatedReplicas")) == (1, None)
    told = {each["type"]: each["reason"] for each in status()["conditions"]}
    assert told["Progressing"] == "DeploymentPaused"


def test_without_its_store_the_server_is_not_ready_and_knows_nothing(fresh: Cluster) -> None:
    (fresh.state / "etcd-down").touch()
    asked = fresh.kubectl("get", "--raw=/readyz")
    assert asked.returncode == 1
    assert r"\n[-]etcd failed: reason withheld\n" in asked.stderr
    assert fresh.kubectl("version").returncode == 0
    assert fresh.get("/api/v1/namespaces").status == 500
    (fresh.state / "etcd-down").unlink()
    assert fresh.kubectl("get", "--raw=/readyz").stdout == "ok"


def test_the_nodes_socket_shows_the_cluster_ip_as_its_peer(fresh: Cluster) -> None:
    with fresh.network():
        holding = subprocess.Popen(
            ["socat", "PIPE", f"TCP:{STATE_HUB}:8000"], stdin=subprocess.DEVNULL
        )
    try:
        fresh.wait_for(
            lambda: f"{STATE_HUB}:8000" in fresh.run("ss", "-Htn", "state", "established").stdout,
            "a connection to the ClusterIP",
        )
    finally:
        holding.kill()
        holding.wait(5)


def test_a_deleted_service_leaves_an_address_that_swallows(fresh: Cluster) -> None:
    deleted = fresh.kubectl("-n", "state-hub", "delete", "svc", "state-hub")
    assert deleted.stdout == 'service "state-hub" deleted\n'
    fresh.wait_for(lambda: fresh.connects(STATE_HUB) == "timed out", "a dead address")


def test_a_recreated_service_has_another_address(fresh: Cluster) -> None:
    fresh.kubectl("-n", "state-hub", "delete", "svc", "state-hub")
    assert create(fresh, "Service", "state-hub", service()).returncode == 0
    shown = fresh.kubectl("-n", "state-hub", "get", "svc", "state-hub", "-o", "json")
    address = json.loads(shown.stdout)["spec"]["clusterIP"]
    assert address != STATE_HUB
    fresh.wait_for(lambda: fresh.connects(address) == "yes", "the new address")


def test_a_cluster_ip_belongs_to_one_service_for_life(fresh: Cluster) -> None:
    clash = create(fresh, "Service", "other", service(STATE_HUB))
    assert "provided IP is already allocated" in clash.stderr
    outside = create(fresh, "Service", "other", service("198.19.99.1"))
    assert "not in the valid range" in outside.stderr
    patch = '{"spec": {"clusterIP": "198.19.43.95"}}'
    moved = fresh.kubectl("-n", "state-hub", "patch", "svc", "state-hub", "-p", patch)
    assert "may not change once set" in moved.stderr


def test_a_service_without_endpoints_refuses(fresh: Cluster) -> None:
    scaled = fresh.kubectl("-n", "state-hub", "scale", "deploy", "state-hub", "--replicas=0")
    assert scaled.returncode == 0, scaled.stderr
    fresh.wait_for(lambda: fresh.connects(STATE_HUB) == "refused", "a refusal")
    shown = fresh.kubectl("-n", "state-hub", "get", "endpoints", "state-hub", "-o", "json")
    assert "subsets" not in json.loads(shown.stdout)
    (slice_,) = slices(fresh, "state-hub")
    assert (slice_["endpoints"], slice_["ports"]) == (None, None)


def test_two_replicas_share_the_connections(fresh: Cluster) -> None:
    fresh.kubectl("-n", "state-hub", "scale", "deploy", "state-hub", "--replicas=2")
    rolled = fresh.kubectl("-n", "state-hub", "rollout", "status", "deploy/state-hub")
    assert "successfully rolled out" in rolled.stdout
    for _ in range(8):
        assert fresh.connects(STATE_HUB) == "yes"


def test_a_pod_reaches_itself_through_its_own_service(fresh: Cluster) -> None:
    command = ("socat", "-u", "OPEN:/dev/null", f"TCP:{STATE_HUB}:8000,connect-timeout=2")
    done = fresh.kubectl("-n", "state-hub", "exec", "deploy/state-hub", "--", *command)
    assert done.returncode == 0, done.stderr


def test_a_deleted_pod_is_replaced(fresh: Cluster) -> None:
    before = fresh.pod(*HUB_READY)["metadata"]["name"]
    deleted = fresh.kubectl("-n", "state-hub", "delete", "pod", before)
    assert deleted.returncode == 0, deleted.stderr
    fresh.wait_for(lambda: fresh.ready(*HUB_READY), "another pod")
    assert fresh.pod(*HUB_READY)["metadata"]["name"] != before


def test_a_pod_with_the_address_of_a_former_one_is_reached_at_once(fresh: Cluster) -> None:
    former, link = neighbour(fresh)
    assert link
    for replicas in (0, 1):
        scaled = fresh.kubectl(
            "-n", "state-hub", "scale", "deploy", "state-hub", f"--replicas={replicas}"
        )
        assert scaled.returncode == 0, scaled.stderr
        wanted = "yes" if replicas else "refused"
        fresh.wait_for(lambda w=wanted: fresh.connects(STATE_HUB) == w, f"{replicas} pods")
    assert neighbour(fresh) == (former, link)


def neighbour(cluster: Cluster) -> tuple[str, str]:
    """The State Hub's pod as the node knows it: its IP address and its MAC address."""
    address = cluster.pod(*HUB_READY)["status"]["podIP"]
    return address, cluster.run("ip", "neigh", "show", address).stdout.partition("lladdr ")[2][:17]


def test_a_changed_command_rolls_out(fresh: Cluster) -> None:
    before = fresh.pod(*HUB_READY)["metadata"]["name"]
    containers = [{"name": "state-hub", "command": ["sh", "-c", "exit 9"]}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    patched = fresh.kubectl(
        "-n", "state-hub", "patch", "deploy", "state-hub", "-p", json.dumps(patch)
    )
    assert patched.returncode == 0, patched.stderr

    def crashes() -> bool:
        listed = fresh.kubectl("-n", "state-hub", "get", "pods").stdout
        return "CrashLoopBackOff" in listed and before in listed

    fresh.wait_for(crashes, "a crashing new pod beside the old one, which still serves")
    assert fresh.connects(STATE_HUB) == "yes"


def test_a_bridge_is_unready_while_its_tunnel_is_down(fresh: Cluster) -> None:
    bridge = ("activity-core", "actcore-state-hub-bridge")
    tunnel = open_tunnel(fresh, 18000)
    try:
        fresh.wait_for(lambda: fresh.ready(*bridge), "a ready bridge")
    finally:
        close_tunnel(tunnel)
    fresh.wait_for(lambda: not fresh.ready(*bridge), "an unready bridge")
    listed = fresh.kubectl("-n", "activity-core", "get", "pods").stdout
    (row,) = [line.split() for line in listed.splitlines() if line.startswith(bridge[1])]
    assert row[1:4] == ["0/1", "Running", "0"]
    shown = fresh.get(f"/api/v1/namespaces/{bridge[0]}/services/{bridge[1]}").body
    through_service = shown["spec"]["clusterIP"]
    fresh.wait_for(lambda: fresh.connects(through_service) == "refused", "no traffic to it")
    assert fresh.connects(NODE_IP) == "yes"  # though it listens
    tunnel = open_tunnel(fresh, 18000)
    try:
        fresh.wait_for(lambda: fresh.ready(*bridge), "a ready bridge again")
    finally:
        close_tunnel(tunnel)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_what_kubectl_changed_survives_a_restart(fresh: Cluster, end: signal.Signals) -> None:
    uid = fresh.get("/api/v1/namespaces/kube-system").body["metadata"]["uid"]
    pod = fresh.pod(*HUB_READY)
    fresh.kubectl("-n", "state-hub", "delete", "svc", "issue-core")
    assert create(fresh, "Service", "mine", service("198.19.43.77")).returncode == 0
    fresh.stop(end)
    fresh.start()
    fresh.wait_for(lambda: fresh.ready(*HUB_READY), "state-hub")
    assert fresh.get("/api/v1/namespaces/kube-system").body["metadata"]["uid"] == uid
    services = fresh.get("/api/v1/namespaces/state-hub/services").body["items"]
    assert [s["metadata"]["name"] for s in services] == ["mine", "state-hub"]
    again = fresh.pod(*HUB_READY)
    assert again["metadata"]["uid"] == pod["metadata"]["uid"]
    (status,) = again["status"]["containerStatuses"]
    assert (status["restartCount"], status["lastState"]["terminated"]["exitCode"]) == (1, 255)
    fresh.wait_for(lambda: fresh.connects("198.19.43.77") == "yes", "its own Service")


def test_restarts_are_counted_even_while_nothing_runs_yet(fresh: Cluster) -> None:
    for _ in range(3):
        fresh.stop()
        fresh.start()
    fresh.wait_for(lambda: fresh.ready(*HUB_READY), "state-hub")
    (status,) = fresh.pod(*HUB_READY)["status"]["containerStatuses"]
    assert status["restartCount"] >= 1
    assert status["lastState"]["terminated"]["reason"] == "Unknown"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_server(fresh: Cluster, end: signal.Signals) -> None:
    pids = family(fresh.pid).keys() - {fresh.pid}
    assert len(pids) > 10  # pods: a pause, an entry and at least one process each
    fresh.stop(end)
    try:
        _wait(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    finally:
        fresh.start()  # the fixture stops it


def _wait(condition: Any) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
