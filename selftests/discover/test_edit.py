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
JSON = ("services", "state-hub", "health", "json")
REMARK = "# seen on there, 2026-11-26T18:22:03Z"


def lines(under: Edit) -> list[str]:
    """The lines that are new."""
    return [line[1:] for line in under.diff().splitlines()[2:] if line.startswith("+")]


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
    assert done.findings[0].what.endswith("cannot stand in the inventory")


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


def test_what_somebody_saved_meanwhile_stays(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    text = PRODUCTION.read_text()
    for before in (text, ""):
        file.write_text(text + "# mine\n")
        under = Edit(file, text, before)
        under.set(NAMESPACE, "custodian", SEEN)
        with pytest.raises(OSError, match="somebody has changed it meanwhile"):
            under.write()
        assert file.read_text() == text + "# mine\n"
        assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_no_byte_but_the_value_and_its_remark_changes(ends: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    text = f"\ufeff# our fleet\n---\n{PRODUCTION.read_text()}".replace("\n", ends)
    content = text.replace("name: production", 'name: "productio\\u006e"').encode()
    file.write_bytes(content)
    under = Edit(file, content.decode(), content.decode())
    under.set(NAMESPACE, "custodian", SEEN)
    under.write()
    old = b"    namespace: state-hub           # OPEN"
    new = f"    namespace: custodian           {REMARK}".encode()
    assert content.count(old) == 2
    assert file.read_bytes() == content.replace(old, new, 1)
    assert lines(under) == [new.decode()]


def test_a_file_without_a_last_line_end_keeps_to_it() -> None:
    text = PRODUCTION.read_text().rstrip("\n")
    under = Edit(PRODUCTION, text, text)
    under.set(("deferrals", "PROD-14.certificate"), "later", SEEN)
    assert under.text.endswith(f"  PROD-14.certificate: later  {REMARK}")
    assert len(lines(under)) == 1


def test_a_remark_does_not_begin_within_a_value() -> None:
    under = edit()
    told = {"status": "ok", "service": "state-hub # OPEN beta"}
    under.set(JSON, told, SEEN)
    assert under.value(JSON) == told
    assert lines(under) == [
        f'      json: {{status: ok, service: "state-hub # OPEN beta"}}  {REMARK}'
    ]
    assert not under.is_open(JSON)
    assert all("state-hub # OPEN" not in line for _, line in under.left_open())


ONE_LINE = (
    """  coulombcore:
    host: coulombcore
    kubeconfig: ~/.kube/config     # OPEN
    service_cidr: 10.43.0.0/16
""",
    "  coulombcore: {host: coulombcore, kubeconfig: ~/.kube/config, service_cidr: 10.43.0.0/16}"
    " # OPEN\n",
)
CONTEXT = ("clusters", "coulombcore", "context")


def test_an_entry_on_one_line_is_open_until_all_of_it_is_told() -> None:
    done = Discovery(edit(ONE_LINE))
    told = [(CONTEXT, "prod"), ((*CONTEXT[:2], "kubeconfig"), "~/.kube/b.yaml"), (CONTEXT, "other")]
    done.take(Value(place, value, SEEN) for place, value in told)
    assert lines(done.edit) == [
        "  coulombcore: {host: coulombcore, kubeconfig: ~/.kube/b.yaml, context: prod, "
        f"service_cidr: 10.43.0.0/16}}  {REMARK}"
    ]
    assert [each.what for each in done.findings] == ["the fleet says other, the inventory prod"]


def test_a_line_stays_open_for_what_is_not_told() -> None:
    under = edit(ONE_LINE)
    under.set(CONTEXT, "prod", SEEN)
    assert under.is_open((*CONTEXT[:2], "kubeconfig"))
    assert not under.is_open(CONTEXT)
    assert lines(under)[0].endswith("service_cidr: 10.43.0.0/16} # OPEN")
    assert edit(ONE_LINE).left_open()[2:3] == under.left_open()[2:3]


def test_each_mark_of_the_runbook_stands_for_one_value() -> None:
    under = edit()
    hosts, certificate = ("hosts", "workstation"), ("certificate", "ca")
    places: list[tuple[str, ...]] = [(*hosts, "ssh"), (*hosts, "hostname"), certificate]
    places += [("clusters", each, "kubeconfig") for each in under.inventory.clusters]
    asked = (("namespace",), ("name",), ("health", "json"), ("smoke", "path"))
    places += [("services", each, *keys) for each in under.inventory.services for keys in asked]
    places += [("tunnels", each) for each in under.inventory.tunnels]
    places += [("probe", "deployment"), ("probe", "python"), ("workstation", "bridge")]
    assert len(under.left_open()) == len(places)
    for left, place in enumerate(places[::-1]):
        under.settle(place)
        assert len(under.left_open()) == len(places) - left - 1, place


HEALTH = ("    health:\n      path: /state/", "    health: &h\n      path: /state/")
REPEATED = (
    "    health:\n      path: /healthz\n      json: {status: ok, service: issue-core}    # OPEN\n",
    "    health: *h\n",
)


def test_no_value_changes_by_an_alias() -> None:
    text = PRODUCTION.read_text()
    for change in (HEALTH, REPEATED):
        assert change[0] in text
        text = text.replace(*change)
    done = Discovery(Edit(PRODUCTION, text, text))
    other = ("services", "issue-core", "health", "json")
    same = done.edit.value(JSON)
    told = [(JSON, {"ok": True}), (other, {"ok": True}), (other, same)]
    done.take(Value(place, value, SEEN) for place, value in told)
    assert done.edit.text == text
    assert not done.values + done.confirmed
    assert [each.advice for each in done.findings] == [
        "cannot change alone; write out what repeats it by an alias",
        *2 * ["repeats another value by *h; write it out"],
    ]


def test_a_value_in_place_of_an_alias_takes_its_mark_away() -> None:
    text = PRODUCTION.read_text()
    text = text.replace("namespace: state-hub           #", "namespace: &ns state-hub #", 1)
    text = text.replace("name: state-hub                #", "name: *ns #", 1)
    under = Edit(PRODUCTION, text, text)
    with pytest.raises(InventoryError, match="write out what repeats it"):
        under.set(NAMESPACE, "custodian", SEEN)
    under.set(("services", "state-hub", "name"), "hub", SEEN)
    under.set(NAMESPACE, "custodian", SEEN)
    assert lines(under) == [f"    namespace: &ns custodian  {REMARK}", f"    name: hub  {REMARK}"]


def test_comments_within_a_value_stay() -> None:
    block = (
        "      json: {status: ok, service: state-hub}     # OPEN",
        "      json:  # OPEN\n        # a\n        status: ok  # b\n        service: hub\n      #",
    )
    under = edit(block)
    under.set(JSON, {"status": "ok", "service": "x"}, SEEN)
    assert lines(under) == [f"      json:  {REMARK}", "        service: x"]
    assert not under.is_open(JSON)
    under = edit(block)
    with pytest.raises(InventoryError, match="holds comments, which would be lost"):
        under.set(JSON, {"service": "x"}, SEEN)
    assert under.diff() == ""
