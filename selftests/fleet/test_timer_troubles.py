"""What may happen to the machine of the timer itself, and how it is taken away again."""

import pytest

from rehearsal import verifier
from rehearsal.machine import NspawnMachine
from rehearsal.verifier import COMMAND, FILE
from selftests.fleet.by_timer import (
    SERVICE,
    STATE,
    TIMER,
    install,
    next_run,
    operator,
    put_permits,
    wait_for_start,
)

pytestmark = [pytest.mark.root, pytest.mark.fleet]

UNIT = f"/etc/systemd/system/{SERVICE}"
SMALL = "size=64k,mode=0700"  # a run leaves about a megabyte


def test_full_disk_is_no_success(box: NspawnMachine) -> None:
    """No run is green that could not be recorded, and the next one is, once there is room."""
    next_run(box)  # with which systemd makes the folder
    box.run(["mount", "-t", "tmpfs", "-o", SMALL, "small", f"/{STATE}"])
    try:
        ran = next_run(box)
    finally:
        box.run(["umount", "--lazy", f"/{STATE}"])
    assert ran.result == "exit-code", ran.journal
    assert ran.status in (4, 6), ran.journal
    assert "No space left on device" in ran.journal
    assert "Traceback" not in ran.journal
    ran = next_run(box)
    assert ran.ended == ("success", 0, "READY"), ran.journal


def test_power_cut_in_a_run_leaves_it_incomplete(box: NspawnMachine) -> None:
    broken = wait_for_start(box)
    box.power_off()
    try:
        assert not (broken / "results.json").exists(), "it was cut too late"
    finally:
        verifier.power_on(box)
    ran = next_run(box)
    assert ran.ended == ("success", 0, "READY"), ran.journal
    page = (box.files / STATE / "index.html").read_text()
    (row,) = [row for row in page.split("<tr") if broken.name in row]
    assert "INCOMPLETE" in row


def test_installation_that_was_killed_is_mended_by_the_next(box: NspawnMachine) -> None:
    """Killed while it copies the environment, which the running timer does without."""
    operator(box, f"echo '# another version' >>{verifier.CHECKOUT}/fleetmesh/__init__.py")
    began = COMMAND.replace("sudo ", 'sudo sh -c \'echo $$ >/tmp/began; exec "$0" "$@"\' ')
    building = "/opt/fleet-verify/.building"
    killed = f"until [ -e {building} ]; do sleep 0.1; done; sudo kill -KILL $(cat /tmp/began); wait"
    operator(box, f"{{ {began} --fleet {FILE} --every 10s & }}; {killed}", check=False)
    current = operator(box, "readlink /opt/fleet-verify/current").stdout
    assert (box.files / "opt/fleet-verify/.building").exists(), "it was killed too late"
    done = install(box)
    assert "done: the environment /opt/fleet-verify/" in done.stdout
    assert operator(box, "readlink /opt/fleet-verify/current").stdout != current
    assert not (box.files / "opt/fleet-verify/.building").exists()
    assert install(box).stdout.startswith("nothing to do")


def test_edited_unit_is_never_overwritten(box: NspawnMachine) -> None:
    box.run(["sh", "-c", f"cp -p {UNIT} /root/kept; echo '# mine' >>{UNIT}"])
    try:
        for words in (("--fleet", FILE), ("--uninstall",)):
            done = install(box, *words, check=False)
            assert done.returncode == 2
            (said,) = done.stderr.splitlines()
            assert said.startswith(f"fleetmesh: {UNIT}: not as `install-timer` wrote it; move it")
        assert box.run(["tail", "-1", UNIT]).stdout == "# mine\n"
    finally:
        box.run(["mv", "/root/kept", UNIT])


def test_all_of_it_goes_but_the_evidence_and_comes_again(box: NspawnMachine) -> None:
    runs = operator(box, f"sudo ls /{STATE}").stdout.splitlines()
    operator(box, "bash -e /etc/fleet-verify/permit/to-take.txt")
    done = install(box, "--uninstall")
    assert f"kept: /{STATE}, with the evidence of " in done.stdout
    gone = f"! ls -d /etc/fleet-verify /opt/fleet-verify {UNIT} && ! id fleet-verify"
    operator(box, gone)
    listed = box.run(["systemctl", "list-timers", "--all", TIMER]).stdout
    assert "0 timers listed" in listed
    assert set(operator(box, f"sudo ls /{STATE}").stdout.splitlines()) >= set(runs)
    assert box.run(["find", f"/{STATE}", "-not", "-user", "root"]).stdout == ""
    assert install(box, "--uninstall").stdout.startswith("nothing to do")
    install(box)
    put_permits(box)
    ran = next_run(box)
    assert ran.ended == ("success", 0, "READY"), ran.journal
    known = (box.files / STATE / "history.jsonl").read_text()
    earlier = [run for run in runs if (box.files / STATE / run / "results.json").exists()]
    assert earlier
    assert all(run in known for run in earlier), "the history goes on"
