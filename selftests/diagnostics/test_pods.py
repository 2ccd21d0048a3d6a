"""The line that tells why a pod is not well."""

import json
from typing import Any

import pytest

from fleetmesh.diagnostics.pods import EVENTS, LIST, LOG, WORDS, Workload
from fleetmesh.diagnostics.subject import Inquiry
from fleetmesh.facts.pods import PODS
from fleetmesh.gather.cluster_api import Kubernetes
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from selftests.diagnostics.answers import UNREADY, container, event, heard, known, listed, pod

HUB = Workload("railiance01", "activity-core", "hub")
NAME = "hub-1-a"
ENDED = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-11-27T03:29:50Z"}}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed"}}
UNHEALTHY = event("Unhealthy", "Readiness probe failed: 404", "2026-11-27T03:29:00Z")


def quoted(
    inventory: Inventory, found: dict[str, Any], *events: dict[str, Any], log: str = "", **more: Any
) -> list[str]:
    asked = known(
        listing(found),
        heard(EVENTS, f"{HUB.where}/{NAME}", listed("EventList", *events), exit_status=200),
        heard(LOG, f"{HUB.where}/{NAME}/main", log, **{"exit_status": 200} | more),
    )
    return [str(one) for one in HUB.quotes(inventory, asked)]


def listing(*found: dict[str, Any], fact: str = PODS.name, **more: Any) -> Transcript:
    """The API's list of the namespace's pods."""
    given: dict[str, Any] = {"exit_status": 200} | more
    return heard(fact, HUB.where, listed("PodList", *found), **given)


def crashed(**report: Any) -> dict[str, Any]:
    given = {"ready": False, "restartCount": 2, "state": BACK_OFF, "lastState": ENDED} | report
    return pod(conditions=UNREADY, containerStatuses=[container(**given)])


def test_the_last_words_of_what_crashes(inventory: Inventory) -> None:
    (line,) = quoted(inventory, crashed(), log="starting\nE unknown option\n\n")
    assert line == f"railiance01, log of {NAME}: E unknown option"


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        ({"exitCode": 137, "reason": "OOMKilled"}, "main ended: OOMKilled, exit 137"),
        (
            {"exitCode": 128, "reason": "StartError", "message": 'exec: "soca": not found'},
            'main ended: StartError, exit 128: exec: "soca": not found',
        ),
        ({"exitCode": 1, "reason": "Error"}, "main ended: Error, exit 1"),
    ],
)
def test_how_it_ended(inventory: Inventory, ended: dict[str, Any], words: str) -> None:
    found = crashed(lastState={"terminated": ended})
    log = "" if ended["reason"] == "Error" else "the last line, which tells nothing"
    (line,) = quoted(inventory, found, log=log)
    assert line == f"railiance01, state of {NAME}: {words}"


def test_a_log_that_is_refused_is_no_log(inventory: Inventory) -> None:
    """A Status with 400 is what the API says, not the container."""
    (line,) = quoted(inventory, crashed(), log='{"kind":"Status"}', exit_status=400)
    assert line.endswith("main ended: Error, exit 1")


def test_why_it_waits(inventory: Inventory) -> None:
    waits = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
    found = crashed(state=waits, lastState={}, restartCount=0)
    pulled = event("Failed", "Failed to pull image: not found", "2026-11-27T03:29:00Z")
    again = event("Failed", "Error: ImagePullBackOff", "2026-11-27T03:29:30Z")
    assert quoted(inventory, found, pulled, again) == [
        f"railiance01, events of {NAME}: Failed: Failed to pull image: not found"
    ]
    assert quoted(inventory, found, again) == [
        f"railiance01, events of {NAME}: Failed: Error: ImagePullBackOff"
    ]
    assert quoted(inventory, found) == [
        f"railiance01, state of {NAME}: ImagePullBackOff: Back-off pulling image"
    ]


