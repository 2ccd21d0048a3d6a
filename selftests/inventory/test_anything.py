"""Whatever is done to runbook.yaml, it is refused as an inventory or is a sound one."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetmesh.inventory import Inventory, InventoryError, load
from selftests.inventory import RUNBOOK

PRODUCTION = yaml.safe_load(RUNBOOK.read_text())

Place = tuple[Any, ...]


def places(node: Any, at: Place = ()) -> Iterator[Place]:
    """Every node of the document but its root."""
    if at:
        yield at
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from places(value, (*at, key))


PLACES = list(places(PRODUCTION))
NASTY: list[Any] = [
    None, True, 0, -1, 1.5, float("inf"), "", "x", "railiance01", "127.0.0.1:18000", "known_hosts",
    "\x1b[31m", "a" * 400, "../..", [], ["x"], [[]], {}, {"x": {"y": []}}, {1: 2}, {None: None},
]  # fmt: skip
VALUES = st.sampled_from(NASTY) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)
CHANGES = st.lists(
    st.tuples(st.sampled_from(PLACES), st.sampled_from(["delete", "replace", "rename"]), VALUES),
    min_size=1,
    max_size=4,
)


def change(document: Any, place: Place, how: str, value: Any) -> None:
    """Make the change, if an earlier one has left the place where it was."""
    *above, last = place
    try:
        for key in above:
            document = document[key]
        old = document[last]
    except (KeyError, IndexError, TypeError):
        return
    if isinstance(document, str):
        return
    if how == "replace":
        document[last] = value
        return
    del document[last]
    if how == "rename" and isinstance(document, dict):
        document[str(value)] = old


def dangling(sound: Inventory) -> list[str]:
    """References of an accepted inventory that lead nowhere."""
    hosts, clusters = set(sound.hosts), set(sound.clusters)
    services, tunnels = set(sound.services), set(sound.tunnels)
    leads = [
        *((tunnel.host, hosts) for tunnel in sound.tunnels.values()),
        *((tunnel.via, hosts - {tunnel.host}) for tunnel in sound.tunnels.values()),
        *((tunnel.to, services) for tunnel in sound.tunnels.values()),
        *((cluster.host, hosts) for cluster in sound.clusters.values()),
        *((service.cluster, clusters) for service in sound.services.values()),
        *((bridge.cluster, clusters) for bridge in sound.bridges.values()),
        *((bridge.tunnel, tunnels) for bridge in sound.bridges.values()),
        *((retired.host, hosts) for retired in sound.workstation.retired.values()),
        *((i.to, services) for i in sound.workstation.interactive.values() if i.to is not None),
        (sound.workstation.host, hosts),
        (sound.probe.cluster, clusters),
    ]
    return [name for name, known in leads if name not in known]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fleet") / "fleet.yaml"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
@given(CHANGES)
def test_changed_inventory(file: Path, changes: list[tuple[Place, str, Any]]) -> None:
    document = copy.deepcopy(PRODUCTION)
    for place, how, value in changes:
        change(document, place, how, copy.deepcopy(value))
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    problems, sound = [], None
    try:
        sound = load(file)
    except InventoryError as error:
        problems = error.problems
    if sound is None:
        assert problems
        assert len(set(problems)) == len(problems)
        assert all(problem.file == file and problem.message for problem in problems)
        return
    assert dangling(sound) == []
    taken = [(tunnel.host, tunnel.listen.port) for tunnel in sound.tunnels.values()]
    assert len(set(taken)) == len(taken)
    assert all(host.host_keys for host in sound.hosts.values())


@settings(max_examples=150, deadline=None, database=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(InventoryError):
        load(file)
