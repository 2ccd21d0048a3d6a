"""What kubectl answers is an answer of the API; what it refuses, or does not ask, is its reason.

The kubectl here is a script that says what kubectl 1.32 was seen to say (data), run by a real
shell through the real batch; the faults `asked-by-kubectl` and others have the real one.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fleetmesh.facts.asking_inside import parse_inside_answer
from fleetmesh.facts.cluster_services import parse_service
from fleetmesh.facts.clusters import parse_cluster_version
from fleetmesh.facts.fact import NotUnderstood
from fleetmesh.gather import Fleet
from fleetmesh.gather.cluster_api import Kubernetes
from fleetmesh.gather.demands import permits
from fleetmesh.gather.pod_exec import Asked, ExecInPod
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory, load
from selftests.gather.conftest import HereSession, fact

ROOT = Path(__file__).parents[2]
CLUSTER = "railiance01"
VERSION = Kubernetes(CLUSTER, "/version", "get --raw /version")
SERVICE = Kubernetes(CLUSTER, "/api/v1/namespaces/a/services/b", "-n a get svc b")
LINE = '{"status": 200, "body": "well", "sent": 9, "received": 4, ' \
       '"local": ["192.0.2.1", 1], "peer": ["192.0.2.2", 2]}'  # fmt: skip
PROGRAM = ExecInPod(CLUSTER, "a", "b", "c", Asked("python", ("python", "-c", "x")), 1.0, 3.0)


@pytest.fixture
def ask(tmp_path: Path) -> Any:
    """Put a question to a kubectl that is this script."""

    def asked(script: str, probe: Probe) -> Transcript:
        program = tmp_path / "kubectl"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        found = load(ROOT / "fleets/rehearsal.yaml")
        clusters = {
            name: cluster.model_copy(update={"kubeconfig": None, "kubectl": str(program)})
            for name, cluster in found.clusters.items()
        }
        limits = found.limits.model_copy(update={"command": 1.0, "http": 1.0})
        inventory: Inventory = found.model_copy(update={"clusters": clusters, "limits": limits})
        fleet = Fleet(inventory)
        fleet.sessions = {host: HereSession(host, []) for host in inventory.hosts}
        snapshot = fleet.gather([fact("asked", {"it": probe})])
        return snapshot.of("asked")["it"]

    return asked


def refuses(words: str) -> str:
    return f"echo '{words}' >&2; exit 1"


def test_an_answer(ask: Any) -> None:
    answer = ask("""echo '{"gitVersion": "v1.32.3"}'; echo "$@" >&2""", VERSION)
    assert (answer.exit_status, answer.lost) == (0, None)
    assert answer.err == "--request-timeout=1s get --raw /version\n"
    assert parse_cluster_version(answer) == "v1.32.3"


def test_no_object_of_that_name(ask: Any) -> None:
    answer = ask(refuses('Error from server (NotFound): services "b" not found'), SERVICE)
    assert answer.lost is None
    assert parse_service(answer) is None


@pytest.mark.parametrize(
    "words",
    [
        'Error from server (Forbidden): services "b" is forbidden: User "x" cannot get resource',
        "Error from server (NotFound): the server could not find the requested resource",
        "error: You must be logged in to the server (Unauthorized)",
        "sudo: a password is required",
    ],
)
def test_what_kubectl_could_not_ask_is_lost_for_its_reason(ask: Any, words: str) -> None:
    answer = ask(refuses(words), SERVICE)
    assert answer.lost == f"railiance01: kubectl: {words}"


def test_a_kubectl_that_hangs_is_given_up(ask: Any) -> None:
    assert "did not end within 1 s" in ask("exec sleep 30", VERSION).lost


def test_an_answer_that_is_none_is_not_understood(ask: Any) -> None:
    with pytest.raises(NotUnderstood):
        parse_service(ask("echo '{}'", SERVICE))


def test_a_program_is_held_and_left(ask: Any, tmp_path: Path) -> None:
    began = time.monotonic()
    answer = ask(
        f"""echo $$ >{tmp_path}/pid; printf '%s\\n' "$*" >&2; echo '{LINE}'; cat""", PROGRAM
    )
    assert answer.lost is None
    assert time.monotonic() - began < PROGRAM.hold
    assert answer.err == "-n a exec -i deploy/b -c c -- python -c x\n"
    found = parse_inside_answer(answer)
    assert (found.answer.status, found.answer.body, found.kept) == (200, b"well", False)
    pid = (tmp_path / "pid").read_text().strip()
    until = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()


def test_a_program_that_gave_up_says_why(ask: Any) -> None:
    said = "echo 'b:80: Connection refused' >&2; echo 'command terminated with exit code 3' >&2"
    answer = ask(f"{said}; exit 3", PROGRAM)
    assert answer.lost is None
    assert parse_inside_answer(answer).answer.refused == "b:80: Connection refused"


def test_a_program_that_is_not_there_is_no_answer(ask: Any) -> None:
    answer = ask(refuses('error: exec: "python": executable file not found in $PATH'), PROGRAM)
    assert "python cannot be run in deploy/b: error: exec" in answer.lost
    assert "probe.python" in answer.lost


def test_a_kubectl_that_may_not_exec_says_so(ask: Any) -> None:
    said = 'Error from server (Forbidden): pods "b" is forbidden: cannot create resource pods/exec'
    assert ask(refuses(said), PROGRAM).lost == f"railiance01: kubectl: {said}"


def test_a_program_that_says_nothing_is_late(ask: Any) -> None:
    assert "did not answer within 1 s" in ask("exec sleep 30", PROGRAM).lost


def test_what_it_reads_at_once(ask: Any) -> None:
    asked = Asked("nc", ("nc", "b", "80"), says=b"GET 'x'\r\n", answered=lambda out, _: b"x" in out)
    answer = ask("exec cat", replace(PROGRAM, asked=asked))
    assert answer.stdout == b"GET 'x'\r\n"
    assert answer.details["said"] == "9"


def test_a_restricted_key_is_permitted_each_question() -> None:
    found = load(ROOT / "fleets/rehearsal.yaml")
    cluster = found.clusters[CLUSTER].model_copy(update={"kubeconfig": None, "kubectl": "kubectl"})
    inventory = found.model_copy(update={"clusters": {**found.clusters, CLUSTER: cluster}})
    asked = [fact("asked", {"it": VERSION}), fact("inside", {"it": PROGRAM})]
    permit = permits([("all", asked)], inventory)[CLUSTER]
    assert len(permit.questions) == 2
    assert permit.api not in permit.destinations
