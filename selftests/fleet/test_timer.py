"""`install-timer` as an operator types it, and what systemd's timer then makes of the fleet."""

import re

import pytest

from rehearsal import fleet
from rehearsal.machine import NspawnMachine
from rehearsal.verifier import FILE
from selftests.fleet.by_timer import SERVICE, STATE, TIMER, install, next_run, operator

pytestmark = [pytest.mark.root, pytest.mark.fleet]

PLACES = f"/etc/fleet-verify /opt/fleet-verify /etc/systemd/system/{SERVICE} /etc/passwd"
MOST_EXPOSED = 2.0


def listed(box: NspawnMachine) -> str:
    """Every file of the installation, with its time of change."""
    return box.run(["sh", "-c", f"find {PLACES} -printf '%p %i %C@ %M %u\\n' | sort"]).stdout


def test_ready_fleet_is_a_success(box: NspawnMachine) -> None:
    ran = next_run(box)
    assert ran.ended == ("success", 0, "READY"), ran.journal
    others = box.run(["find", f"/{STATE}", "-perm", "/077"])
    assert others.stdout == "", "nobody else on the machine reads the evidence"


def test_stopped_tunnel_is_a_failure(box: NspawnMachine) -> None:
    unit = "fleet-state-hub-coulombcore"
    fleet.run("railiance01", f"systemctl --user stop {unit}")
    try:
        ran = next_run(box)
    finally:
        fleet.run("railiance01", f"systemctl --user start {unit}")
        fleet.wait_until_served()
    assert ran.ended == ("exit-code", 1, "NOT READY"), ran.journal


def test_host_that_is_down_leaves_it_open(box: NspawnMachine) -> None:
    fleet.power_off("workstation")
    try:
        ran = next_run(box)
    finally:
        fleet.power_on("workstation")
    assert ran.ended == ("exit-code", 6, "INCONCLUSIVE"), ran.journal


def test_systemd_finds_it_little_exposed(box: NspawnMachine) -> None:
    said = box.run(["systemd-analyze", "security", "--no-pager", SERVICE]).stdout
    (exposure,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert float(exposure) <= MOST_EXPOSED, said


def test_systemd_has_nothing_to_say_of_the_units(box: NspawnMachine) -> None:
    done = box.run(["systemd-analyze", "verify", "--man=no", SERVICE, TIMER], check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_second_time_changes_nothing_and_says_so(box: NspawnMachine) -> None:
    before = listed(box)
    done = install(box)
    assert done.stdout.splitlines()[0] == "nothing to do: fleet-verify.timer is installed as wanted"
    assert "ssh " not in done.stdout
    assert listed(box) == before


def test_dry_run_says_what_would_be_otherwise_and_changes_nothing(box: NspawnMachine) -> None:
    before = listed(box)
    done = install(box, "--fleet", FILE, "--every", "6h", "--dry-run")
    assert done.stdout.splitlines() == [
        "would be there: /etc/systemd/system/fleet-verify.timer",
        "would be there: fleet-verify.timer is started",
    ]
    assert listed(box) == before


def test_changed_inventory_needs_a_new_permit(box: NspawnMachine) -> None:
    """Until that is on the hosts, nothing is green."""
    kept = operator(box, f"cat {FILE}").stdout
    try:
        operator(box, f"sed -i 's/^  command: 20$/  command: 19/' {FILE}")
        done = install(box)
        assert "done: /etc/fleet-verify/fleet.yaml" in done.stdout
        assert "the key has a new permit on railiance01, coulombcore, workstation" in done.stdout
        assert "the environment" not in done.stdout
        ran = next_run(box)
        assert ran.ended == ("exit-code", 6, "INCONCLUSIVE"), ran.journal
        assert "not one of the questions on the list" in ran.journal
        typed = [line.strip() for line in done.stdout.splitlines() if "ssh " in line]
        assert len(typed) == 6
        operator(box, "set -e\n" + "\n".join(typed))
        ran = next_run(box)
        assert ran.ended == ("success", 0, "READY"), ran.journal
    finally:
        box.run(["tee", FILE], stdin=kept)
