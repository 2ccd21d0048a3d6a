"""From three ssh names to a run that judges everything: one `discover --write`, and no edit."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from rehearsal import fleet, variant
from rehearsal.paths import RUNBOOK_INVENTORY
from selftests.fleet.conftest import ROOT, Checks

pytestmark = [pytest.mark.root, pytest.mark.fleet]

FOREIGN = ("railiance01=rail", "coulombcore=cc-prod", "workstation=desk")
OWN = ("railiance01=railiance01", "coulombcore=coulombcore", "workstation=workstation")
LEFT_OUT = ("addresses", "user")
"""What production's inventory does not have of hosts over which no tunnel leads."""


@pytest.fixture(scope="module", params=variant.VARIANTS)
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fleet with this project's names, then with none of them; one that was up is put back."""
    was = fleet.record()
    fleet.down()
    fleet.up("before", lambda _: None, fleet.outfit(names=request.param))
    yield request.param
    fleet.down()
    if was:
        fleet.up(was["state"] or "before", lambda _: None)


def discover(file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """As an operator does, from the runbook's values."""
    template = f"--template={RUNBOOK_INVENTORY}"
    command = [sys.executable, "-m", "fleetmesh", "discover", template, f"--fleet={file}", *words]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_before_the_cutover_the_workstation_s_ports_are_findings(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "new.yaml"
    done = discover(file, *(FOREIGN if kind == "foreign" else OWN), "--write")
    assert done.returncode == 1, done.stdout + done.stderr
    for port in (18000, 18765):
        assert f"127.0.0.1:{port} is held by login session" in done.stdout
    assert "unit:" not in file.read_text().replace("`unit:`", "")


def test_after_it_one_command_is_enough(kind: str, tmp_path: Path, checks: Checks) -> None:
    fleet.up("after", lambda _: None)
    file = tmp_path / "new.yaml"
    done = discover(file, *(FOREIGN if kind == "foreign" else OWN), "--write")
    assert done.returncode == 0, done.stdout + done.stderr
    found, right = yaml.safe_load(file.read_text()), yaml.safe_load(variant.text(kind))
    for section in ("clusters", "services", "tunnels", "bridges", "probe", "workstation"):
        assert found[section] == right[section]
    for host, entry in right["hosts"].items():
        assert found["hosts"][host].items() <= entry.items()
        assert entry.keys() - found["hosts"][host].keys() <= set(LEFT_OUT)
    run = checks(f"--fleet={file}")
    assert (run.exit_status, run.verdict) == (0, "READY"), run.terminal
    again = discover(file)
    assert "0 values found, 0 confirmed, 0 findings" in again.stdout
    assert "+++" not in again.stdout, "what is settled is asked, and not written again"
