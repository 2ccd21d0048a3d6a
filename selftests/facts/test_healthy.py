"""What is healthy by each kind of expectation, and what is told of an answer that is not."""

from typing import Any

import pytest

from fleetmesh.facts.answers import Answer, headers
from fleetmesh.facts.fact import Inconclusive
from fleetmesh.inventory import Health

DEEP = b'{"app": {"name": "hub", "checks": [{"db": true, "ms": 3}, {"q": 0}]}, "up": null}'


def unhealthy(
    body: bytes, told: dict[str, str] | None = None, status: int = 200, **expected: Any
) -> str | None:
    health = Health.model_validate({"path": "/healthz", **expected})
    return Answer(status, body, None, 1, 1, told).unhealthy(health)


@pytest.mark.parametrize(
    "expected",
    [
        {"json": {"app": {"name": "hub"}}},
        {"json": {"app": {"checks": [{"db": True}, {"q": 0}]}}},
        {"json": {"app": {"checks": [{"db": True}, {"q": 0.0}]}, "up": None}},
        {"matches": '"name": "h.b"'},
        {"contains": '"checks": [{"db": true'},
        {"text": f"  {DEEP.decode()}\n"},
        {"headers": {"X-Service": "hub"}},
        {"json": {"up": None}, "matches": "hub", "headers": {"x-service": " hub "}},
    ],
    ids=str,
)
def test_healthy(expected: dict[str, Any]) -> None:
    assert unhealthy(DEEP + b"\n", {"x-service": "hub"}, **expected) is None


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        ({"json": {"app": {"name": "Hub"}}}, "answered app.name: 'hub', not 'Hub'"),
        ({"json": {"app": {"names": 1}}}, "answered without 'app.names', which should be 1"),
        ({"json": {"app": "hub"}}, "answered app: {"),
        ({"json": {"app": {"name": {"first": "hub"}}}}, "answered app.name: 'hub', not {'first'"),
        ({"json": {"app": {"checks": [{"db": 1}, {"q": 0}]}}}, "checks[0].db: True, not 1"),
        ({"json": {"app": {"checks": [{"db": "true"}, {"q": 0}]}}}, "True, not 'true'"),
        ({"json": {"app": {"checks": [{"db": True}, {"q": False}]}}}, "checks[1].q: 0, not False"),
        ({"json": {"app": {"checks": [{"db": True}]}}}, "answered app.checks: ["),
        ({"json": {"app": {"checks": [{"q": 0}, {"db": True}]}}}, "without 'app.checks[0].q'"),
        ({"json": {"up": False}}, "answered up: None, not False"),
        ({"json": {"up": ""}}, "answered up: None, not ''"),
        ({"json": {"up": 0}}, "answered up: None, not 0"),
        ({"json": {"down": None}}, "answered without 'down', which should be None"),
        ({"matches": "^hub"}, "which '^hub' does not match"),
        ({"contains": "HUB"}, "without 'HUB'"),
        ({"text": "hub"}, ", not 'hub'"),
        ({"headers": {"X-Service": "Hub"}}, "answered X-Service: 'hub', not 'Hub'"),
        ({"headers": {"X-Other": "hub"}}, "without the header X-Other, which should be 'hub'"),
        ({"json": {"up": None}, "contains": "HUB"}, "without 'HUB'"),
        ({"json": {"up": 1}, "contains": "hub"}, "answered up: None, not 1"),
    ],
    ids=str,
)
def test_not_healthy(expected: dict[str, Any], says: str) -> None:
    assert says in str(unhealthy(DEEP, {"x-service": "hub"}, **expected))


def test_status_is_200_unless_another_is_expected() -> None:
    assert unhealthy(b"well", status=204, text="well") == "/healthz answered 204, not 200"
    health = Health.model_validate({"path": "/healthz", "status": 204, "headers": {"X-S": "hub"}})
    assert Answer(204, b"", None, 1, 1, {"x-s": "hub"}).unhealthy(health) is None
    assert Answer(200, b"", None, 1, 1, {"x-s": "hub"}).unhealthy(health) == (
        "/healthz answered 200, not 204"
    )


def test_text_that_cannot_be_read_is_not_healthy() -> None:
    assert "not UTF-8" in str(unhealthy("wéll".encode("latin-1"), text="wéll"))
    assert unhealthy("wéll".encode(), matches="w.ll$") is None


def test_headers_that_were_not_kept_say_nothing() -> None:
    with pytest.raises(Inconclusive, match="headers of the answer"):
        unhealthy(DEEP, None, headers={"X-Service": "hub"})


def test_headers_of_one_name_are_a_list_and_secret_ones_are_left_out() -> None:
    lines = ["X-A: 1", "x-a:2", "Set-Cookie: id=1", "no header", "X-B: http://x"]
    assert headers(lines) == {"x-a": "1, 2", "x-b": "http://x"}


@pytest.mark.parametrize(
    ("one", "two", "apart"),
    [
        ({"json": {"s": "ok", "n": "a"}}, {"json": {"s": "ok", "n": "b"}}, True),
        ({"json": {"s": "ok"}}, {"json": {"s": "ok"}}, False),
        ({"json": {"s": "ok"}}, {"json": {"s": "ok", "n": "b"}}, False),
        ({"json": {"a": {"n": 1}}}, {"json": {"a": {"n": True}}}, True),
        ({"json": {"a": {"n": 1}}}, {"json": {"a": {"n": 1.0}}}, False),
        ({"json": {"a": [1]}}, {"json": {"a": [1, 2]}}, True),
        ({"json": {"a": 1}}, {"text": "well"}, False),
        ({"text": "a"}, {"text": "b"}, True),
        ({"text": "a"}, {"text": " a "}, False),
        ({"text": "a-hub"}, {"contains": "b-hub"}, True),
        ({"text": "b-hub 1"}, {"contains": "b-hub"}, False),
        ({"contains": "a-hub"}, {"contains": "b-hub"}, False),
        ({"matches": "^a-hub$"}, {"matches": "^b-hub$"}, False),
        ({"headers": {"X-S": "a"}}, {"headers": {"x-s": "b"}}, True),
        ({"headers": {"X-S": "a"}}, {"headers": {"x-t": "b"}}, False),
        ({"text": "a", "status": 201}, {"text": "a"}, True),
    ],
    ids=str,
)
def test_what_is_told_apart_by_its_answer(
    one: dict[str, Any], two: dict[str, Any], *, apart: bool
) -> None:
    first, second = (Health.model_validate({"path": "/", **each}) for each in (one, two))
    assert (first.excludes(second), second.excludes(first)) == (apart, apart)
