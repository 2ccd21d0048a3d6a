"""An inventory is edited value by value, and only where it is open."""

from pathlib import Path
from typing import Any

import pytest

from fleetmesh.discover import clusters, inside
from fleetmesh.discover.edit import Edit
from fleetmesh.discover.found import Value
from fleetmesh.discover.questions import KUBECONFIGS
from fleetmesh.discover.rounds import Discovery
from fleetmesh.facts.fact import Fact
from fleetmesh.inventory import InventoryError, load
from selftests.discover.answers import (
    PRODUCTION,
    SEEN,
    Said,
    edit,
    inventory,
    listed,
    service,
    way,
)
from selftests.discover.test_inside import BRIDGES, deployment

NAMESPACE = ("services", "state-hub", "namespace")


def test_only_the_value_and_its_mark_change() -> None:
    under = edit()
    under.set(NAMESPACE, "custodian", SEEN)
    changed = [line for line in under.diff().splitlines() if line[:1] in "+-"][2:]
    assert changed == [
        "-    namespace: state-hub           # OPEN",
        "+    namespace: custodian           # seen on there, 2026-11-26T18:22:03Z",
    ]
    assert under.inventory.services["state-hub"].namespace == "custodian"


def test_an_edit_of_what_is_there_already_takes_the_mark_away_and_nothing_else() -> None:
    under = edit()
    under.set(NAMESPACE, "state-hub", SEEN)
    assert [line for line in under.diff().splitlines() if line.startswith("+ ")] == [
        "+    namespace: state-hub           # seen on there, 2026-11-26T18:22:03Z"
    ]
    assert not under.is_open(NAMESPACE)


@pytest.mark.parametrize(
    ("place", "is_open"),
    [
        (("hosts", "workstation", "hostname"), True),
        (("hosts", "railiance01", "hostname"), False),
        (("hosts", "workstation", "transport"), True),
        (("hosts", "railiance01", "transport"), False),
        (("clusters", "railiance01", "kubeconfig"), True),
        (("clusters", "railiance01", "context"), True),
        (("clusters", "railiance01", "service_cidr"), False),
        (("services", "state-hub", "cluster_ip"), False),
        (("services", "state-hub", "port"), False),
        (("services", "state-hub", "health", "json"), True),
        (("services", "state-hub", "health", "path"), False),
        (("tunnels", "fleet-state-hub-coulombcore", "unit"), True),
        (("tunnels", "fleet-state-hub-coulombcore", "listen"), False),
        (("tunnels", "fleet-state-hub-coulombcore", "via"), False),
        (("tunnels", "fleet-state-hub-coulombcore", "key"), False),
        (("bridges", "actcore-state-hub-bridge", "port"), False),
        (("limits", "restarts"), False),
        (("waivers",), False),
    ],
)
def test_claims_of_the_runbook_are_closed(place: tuple[str, ...], is_open: bool) -> None:
    assert edit().is_open(place) is is_open


def test_a_new_key_stands_within_its_entry() -> None:
    under = edit()
    place = ("tunnels", "fleet-state-hub-coulombcore", "unit")
    under.set(place, "mesh-hub.service", SEEN)
    assert "    unit: mesh-hub.service  # seen on there" in under.text
    assert under.inventory.tunnels["fleet-state-hub-coulombcore"].unit == "mesh-hub.service"
    assert "\n\n  fleet-issue-core-coulombcore:" not in under.text, "no blank line moved"


def test_nested_values_stay_on_their_line_and_words_stay_text() -> None:
    under = edit()
    told = {"command": ["bridge"], "status": "table", "columns": {"name": "N", "state": "S"}}
    under.set(("workstation", "bridge"), told | {"up": ["on"], "down": ["off"]}, SEEN)
    assert 'up: ["on"], down: ["off"]}' in under.text
    assert under.inventory.workstation.bridge.up == ("on",)


@pytest.mark.parametrize("name", ["evil; rm -rf ~", "a b", "", "$(id)", "x\n  port: 1"])
def test_what_a_host_may_not_be_called_is_refused_and_changes_nothing(name: str) -> None:
    under = edit()
    before = under.text
    with pytest.raises(InventoryError):
        under.set(NAMESPACE, name, SEEN)
    assert under.text == before


def test_what_would_not_load_is_a_finding() -> None:
    done = Discovery(edit())
    done.take(iter([Value(NAMESPACE, "$(id)", SEEN)]))
    assert not done.values
    assert done.findings[0].what.endswith("cannot stand in an inventory")


def test_what_is_settled_is_a_finding_and_stays() -> None:
    done = Discovery(edit())
    done.take(iter([Value(("hosts", "railiance01", "hostname"), "other", SEEN)]))
    assert (done.values, done.edit.diff()) == ([], "")
    assert done.findings[0].what == "the fleet says other, the inventory railiance01"


def test_a_value_that_was_written_is_settled_from_then_on() -> None:
    done = Discovery(edit())
    done.take(iter([Value(NAMESPACE, "custodian", SEEN), Value(NAMESPACE, "stranger", SEEN)]))
    assert [each.value for each in done.values] == ["custodian"]
    assert done.edit.inventory.services["state-hub"].namespace == "custodian"
    assert [each.what for each in done.findings] == [
        "the fleet says stranger, the inventory custodian"
    ]


def test_what_is_open_with_another_value_is_told_before_it() -> None:
    """A kubeconfig's context and a Deployment's container have no line of their own."""
    right = way(
        {"services": listed(service("h", "n", "10.43.170.94", 8000))},
        kubeconfig="~/.kube/b.yaml", context="prod", current=False,
    )  # fmt: skip
    fact: Fact[Any] = Fact("ways", lambda _: {}, lambda _: (right,))
    said = Said().says(KUBECONFIGS, "coulombcore", "open ~/.kube/b.yaml\n")
    said.says(fact, "coulombcore:any", "[]", host="coulombcore")
    done = Discovery(edit())
    done.take(clusters.kubeconfigs(inventory(), said.answers, fact, {}))
    cluster = done.edit.inventory.clusters["coulombcore"]
    assert (cluster.kubeconfig, cluster.context) == ("~/.kube/b.yaml", "prod")
    told = (deployment("web", *BRIDGES, beside="proxy"),)
    asked = way({"deployments activity-core": listed(*told)}, host="railiance01")
    done.take(inside.deployment(inventory(), asked, SEEN))
    probe = done.edit.inventory.probe
    assert (probe.deployment, probe.container) == ("web", "app")


def test_a_host_that_the_command_line_names_may_say_its_name() -> None:
    under = edit()
    under.open(("hosts", "railiance01", "hostname"))
    assert under.is_open(("hosts", "railiance01", "hostname"))
    assert not under.is_open(("hosts", "coulombcore", "hostname"))


def test_it_is_written_at_once_with_the_file_s_own_mode(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    text = PRODUCTION.read_text().replace("../../infra/fleet-mesh", str(tmp_path))
    file.write_text(text)
    file.chmod(0o640)
    under = Edit(file, text, text)
    under.set(NAMESPACE, "custodian", SEEN)
    under.write()
    assert load(file).services["state-hub"].namespace == "custodian"
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_is_followed_and_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text(PRODUCTION.read_text())
    link.symlink_to(real)
    under = Edit(link, link.read_text(), link.read_text())
    under.set(NAMESPACE, "custodian", SEEN)
    under.write()
    assert link.is_symlink()
    assert "custodian" in real.read_text()
