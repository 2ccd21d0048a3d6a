"""Parts of the stand-in that need no cluster, and so no root: credentials, selectors, patches."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from rehearsal.standins.kubernetes import admission, patches, selectors
from rehearsal.standins.kubernetes.resources import RESOURCES
from rehearsal.standins.kubernetes.status import ApiError
from rehearsal.standins.kubernetes.store import Expired, Key, Store

from .cluster import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = {
    "cluster": "unit",
    "node": "unit-node",
    "node_ip": "198.18.77.11",
    "service_cidr": "198.19.42.0/24",
    "pod_cidr": "198.19.12.0/24",
    "listen": "127.0.0.1:6443",
    "service_accounts": [{"name": "verifier", "namespace": "activity-core", "rules": []}],
}


def kubeconfig(folder: Path, user: str, **changes: Any) -> subprocess.CompletedProcess[str]:
    file = folder / "cluster.json"
    document = {**CONFIG, "state_dir": str(folder / "state"), **changes}
    file.write_text(json.dumps({key: value for key, value in document.items() if value != ""}))
    return subprocess.run(
        [sys.executable, "-m", "rehearsal.standins.kubernetes", "kubeconfig",
         "--config", str(file), "--user", user, "--out", str(folder / user)],
        cwd=CHECKOUT, capture_output=True, text=True, timeout=30,
    )  # fmt: skip


def test_secrets_are_their_owners_alone(tmp_path: Path) -> None:
    for user in ("admin", "verifier"):
        assert kubeconfig(tmp_path, user).stderr == ""
    tls = tmp_path / "state" / "tls"
    secret = [*tls.glob("*.key"), tls / "tokens.json", tmp_path / "admin", tmp_path / "verifier"]
    assert len(secret) == 6
    assert {stat.filemode(file.stat().st_mode) for file in secret} == {"-rw-------"}


@pytest.mark.parametrize(
    "name",
    ["-verify_hostname=localhost", "-verify_hostname=unit-node", "-verify_ip=127.0.0.1",
     "-verify_hostname=kubernetes.default", "-verify_ip=198.18.77.11"],
)  # fmt: skip
def test_the_serving_certificate_covers(tmp_path: Path, name: str) -> None:
    assert kubeconfig(tmp_path, "admin").returncode == 0
    tls = tmp_path / "state" / "tls"
    subprocess.run(
        ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", tls / "ca.crt",
         *name.split("="), tls / "server.crt"],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip


def test_a_user_keeps_the_token(tmp_path: Path) -> None:
    kubeconfig(tmp_path, "verifier")
    first = yaml.safe_load((tmp_path / "verifier").read_text())
    more = [*CONFIG["service_accounts"], {"name": "new", "namespace": "default", "rules": []}]
    kubeconfig(tmp_path, "verifier", service_accounts=more)
    assert yaml.safe_load((tmp_path / "verifier").read_text()) == first


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"node_ip": ""}, "node_ip is missing"),
        ({"node_ip": "here"}, "node_ip: 'here'"),
        ({"listen": "6443"}, "as in 0.0.0.0:6443"),
        ({"service_accounts": [{"name": "x"}]}, "'namespace' is missing"),
    ],
)
def test_a_wrong_configuration_is_named(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    done = kubeconfig(tmp_path, "admin", **changes)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_user_is_told_the_known_ones(tmp_path: Path) -> None:
    done = kubeconfig(tmp_path, "nobody")
    assert done.returncode == 2
    assert "known users are admin, verifier" in done.stderr


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web,tier!=back", True),
        ("app=other", False),
        ("app in (web, api),!missing", True),
        ("app notin (web)", False),
        ("missing notin (web)", True),
        ("app", True),
        ("!app", False),
        ("app=web,missing", False),
    ],
)
def test_label_selectors(selector: str, matches: bool) -> None:
    assert selectors.labels(selector)({"app": "web", "tier": "front"}) is matches


@pytest.mark.parametrize("selector", ["a=b=c", "=b", "a in b", "a,,b"])
def test_malformed_label_selectors(selector: str) -> None:
    with pytest.raises(ApiError) as caught:
        selectors.labels(selector)
    assert caught.value.code == 400


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True),
        ("metadata.name=web", True),
        ("metadata.name==web,status.phase!=Running", False),
        ("metadata.name!=web", False),
        ("spec.nodeName=", True),
    ],
)
def test_field_selectors(selector: str, matches: bool) -> None:
    obj = {"metadata": {"name": "web"}, "status": {"phase": "Running"}, "spec": {}}
    assert selectors.fields(selector)(obj) is matches


def test_a_field_nobody_can_select_by() -> None:
    with pytest.raises(ApiError) as caught:
        selectors.fields("spec.clusterIP=1.2.3.4")
    assert caught.value.code == 400


def test_merge_patch_removes_with_null_and_replaces_lists() -> None:
    before = {"spec": {"a": 1, "b": 2, "list": [{"name": "x", "v": 1}]}}
    patch = {"spec": {"a": None, "c": 3, "list": [{"name": "y"}]}}
    after = {"spec": {"b": 2, "c": 3, "list": [{"name": "y"}]}}
    assert patches.patched(before, patch, patches.MERGE) == after


def test_strategic_patch_merges_containers_by_name() -> None:
    before = {"containers": [{"name": "a", "image": "i", "args": ["1"]}, {"name": "b"}]}
    patch = {"containers": [{"name": "a", "args": ["2"]}, {"name": "b", "$patch": "delete"}]}
    after = {"containers": [{"name": "a", "image": "i", "args": ["2"]}]}
    assert patches.patched(before, patch, patches.STRATEGIC) == after


def test_json_patch() -> None:
    before = {"a": [1, 2], "b/c": {"d": 1}}
    patch = [
        {"op": "add", "path": "/a/-", "value": 3},
        {"op": "remove", "path": "/a/0"},
        {"op": "replace", "path": "/b~1c/d", "value": 2},
    ]
    assert patches.patched(before, patch, patches.JSON) == {"a": [2, 3], "b/c": {"d": 2}}
    assert before == {"a": [1, 2], "b/c": {"d": 1}}


@pytest.mark.parametrize(
    "operation",
    [{"op": "replace", "path": "/nosuch", "value": 1}, {"op": "test", "path": "/a", "value": 2}],
)
def test_a_json_patch_that_does_not_fit(operation: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        patches.patched({"a": 1}, [operation], patches.JSON)
    assert caught.value.code == 422


def test_the_store_remembers_and_tells_what_is_too_old(tmp_path: Path) -> None:
    file = tmp_path / "objects.json"
    store = Store(file)
    key = Key("services", "default", "web")
    store.create("services", {"metadata": {"namespace": "default", "name": "web"}, "spec": 1})
    version = store.version
    store.update(key, lambda obj: obj.update(spec=2))
    assert [e.type for e in store.since(version, "services")] == ["MODIFIED"]
    store.update(key, lambda obj: obj.update(spec=2))
    assert store.version == version + 1  # nothing changed, nobody is told
    store.save()
    again = Store(file)
    assert (again.get(key), again.version) == (store.get(key), store.version)
    with pytest.raises(Expired):
        again.since(version, "services")


def test_a_stored_object_does_not_change_under_its_readers(tmp_path: Path) -> None:
    store = Store(tmp_path / "objects.json")
    given = {"metadata": {"namespace": "default", "name": "web"}, "spec": {"n": 1}}
    seen = store.create("services", given)
    store.update(Key("services", "default", "web"), lambda obj: obj["spec"].update(n=2))
    assert (seen["spec"], given["metadata"]) == ({"n": 1}, {"namespace": "default", "name": "web"})


@pytest.mark.parametrize("name", ["", "Upper", "under_score", "-dash", "x" * 300])
def test_names(name: str) -> None:
    with pytest.raises(ApiError) as caught:
        admission.name(RESOURCES[0], {"metadata": {"name": name}})
    assert caught.value.code == 422
