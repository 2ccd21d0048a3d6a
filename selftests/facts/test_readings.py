"""What a check reads off a fact, and what it meets where a fact could not be observed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fleetmesh.facts import FACTS, Observed
from fleetmesh.facts.clusters import Deployment, Pod
from fleetmesh.facts.http import Answer
from fleetmesh.facts.workstation import mentions
from fleetmesh.inventory import Health
from fleetmesh.outcomes import Inconclusive
from fleetmesh.transcript import Transcript

HEALTH = Health(path="/state/health", json={"status": "ok", "service": "state-hub"})


def transcript(**given: Any) -> Transcript:
    return Transcript(
        fact="linger", subject="railiance01", host="railiance01", command="loginctl",
        started=datetime(2026, 11, 24, tzinfo=UTC), seconds=0.1, **given,
    )  # fmt: skip


def observed(*transcripts: Transcript) -> tuple[Observed[Any], list[Transcript]]:
    consulted: list[Transcript] = []
    by_subject = {each.subject: each for each in transcripts}
    return Observed(FACTS["linger"], by_subject, consulted.append), consulted


def test_what_was_observed_is_read_and_its_transcript_consulted() -> None:
    seen = transcript(exit_status=0, stdout=b"Linger=yes\n")
    linger, consulted = observed(seen)
    assert linger["railiance01"] == "yes"
    assert consulted == [seen]
    assert list(linger) == ["railiance01"]
    assert len(linger) == 1


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ({"lost": "railiance01: no route to host"}, "railiance01: no route to host"),
        (
            {"lost": "cut off", "exit_status": 0, "stdout": b"Linger=yes\n"},
            "cut off",
        ),
        (
            {"exit_status": 0, "stdout": b"?"},
            "railiance01: `linger` was not understood: expected Linger=yes or Linger=no, found '?'",
        ),
    ],
)
def test_what_was_not_observed_is_inconclusive_with_its_cause(
    given: dict[str, Any], cause: str
) -> None:
    linger, consulted = observed(transcript(**given))
    for _ in range(2):
        with pytest.raises(Inconclusive) as raised:
            linger["railiance01"]
        assert str(raised.value) == cause
    assert consulted


def test_what_was_never_asked_is_inconclusive() -> None:
    linger, consulted = observed()
    with pytest.raises(Inconclusive, match="linger was not asked about railiance01"):
        linger["railiance01"]
    assert not consulted


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"status": "ok", "service": "state-hub", "events": 3}', None),
        (b"<html>", "/state/health did not answer in JSON: b'<html>'"),
        (b'["ok"]', "/state/health did not answer with a JSON object: b'[\"ok\"]'"),
        (b'{"service": "state-hub"}', "/state/health answered without 'status', which should"),
        (b'{"status": null, "service": "state-hub"}', "answered status: None, not 'ok'"),
        (b'{"status": "ok", "service": "issue-core"}', "service: 'issue-core', not 'state-hub'"),
    ],
)
def test_health_is_what_the_body_says(body: bytes, why: str | None) -> None:
    answer = Answer(200, body, None, 205, 197)
    found = answer.unhealthy(HEALTH)
    assert (found is None) if why is None else (found is not None and why in found)


def test_health_needs_an_answer_and_a_200() -> None:
    body = b'{"status": "ok", "service": "state-hub"}'
    assert Answer(None, b"", "refused", 0, 0).unhealthy(HEALTH) == "refused"
    assert Answer(200, body, "more than 9 bytes", 9, 9).unhealthy(HEALTH) == "more than 9 bytes"
    found = Answer(503, body, None, 205, 197).unhealthy(HEALTH)
    assert found == "/state/health answered 503, not 200"


@pytest.mark.parametrize(
    ("selector", "owned"),
    [
        ({"app": "hub"}, True),
        ({"app": "hub", "part": "core"}, True),
        ({"app": "api"}, False),
        ({"app": "hub", "track": "new"}, False),
        ({}, False),
    ],
)
def test_deployment_owns_the_pods_of_its_whole_selector(
    selector: dict[str, str], owned: bool
) -> None:
    labels = {"app": "hub", "part": "core"}
    pod = Pod("hub-1", "uid", labels, 1, 1, 0, None, None, False, False, None, (), ())
    assert Deployment("hub", 1, selector).owns(pod) is owned


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("bridge up state-hub-railiance01", True),
        ("state-hub-railiance01", True),
        ("bridge up 'state-hub-railiance01';", True),
        ("bridge up state-hub-railiance01-old", False),
        ("bridge up my-state-hub-railiance01", False),
        ("bridge up state-hub-railiance011", False),
        ("ExecStart=/opt/state-hub-railiance01.sh", True),
        ("systemctl --user start state-hub-railiance01.service", True),
    ],
)
def test_name_is_mentioned_as_a_word_of_its_own(line: str, named: bool) -> None:
    assert mentions(line, "state-hub-railiance01") is named
