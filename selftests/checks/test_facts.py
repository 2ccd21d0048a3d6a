"""What a check reads: facts by their names and of their types, and what a run asks for them."""

import pytest

from fixtures import facts
from fleetmesh.facts import FACTS
from fleetmesh.inventory import load
from selftests.checks.conftest import Suite
from selftests.inventory import RUNBOOK

CHECK = '''
Linger = Mapping[str, str]

@check("PROD-90.it", runbook="Goal", hint="Mend it.")
def test_it({arguments}):
    """It holds."""
    linger["railiance01"]
'''
WRITE = "write `linger: Mapping[str, str]`"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("linger: Mapping[str, int]", f"`linger` is annotated Mapping[str, int]; {WRITE}"),
        ("linger: dict[str, str]", f"`linger` is annotated dict[str, str]; {WRITE}"),
        ("linger: Mapping[str, Any]", f"`linger` is annotated Mapping[str, Any]; {WRITE}"),
        ("linger: Any", f"`linger` is annotated Any; {WRITE}"),
        ("linger: None", f"`linger` is annotated NoneType; {WRITE}"),
        ("linger", f"`linger` has no annotation; {WRITE}"),
        ("linger: Linger, case", "`case` has no annotation; write its type"),
        ("linger: 'Observed'", "cannot be read: name 'Observed' is not defined; import what"),
        (
            "linger: Linger, units: Linger",
            "`units` is annotated Mapping[str, str]; write `units: Mapping[str, dict[str, Unit]]`",
        ),
        (
            "linger: Linger, installed: Linger",
            "write `installed: Mapping[str, dict[str, InstalledFile | None]]`",
        ),
    ],
)
@pytest.mark.parametrize("option", ["--strict-markers", "--collect-only"])
def test_another_type_is_refused(suite: Suite, arguments: str, says: str, option: str) -> None:
    suite.write("tests/production/test_it.py", CHECK.format(arguments=arguments))
    ran = suite.run(option)
    assert ran.exit_status == 4, ran.terminal
    assert "test_it.py::test_it: " in ran.terminal
    assert says in ran.terminal
    assert "Traceback" not in ran.terminal
    assert "INTERNALERROR" not in ran.terminal


@pytest.mark.parametrize("linger", ["Linger", "'Linger'", "Mapping[str, str]"])
def test_the_fact_s_own_type_is_not(suite: Suite, linger: str) -> None:
    suite.write("tests/production/test_it.py", CHECK.format(arguments=f"linger: {linger}"))
    assert suite.run().exit_status == 0


def test_every_fact_is_a_fixture_that_is_found_by_its_name() -> None:
    assert {name: vars(facts)[name].name for name in FACTS} == {name: name for name in FACTS}


def test_some_facts_ask_a_cluster() -> None:
    production = load(RUNBOOK)
    assert {name for name, fact in FACTS.items() if fact.asks_a_cluster(production)} == {
        *("bridge_endpoints", "bridge_services", "live_services", "service_endpoints"),
        *("cluster_uids", "cluster_versions", "deployments", "inside_answers", "pods"),
        *("runbook_pods", "workloads"),
    }
    without = production.model_copy(update={"bridges": {}})
    assert not FACTS["deployments"].asks_a_cluster(without)