def test_the_latest_warning_of_what_is_not_ready(inventory: Inventory) -> None:
    found = pod(conditions=UNREADY, containerStatuses=[container(ready=False)])
    older = event("Unhealthy", "connection refused", "2026-11-27T03:20:00Z")
    newer = event("Started", "Started container", "2026-11-27T03:29:30Z", kind="Normal")
    (line,) = quoted(inventory, found, UNHEALTHY, older, newer)
    assert line == f"railiance01, events of {NAME}: Unhealthy: Readiness probe failed: 404"


def test_why_it_has_no_node(inventory: Inventory) -> None:
    condition = {
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/1 nodes are available",
    }  # fmt: skip
    found = pod(phase="Pending", conditions=[condition], containerStatuses=[])
    (line,) = quoted(inventory, found)
    assert line.endswith("state of hub-1-a: Unschedulable: 0/1 nodes are available")


def test_a_pod_that_is_well_is_quoted_nothing(inventory: Inventory) -> None:
    assert quoted(inventory, pod(), UNHEALTHY, log="error: of old\n") == []
    other = crashed() | {"metadata": {"name": "hubbub-1-a"}}
    assert quoted(inventory, other, log="x") == []
    leaving = crashed() | {"metadata": {"name": NAME, "deletionTimestamp": "2026-11-27T03:29:00Z"}}
    assert quoted(inventory, leaving, log="x") == []


def test_one_that_was_restarted_lately_is_asked_for_what_it_said_before(
    inventory: Inventory,
) -> None:
    again = container(restartCount=1, lastState=ENDED)
    asked = known(listing(pod(containerStatuses=[again])))
    probe = HUB.asks(inventory, asked)[LOG, f"{HUB.where}/{NAME}/main"]
    assert isinstance(probe, Kubernetes)
    assert probe.path.endswith("&previous=true")
    assert "tailLines=20&limitBytes=32768" in probe.path
    long_ago = {"terminated": {**ENDED["terminated"], "finishedAt": "2026-11-26T00:00:00Z"}}
    well = pod(containerStatuses=[container(restartCount=1, lastState=long_ago)])
    assert not HUB.asks(inventory, known(listing(well)))


def test_what_the_run_does_not_know_is_asked_first(inventory: Inventory) -> None:
    first = HUB.asks(inventory, known())
    assert list(first) == [(LIST, HUB.where)]
    then = known(listing(crashed(), fact=LIST))
    assert [fact for fact, _ in HUB.asks(inventory, then)] == [LIST, EVENTS, LOG]


@pytest.mark.parametrize("said", ["", "[]", "{}", '{"kind": "PodList", "items": [{}]}', "\xff"])
def test_what_is_no_list_of_pods_tells_nothing(inventory: Inventory, said: str) -> None:
    asked = known(heard(PODS.name, HUB.where, said, exit_status=200))
    assert not list(HUB.quotes(inventory, asked))
    assert not HUB.asks(inventory, asked)


def test_kubectl_tells_it_all_at_once(inventory: Inventory) -> None:
    by_kubectl = inventory.clusters["railiance01"].model_copy(
        update={"kubectl": "sudo -n k3s kubectl", "kubeconfig": None}
    )
    inventory = inventory.model_copy(
        update={"clusters": inventory.clusters | {"railiance01": by_kubectl}}
    )
    warning = json.dumps({k: v for k, v in UNHEALTHY.items() if k != "type"})
    said = f"pod other\nlog not this\npod {NAME}\nevent {warning}\nlog one\nlog the last\n"
    words = heard(WORDS, f"{HUB.where}/hub", said)
    for found, line in (
        (crashed(), "log of hub-1-a: the last"),
        (
            pod(conditions=UNREADY, containerStatuses=[container(ready=False)]),
            "events of hub-1-a: Unhealthy: Readiness probe failed: 404",
        ),
    ):
        asked = known(listing(found, exit_status=0, details={"by": "kubectl"}), words)
        assert [str(one) for one in HUB.quotes(inventory, asked)] == [f"railiance01, {line}"]
        (probe,) = HUB.asks(inventory, asked).values()
        assert isinstance(probe, Inquiry)
        assert NAME not in probe.command, "a restricted key could not be allowed it"
