"""An expectation that is wrongly written is refused, and one that is not met is told."""

from pathlib import Path

import pytest

from fleetmesh.evidence.sums import Refused
from fleetmesh.state import expectation
from fleetmesh.state.changes import Change
from fleetmesh.state.judgement import judge
from selftests.state.test_kinds import recorded

INVENTORY = recorded("ground-after").inventory
HUB, ISSUES = (
    Change("listeners", "railiance01", at, "a log-in from workstation", f"the unit {unit}.service")
    for at, unit in (
        ("127.0.0.1:18000", "fleet-state-hub-coulombcore"),
        ("127.0.0.1:18765", "fleet-issue-core-coulombcore"),
    )
)
ENTRY = """\
- why: the ports change hands
  of: listeners
  on: "{tunnel.host}"
  what: "{tunnel.listen}"
  from: a log-in from {workstation}
  to: the unit {tunnel.unit}
"""


def written(tmp_path: Path, text: str) -> str:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    return str(file)


def test_an_entry_counts_for_each_tunnel(tmp_path: Path) -> None:
    expected = expectation.read(written(tmp_path, f"changes:\n{ENTRY}"), INVENTORY)
    assert judge([HUB, ISSUES], expected).findings == []
    assert judge([HUB], expected).findings == [
        "did not happen: listeners[railiance01] 127.0.0.1:18765: a log-in from workstation → "
        "the unit fleet-issue-core-coulombcore.service (the ports change hands)"
    ]


@pytest.mark.parametrize(
    "besides",
    [
        Change("listeners", "railiance01", "[::1]:18000", "absent", "the unit left-over.service"),
        Change("listeners", "coulombcore", *(HUB.what, HUB.before, HUB.after)),
        Change("listeners", "railiance01", HUB.what, HUB.before, "the unit other.service"),
        Change("units", "railiance01", *(HUB.what, HUB.before, HUB.after)),
        Change("listeners", "railiance01", "", "seen", "not seen: no answer"),
    ],
    ids=str,
)
def test_what_nobody_expects_is_a_finding(tmp_path: Path, besides: Change) -> None:
    expected = expectation.read(written(tmp_path, f"changes:\n{ENTRY}"), INVENTORY)
    found = judge([HUB, ISSUES, besides], expected)
    assert found.findings == [f"not expected: {besides}"]
    assert len(found.as_expected) == 2


def test_what_may_happen_need_not(tmp_path: Path) -> None:
    expected = expectation.read(written(tmp_path, f"changes:\n{ENTRY}  may: true\n"), INVENTORY)
    assert judge([], expected).findings == []
    assert len(judge([HUB], expected).as_expected) == 1


@pytest.mark.parametrize("name", expectation.known())
def test_what_comes_with_the_suite_can_be_read(name: str) -> None:
    expected = expectation.read(name, INVENTORY)
    assert bool(expected) == (name != "nothing")
    assert all("{" not in str(one) for one in expected)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "expected a list under `changes:`"),
        ("changes: {}", "expected a list under `changes:`"),
        (f"changes:\n{ENTRY}more: 1\n", "expected a list under `changes:`"),
        ("changes: [1]", "entry 1: give why, of, on, what, from, to"),
        (f"changes:\n{ENTRY}  when: never\n", "entry 1: give why"),
        (f"changes:\n{ENTRY}  may: false\n", "`may` is either true or left out"),
        (f"changes:\n{ENTRY}".replace("why: the ports change hands", "why: 3"), "put it in quotes"),
        (f"changes:\n{ENTRY}".replace("listeners", "listener"), "`of: listener` is none of"),
        (f"changes:\n{ENTRY}".replace("tunnel.unit", "bridge"), "has bridge, tunnel.host"),
        (f"changes:\n{ENTRY}".replace("tunnel.unit", "tunnel.mro"), "has tunnel.host, tunnel"),
        ("changes: [", "line 1"),
        ("a: &a [*a]", "mine.yaml"),
    ],
)
def test_one_that_is_wrongly_written_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(Refused) as refused:
        expectation.read(written(tmp_path, text), INVENTORY)
    assert why in str(refused.value)


def test_one_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="write one of cutover, install, "):
        expectation.read("cutoff", INVENTORY)
    with pytest.raises(Refused, match="cannot be read"):
        expectation.read(str(tmp_path / "none.yaml"), INVENTORY)
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(Refused, match="cannot be read"):
        expectation.read(str(tmp_path / "bytes.yaml"), INVENTORY)
