"""The Python client that the suite's checks use, against the stand-in."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client, config
from kubernetes.stream import stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .cluster import Cluster

pytestmark = pytest.mark.root
NAMESPACE = "activity-core"


@pytest.fixture
def core(cluster: Cluster) -> Iterator[Any]:
    """The core API as the admin, asked from the node."""
    yield from _core(cluster, "admin")


@pytest.fixture
def restricted(cluster: Cluster) -> Iterator[Any]:
    """The core API as a user that may create `pods/exec` but not get it."""
    yield from _core(cluster, "restricted")


def _core(cluster: Cluster, user: str) -> Iterator[Any]:
    with cluster.network():
        load: Any = config.new_client_from_config
        api = load(str(cluster.kubeconfig(user)))
        try:
            yield client.CoreV1Api(api)
        finally:
            api.rest_client.pool_manager.clear()
            api.close()


@contextmanager
def execute(core: Any, pod: str, *command: str) -> Iterator[Any]:
    """An exec whose status channel is read, as the suite does it."""
    session = stream(
        core.connect_get_namespaced_pod_exec,
        pod,
        NAMESPACE,
        command=list(command),
        stdout=True,
        stderr=True,
        stdin=False,
        tty=False,
        _preload_content=False,
    )
    try:
        session.run_forever(timeout=10)
        yield session
    finally:
        session.sock.shutdown()  # close() does nothing once the server has closed


@pytest.fixture
def pod(cluster: Cluster) -> str:
    name: str = cluster.pod(NAMESPACE, "actcore-api")["metadata"]["name"]
    return name


def test_list(core: Any) -> None:
    listed = core.list_namespaced_pod(
        NAMESPACE, label_selector="app.kubernetes.io/part-of=activity-core"
    )
    assert len(listed.items) == 3
    assert {s.ready for p in listed.items for s in p.status.container_statuses} == {True}


def test_nothing_in_a_namespace_that_does_not_exist(core: Any) -> None:
    assert core.list_namespaced_pod("nowhere").items == []


def test_not_found(core: Any) -> None:
    with pytest.raises(client.exceptions.NotFoundException):
        core.read_namespaced_pod("nosuch", NAMESPACE)


def test_the_cluster_has_an_identity(core: Any) -> None:
    assert core.read_namespace("kube-system").metadata.uid


def test_the_node_is_ready_and_has_a_heartbeat(core: Any) -> None:
    (node,) = core.list_node().items
    (ready,) = [c for c in node.status.conditions if c.type == "Ready"]
    assert ready.status == "True"
    assert ready.last_heartbeat_time


def test_every_kind_satisfies_the_clients_models(core: Any) -> None:
    apps = client.AppsV1Api(core.api_client)
    leases: Any = client.CoordinationV1Api(core.api_client)
    assert len(core.list_service_for_all_namespaces().items) == 5
    assert len(core.list_namespace().items) == 7
    assert core.list_pod_for_all_namespaces().items
    assert len(apps.list_deployment_for_all_namespaces().items) == 6
    (subset,) = core.read_namespaced_endpoints("state-hub", "state-hub").subsets
    assert [address.target_ref.kind for address in subset.addresses] == ["Pod"]
    assert leases.read_namespaced_lease("k8s-lab", "kube-node-lease").spec.renew_time
    assert client.VersionApi(core.api_client).get_code().major == "1"


def test_exec(core: Any, pod: str) -> None:
    with execute(core, pod, "sh", "-c", "echo out; echo err >&2; exit 3") as session:
        assert session.read_stdout() == "out\n"
        assert session.read_stderr() == "err\n"
        assert session.returncode == 3


def test_exec_of_a_command_that_cannot_start(core: Any, pod: str) -> None:
    with (
        execute(core, pod, "no-such-program") as session,
        pytest.raises(ValueError, match="invalid literal"),
    ):
        _ = session.returncode


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_refused_exec_hides_its_status(restricted: Any, pod: str) -> None:
    with pytest.raises(client.ApiException) as caught, execute(restricted, pod, "true"):
        pass
    assert caught.value.status == 0
    assert "403" in caught.value.reason
    del caught
    gc.collect()  # the client leaves the refused connection's socket open
