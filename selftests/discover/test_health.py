"""A healthy answer is proposed only if the service names itself in it; the bodies are invented."""

import json
from typing import Any

import pytest

from fleetmesh.discover import health
from fleetmesh.discover.questions import HEALTH, OPENAPI, SMOKE
from selftests.discover.answers import Said, findings, inventory, values

PLACE = "services.state-hub.health.json"


@pytest.mark.parametrize(
    ("body", "proposed"),
    [
        ({"ok": "true", "a": "state-hub", "events": 7}, {"ok": "true", "a": "state-hub"}),
        ({"state": "UP", "app": "State Hub API"}, {"state": "UP", "app": "State Hub API"}),
        ({"healthy": True, "name": "hub-api"}, {"healthy": True, "name": "hub-api"}),
        ({"name": "hub_api"}, {"name": "hub_api"}),
        ({"a": {"b": "Hub-API"}, "status": "pass"}, {"status": "pass", "a": {"b": "Hub-API"}}),
    ],
)  # fmt: skip
def test_it_names_itself_and_says_that_it_is_well(body: Any, proposed: Any) -> None:
    assert health.healthy(body, ("state-hub", "hub-api")) == proposed


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"status": "ok"}, "no member names state-hub"),
        ({"status": "ok", "service": "impostor"}, "no member names state-hub"),
        ({"status": "ok", "service": "state-" + "hub" * 40}, "no member names state-hub"),
        ({"status": "degraded", "service": "state-hub"}, "which is not healthy"),
        ({"ok": False, "service": "state-hub"}, "which is not healthy"),
        ({"db": {"status": "down"}, "status": "ok", "service": "state-hub"}, "db.status: 'down'"),
    ],
)
def test_it_is_ill_or_somebody_else(body: Any, why: str) -> None:
    assert why in str(health.healthy(body, ("state-hub",)))


def asked(body: bytes, status: int = 200, doubted: frozenset[str] = frozenset()) -> list[Any]:
    """What is found where State Hub answers so at its ClusterIP."""
    said = Said()
    for service, answer in (("state-hub", body), ("issue-core", b'{"status": "ok"}')):
        said.says(HEALTH, service, answer, host="coulombcore", exit_status=status)
    every = health.answers_of_services(inventory(), said.answers, {"issue-core", *doubted})
    return list(every)


def test_the_inventory_s_own_answer_is_confirmed() -> None:
    body = b'{"service": "state-hub", "status": "ok", "more": 1}'
    assert values(asked(body)) == {PLACE: {"status": "ok", "service": "state-hub"}}


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b'{"status": "ok", "app": "state-hub"}', 404, "answered 404; the runbook's path"),
        (b'{"status": "ok", "app": "state-hub"}', 302, "answered 302"),
        (b"<html>state-hub ok</html>", 200, "no JSON object"),
        (b'{"app": "state-hub", "app": "impostor"}', 200, "no JSON object"),
        (b'["state-hub"]', 200, "no JSON object"),
        (b'{"status": "ok", "app": "impostor"}', 200, "no member names state-hub"),
    ],
)
def test_another_answer_is_a_finding(body: bytes, status: int, why: str) -> None:
    told = asked(body, status)
    assert not values(told)
    assert why in findings(told)[PLACE]


def test_nothing_is_learned_at_an_address_that_is_another_s() -> None:
    body = b'{"status": "up", "app": "state-hub"}'
    assert values(asked(body)), "otherwise it would be"
    assert asked(body, doubted=frozenset({"state-hub"})) == []


def smoke(openapi: Any = None, status: int = 404) -> list[Any]:
    """What is found of the smokes where both services answer so."""
    said = Said()
    for service in ("state-hub", "issue-core"):
        described = json.dumps(openapi) if openapi else "{}"
        given = {"host": "coulombcore", "exit_status": 200 if openapi else 404}
        said.says(OPENAPI, service, described, **given)
        said.says(SMOKE, service, "", host="coulombcore", exit_status=status)
    return list(health.smoke_paths(inventory(), said.answers))


def test_a_path_where_only_get_is_refused_takes_a_post() -> None:
    assert values(smoke(status=405)) == {
        "services.state-hub.smoke.path": "/progress",
        "services.issue-core.smoke.path": "/runs",
    }


def test_the_path_that_openapi_has_for_it_is_proposed() -> None:
    paths: Any = {
        "/v1/progress": {"post": {}},
        "/v1/runs": {"post": {}},
        "/v1/runs/{id}": {"post": {}},
    }
    assert values(smoke({"paths": paths})) == {
        "services.state-hub.smoke.path": "/v1/progress",
        "services.issue-core.smoke.path": "/v1/runs",
    }


@pytest.mark.parametrize(
    "paths",
    [
        {"/a/progress": {"post": {}}, "/b/progress": {"post": {}}},
        {"/elsewhere": {"post": {}}},
    ],
)
def test_no_path_or_several_are_for_somebody_to_choose(paths: Any) -> None:
    told = smoke({"paths": paths})
    assert not values(told)
    assert "openapi.json names for POST" in findings(told)["services.state-hub.smoke.path"]
    assert not any(each.matters for each in told), "a run without writes does not need it"


def test_what_get_alone_tells_is_not_enough() -> None:
    told = smoke()
    assert "does not tell if POST is known" in findings(told)["services.state-hub.smoke.path"]
