"""A kubeconfig and a Service are found by what the runbook says is in the cluster."""

from typing import Any

import pytest

from fleetmesh.discover import clusters
from fleetmesh.discover.clusters import Ways, chosen
from fleetmesh.discover.kubeconfigs import Way, _each, _NoKubeconfig
from fleetmesh.discover.questions import KUBECONFIGS
from selftests.discover.answers import (
    SEEN,
    Said,
    findings,
    inventory,
    listed,
    service,
    values,
    way,
)

HUB, ISSUES = "10.43.170.94", "10.43.103.154"
THERE = listed(
    service("hub-api", "custodian", HUB, 8000), service("issues", "trackers", ISSUES, 8765)
)
ELSEWHERE = listed(service("kubernetes", "default", "10.43.0.1", 443))
FORBIDDEN: tuple[int, Any] = (403, {"message": "no"})


def services(answers: dict[str, Any]) -> list[Any]:
    """What is found of the Services where the API answers so."""
    ways: Ways = {"coulombcore": (way(answers), SEEN)}
    return list(clusters.services(inventory(), ways))


def test_a_service_is_found_by_its_clusterip() -> None:
    assert values(services({"services": THERE})) == {
        "services.state-hub.namespace": "custodian",
        "services.state-hub.name": "hub-api",
        "services.issue-core.namespace": "trackers",
        "services.issue-core.name": "issues",
    }


def test_an_account_with_few_rights_confirms_what_it_may_see() -> None:
    mine = (200, service("state-hub", "state-hub", HUB, 8000))
    told = services({"services": FORBIDDEN, "service state-hub": mine})
    assert values(told) == {
        "services.state-hub.namespace": "state-hub",
        "services.state-hub.name": "state-hub",
    }
    assert "no Service that the account may see" in findings(told)["services.issue-core.name"]


def test_a_name_that_is_known_is_never_replaced() -> None:
    """The State Hub was made anew, and a stranger has got its ClusterIP."""
    moved = service("state-hub", "state-hub", "10.43.0.7", 8000)
    stranger = service("stranger", "abroad", HUB, 8000)
    told = services({"services": listed(moved, stranger)})
    assert not values(told)
    assert findings(told)["services.state-hub.cluster_ip"] == (
        f"the Service state-hub/state-hub has the ClusterIP 10.43.0.7; the runbook says {HUB}:8000"
    )


@pytest.mark.parametrize("offered", [[], [8001], ["8000"]])
def test_another_port_is_a_finding(offered: list[Any]) -> None:
    told = services({"services": listed(service("hub-api", "custodian", HUB, *offered))})
    assert "services.state-hub.name" not in values(told)
    assert "offers the TCP ports" in findings(told)["services.state-hub.port"]


def test_a_port_of_another_protocol_does_not_count() -> None:
    found = service("hub-api", "custodian", HUB, 8000)
    found["spec"]["ports"][0]["protocol"] = "UDP"
    assert "services.state-hub.port" in findings(services({"services": listed(found)}))


def choice(*ways: Way) -> Way | None:
    asked = inventory()
    return chosen(asked.clusters["coulombcore"], asked, list(ways))


def test_the_inventory_s_kubeconfig_is_kept_if_it_leads_there() -> None:
    own, other = way({"services": THERE}), way({"services": THERE}, kubeconfig="~/.kube/b.yaml")
    assert choice(other, own) is own


def test_the_one_that_leads_there_is_taken() -> None:
    own, other = way({"services": ELSEWHERE}), way({"services": THERE}, kubeconfig="~/b.yaml")
    assert choice(own, other) is other


def test_another_context_of_the_same_file_comes_first() -> None:
    lab = way({"services": ELSEWHERE}, context="lab")
    right = way({"services": THERE}, context="prod", current=False)
    other = way({"services": THERE}, kubeconfig="~/.kube/b.yaml")
    assert choice(other, lab, right) is right


def test_one_that_does_not_answer_is_not_replaced() -> None:
    """Its token has expired, say: that is for somebody to see."""
    own, other = way({}, problem="the API answered 401"), way({"services": THERE}, kubeconfig="~/b")
    assert choice(own, other) is own


def test_none_leads_there() -> None:
    assert (
        choice(way({"services": ELSEWHERE}), way({"services": FORBIDDEN}, kubeconfig="~/b")) is None
    )


def kubeconfigs(listing: str, *ways: Way) -> tuple[list[Any], Ways]:
    """What is found on coulombcore, and the way on."""
    from fleetmesh.facts.fact import Fact  # noqa: PLC0415

    asked = inventory()
    fact: Fact[Any] = Fact("ways", lambda _: {}, lambda _: ways)
    said = Said().says(KUBECONFIGS, "coulombcore", listing)
    said.says(fact, "coulombcore:any", "[]", host="coulombcore")
    reached: Ways = {}
    found = list(clusters.kubeconfigs(asked, said.answers, fact, reached))
    return [each for each in found if "coulombcore" in each.place], reached


def test_file_and_context_are_proposed() -> None:
    right = way({"services": THERE}, kubeconfig="~/.kube/b.yaml", context="prod", current=False)
    found, reached = kubeconfigs("open ~/.kube/b.yaml\n", right)
    assert values(found) == {
        "clusters.coulombcore.kubeconfig": "~/.kube/b.yaml",
        "clusters.coulombcore.context": "prod",
    }
    assert reached["coulombcore"][0] is right


def test_what_may_not_be_read_is_said() -> None:
    found, reached = kubeconfigs("closed /etc/rancher/k3s/k3s.yaml\n")
    told = findings(found)["clusters.coulombcore.kubeconfig"]
    assert "may not read /etc/rancher/k3s/k3s.yaml" in told
    assert not reached


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "contexts: 5",
        "contexts: [a]",
        "contexts: [{name: a, context: foo}]",
        "contexts: [{name: a, context: [foo]}]",
        f"a0: &a0 {'[' * 40}1{']' * 40}\na1: &a1 {'[' * 40}*a0{']' * 40}\ncontexts: []\n",
    ],
)
def test_what_is_no_kubeconfig_is_said_to_be_none(text: str) -> None:
    with pytest.raises(_NoKubeconfig, match="it is no kubeconfig"):
        _each(text)
