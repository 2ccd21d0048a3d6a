"""The metrics of a run, as promtool and a Prometheus of our own read them."""

import os
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleetmesh.evidence.outcomes import Outcome, Verdict
from fleetmesh.inventory import Inventory, Waiver, load
from fleetmesh.monitoring.metrics import host_of, metrics, write
from selftests.checks.conftest import ROOT
from selftests.inventory import RUNBOOK
from selftests.monitoring.conftest import Told, Watched
from selftests.monitoring.prometheus import prometheus, until
from selftests.report.synthetic import new_run, result

HOUR = timedelta(hours=1)
OUTCOME = 'fleetmesh_check_outcome{check="PROD-90.linger"}'


@pytest.fixture
def inventory() -> Inventory:
    return load(RUNBOOK)


def test_promtool_finds_nothing_to_say(inventory: Inventory) -> None:
    waivers = (
        Waiver(check="PROD-01", reason="x", owner="o", expires="2030-01-01T00:00:00Z"),
        Waiver(check="PROD-77", reason="x", owner="o", expires="2030-01-01T00:00:00Z"),
    )
    chosen = inventory.model_copy(update={"waivers": waivers})
    run = new_run([result(number, outcome) for number, outcome in enumerate(Outcome)])
    text = metrics(chosen, run, "production", 0.0, 0)
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
    lines = text.decode().splitlines()
    assert sum(line.startswith("fleetmesh_check_outcome{") for line in lines) == 7 * 7
    assert sum(line.endswith(" 1.0") for line in lines if "outcome=" in line) == 7
    assert [line[-13:] for line in lines if line.startswith("fleetmesh_waiver_")] == [
        " 1.893456e+09"
    ]
    assert sum(line.endswith(" 1.0") for line in lines if "verdict=" in line) == 1


def test_a_name_that_is_text_stays_one_label(inventory: Inventory) -> None:
    run = new_run([result(1, Outcome.PASS, subject='a"} 1\nx{b="\\')])
    text = metrics(inventory, run, "production", 0.0, 0)
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
    assert b'case="a\\"} 1\\nx{b=\\"\\\\"' in text


def test_a_host_follows_from_the_inventory(inventory: Inventory) -> None:
    assert {
        subject: host_of(inventory, subject)
        for subject in (
            *("workstation", "fleet-state-hub-coulombcore", "issue-core", "coulombcore"),
            *("actcore-state-hub-bridge", "state-hub-railiance01", "railiance01-coulombcore"),
            *("", "none"),
        )
    } == {
        "workstation": "workstation",
        "fleet-state-hub-coulombcore": "railiance01",
        "issue-core": "coulombcore",
        "coulombcore": "coulombcore",
        "actcore-state-hub-bridge": "railiance01",
        "state-hub-railiance01": "workstation",
        "railiance01-coulombcore": "railiance01",
        "": "",
        "none": "",
    }


def test_everybody_may_read_it_and_nobody_reads_a_half(tmp_path: Path) -> None:
    run = new_run([])
    before = os.umask(0o077)
    try:
        write(tmp_path, "production", run, b"# one\n")
        write(tmp_path, "production", run, b"# two\n")
    finally:
        os.umask(before)
    (file,) = tmp_path.iterdir()
    assert file.name == "fleetmesh_rehearsal_rehearsal_production.prom"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert file.read_bytes() == b"# two\n"
    (tmp_path / "trap").mkdir()
    file.unlink()
    file.mkdir()  # so that the last step fails, and what is left of the others shows
    with pytest.raises(OSError, match="directory"):
        write(tmp_path, "production", run, b"# three\n")
    assert [path.name for path in tmp_path.glob("*.prom")] == [file.name]


def test_what_did_not_arrive_is_counted(told: Told, tmp_path: Path) -> None:
    told.tells(textfile=str(tmp_path), notify={"ops": "json://${UNSET}@localhost"})
    told.run("NOT READY")
    (file,) = tmp_path.glob("*.prom")
    assert 'undelivered_messages{fleet="rehearsal",kind="rehearsal",phase="production"} 2.0' in (
        file.read_text()
    )


def test_a_folder_that_is_not_there_is_said(told: Told, tmp_path: Path) -> None:
    told.tells(textfile=str(tmp_path / "nowhere"))
    (found,) = told.run("READY")
    assert (found.to, found.what) == ("textfile", "production")
    assert found.why == "No such file or directory"


def test_a_prometheus_sees_faults_come_and_go(watched: Watched, tmp_path: Path) -> None:
    textfiles = tmp_path / "textfiles"
    textfiles.mkdir()
    watched.tells(textfile=str(textfiles))
    began = datetime.now(UTC)
    watched.ends("READY")
    with prometheus(tmp_path, textfiles, ROOT / "infra/prometheus/rules.yml") as server:

        def seen(query: str) -> list[str]:
            """Which outcome, or verdict, a metric says."""
            found = server.series(f"{query} == 1")
            return [dict(labels).get("outcome") or dict(labels)["verdict"] for labels in found]

        until(lambda: seen(OUTCOME) == ["pass"])
        assert seen("fleetmesh_run_verdict") == ["READY"]
        assert len(server.series(OUTCOME)) == len(Outcome)
        assert len(server.series("fleetmesh_run_verdict")) == len(Verdict)
        (labels,) = server.series(f"{OUTCOME} == 1")
        assert dict(labels) == {
            "check": "PROD-90.linger", "fleet": "rehearsal", "kind": "rehearsal",
            "outcome": "pass", "phase": "production",
        }  # fmt: skip
        (first,) = server.series("fleetmesh_last_ready_run_timestamp_seconds").values()
        assert began.timestamp() - 1 < first < datetime.now(UTC).timestamp()
        assert list(server.series("fleetmesh_last_run_timestamp_seconds").values()) == [first]
        (took,) = server.series("fleetmesh_run_duration_seconds").values()
        assert 0 < took < HOUR.total_seconds()
        assert server.alerts == set()

        watched.ends("NOT READY")
        until(lambda: seen(OUTCOME) == ["fail"])
        assert seen("fleetmesh_run_verdict") == ["NOT READY"]
        assert list(server.series("fleetmesh_last_ready_run_timestamp_seconds").values()) == [first]
        (last,) = server.series("fleetmesh_last_run_timestamp_seconds").values()
        assert last > first
        until(lambda: server.alerts == {"FleetNotReady", "FleetCheckFails"}, lambda: server.alerts)

        watched.ends("READY")
        until(lambda: seen(OUTCOME) == ["pass"])
        until(lambda: server.alerts == set(), lambda: server.alerts)

        # A run of a part says nothing of the whole; a check that is gone is gone.
        watched.suite.run("--check", "PROD-91.other", "--reports=reports")
        assert len(server.series(OUTCOME)) == len(Outcome)
        file = watched.suite.folder / "tests/production/test_it.py"
        file.write_text(file.read_text().replace("PROD-90.linger", "PROD-92.linger"))
        assert watched.suite.run("-m", "production", "--reports=reports").exit_status == 0
        until(lambda: not server.series(OUTCOME))
        assert len(server.series("fleetmesh_check_outcome")) == 2 * len(Outcome)
