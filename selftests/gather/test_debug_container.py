"""A container that asking adds to a pod: added once, used again, and only by who may."""

import json
from typing import Any

import kubernetes.client
import pytest

from fleetmesh.gather import debug_container as module
from fleetmesh.gather.debug_container import debug_container
from fleetmesh.gather.pods import NoPod

IMAGE = "docker.io/curlimages/curl:8.17.0"
RUNNING = {"running": {"startedAt": "2026-11-27T00:00:00Z"}}
PULLING = {"waiting": {"reason": "ContainerCreating"}}


class Pod:
    """An API with one pod, whose added containers go through `states`, one a look."""

    def __init__(
        self, *states: dict[str, Any], has: dict[str, dict[str, Any]] | None = None
    ) -> None:
        self.states = list(states)
        self.has = {name: {"image": IMAGE, **each} for name, each in (has or {}).items()}
        self.added: list[dict[str, Any]] = []

    def look(self, _: Any, path: str, __: float) -> tuple[int, bytes]:
        assert path.endswith("/pods?fieldSelector=metadata.name%3Dapi-1")
        containers = [{"name": name, "image": each["image"]} for name, each in self.has.items()]
        statuses = [{"name": name, "state": each["state"]} for name, each in self.has.items()]
        for each in self.added:
            containers.append(each)
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            statuses.append({"name": each["name"], "state": state})
        pod = {
            "spec": {"ephemeralContainers": containers},
            "status": {"ephemeralContainerStatuses": statuses},
        }
        return 200, json.dumps({"items": [pod]}).encode()

    def patch_namespaced_pod_ephemeralcontainers(
        self, name: str, namespace: str, body: Any, **_: Any
    ) -> None:
        assert (name, namespace) == ("api-1", "activity-core")
        self.added += body["spec"]["ephemeralContainers"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Ask a pod for its debug container."""

    def asks(pod: Pod, *, add: bool = True) -> str:
        monkeypatch.setattr("fleetmesh.gather.pods.get", pod.look)
        monkeypatch.setattr(kubernetes.client, "CoreV1Api", lambda _: pod)
        monkeypatch.setattr(module, "_AGAIN", 0.0)
        return debug_container(None, "activity-core", "api-1", IMAGE, 1.0, add=add)

    return asks


def test_one_is_added_and_awaited(asked: Any) -> None:
    pod = Pod({}, PULLING, RUNNING)
    assert asked(pod) == "fleet-verify-1"
    assert [each["image"] for each in pod.added] == [IMAGE]
    assert pod.added[0]["command"] == ["sleep", "3600"]
    assert pod.added[0]["securityContext"]["runAsNonRoot"] is True


def test_the_one_that_runs_is_used_again_by_who_may_add_none(asked: Any) -> None:
    pod = Pod(has={"fleet-verify-1": {"state": RUNNING}})
    assert asked(pod, add=False) == "fleet-verify-1"
    assert not pod.added


@pytest.mark.parametrize(
    "has",
    [
        {"fleet-verify-1": {"state": {"terminated": {"exitCode": 0}}}},
        {"fleet-verify-1": {"state": RUNNING, "image": "docker.io/library/busybox:1"}},
        {"debugger-x7k2p": {"state": RUNNING}},
        {},
    ],
    ids=["ended", "of another image", "somebody else's", "none"],
)
def test_another_one_is_not_used(asked: Any, has: dict[str, Any]) -> None:
    with pytest.raises(NoPod, match="--allow-writes adds one"):
        asked(Pod(has=has), add=False)
    pod = Pod(RUNNING, has=has)
    ours = [name for name in has if name.startswith("fleet-verify-")]
    assert asked(pod) == f"fleet-verify-{len(ours) + 1}"


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"waiting": {"reason": "ErrImagePull", "message": "not found"}}, "ErrImagePull: not foun"),
        ({"terminated": {"reason": "StartError", "exitCode": 128}}, "StartError: no more is said"),
    ],
)
def test_one_that_does_not_start_says_why(asked: Any, state: dict[str, Any], says: str) -> None:
    with pytest.raises(NoPod, match=says):
        asked(Pod(PULLING, state))


def test_one_that_never_starts_is_given_up(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PULL", 0.05)
    with pytest.raises(NoPod, match="does not run in api-1 after"):
        asked(Pod(PULLING))
