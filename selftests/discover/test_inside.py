"""The pod to ask from is the runbook's, or the one whose containers are told of the bridges."""

from typing import Any

import pytest

from fleetmesh.discover import inside
from selftests.discover.answers import (
    SEEN,
    Said,
    findings,
    inventory,
    listed,
    values,
    way,
)

BRIDGES = ("actcore-state-hub-bridge", "actcore-issue-core-bridge")


def deployment(name: str, *told: str, beside: str = "") -> dict[str, Any]:
    """A Deployment whose container is told of these hosts, perhaps `beside` another one."""
    env = [{"name": f"URL{n}", "value": f"http://{host}:8000"} for n, host in enumerate(told)]
    containers: list[dict[str, Any]] = [{"name": "app", "env": env}]
    if beside:
        containers.insert(0, {"name": beside})
    spec = {"template": {"metadata": {}, "spec": {"containers": containers}}}
    return {"metadata": {"name": name}, "spec": spec}


def found(*deployments: dict[str, Any], status: int = 200) -> list[Any]:
    """What is found where the namespace has these Deployments."""
    answer = listed(*deployments) if status == 200 else (status, {})
    asked = way({"deployments activity-core": answer}, host="railiance01")
    return list(inside.deployment(inventory(), asked, SEEN))


def test_the_runbook_s_is_kept_whatever_else_there_is() -> None:
    told = found(deployment("actcore-api"), deployment("web", *BRIDGES))
    assert values(told) == {"probe.deployment": "actcore-api"}


def test_the_one_that_is_told_of_every_bridge_is_proposed() -> None:
    told = found(
        *(deployment(name, "127.0.0.1") for name in BRIDGES),
        deployment("web", *BRIDGES),
        deployment("cron", BRIDGES[0]),
    )
    assert values(told) == {"probe.deployment": "web"}


def test_so_is_its_container_where_another_comes_first() -> None:
    told = found(deployment("web", *BRIDGES, beside="proxy"))
    assert values(told) == {"probe.deployment": "web", "probe.container": "app"}


@pytest.mark.parametrize(
    "deployments",
    [[], [deployment("web")], [deployment("web", *BRIDGES), deployment("worker", *BRIDGES)]],
)
def test_none_or_two_are_for_somebody_to_choose(deployments: list[dict[str, Any]]) -> None:
    told = found(*deployments)
    assert not values(told)
    assert "there is no Deployment actcore-api" in findings(told)["probe.deployment"]


def test_what_may_not_be_listed_is_said() -> None:
    assert "may not list" in findings(found(status=403))["probe.deployment"]


def pythons(said: str) -> list[Any]:
    answers = Said().says(inside.PYTHONS, "actcore-api", said, host="railiance01").answers
    return list(inside.python(inventory(), answers))


@pytest.mark.parametrize(
    ("said", "python"),
    [
        ("python\npython3\nend\n", "python"),
        ("python3\nend\n", "python3"),
        ("/venv/bin/python\nend\n", "/venv/bin/python"),
        ("evil\npython3\nend\n", "python3"),
        ("python3\ncurl\nend\n", "python3"),
    ],
)
def test_its_python_is_the_first_that_runs(said: str, python: str) -> None:
    assert values(pythons(said)) == {"probe.python": python}


def test_without_python_another_program_asks() -> None:
    assert values(pythons("wget\nend\n")) == {"probe.with": "wget", "probe.python": None}


@pytest.mark.parametrize("said", ["end\n", "", "python\n"])
def test_no_python_is_a_finding(said: str) -> None:
    told = pythons(said)
    assert not values(told)
    assert "probe.python" in findings(told)
