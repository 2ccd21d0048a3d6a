"""`watch` on a real fleet: a cutover by hand with mishaps, and what keeps it from watching."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rehearsal import fleet, states
from rehearsal.faults.clusters import BRIDGES, kubectl
from rehearsal.faults.machines import (
    COULOMB,
    HUB,
    HUB_BRIDGE,
    HUB_RETIRED,
    ISSUES_RETIRED,
    RAILIANCE,
    WORKSTATION,
    root,
    user,
)
from selftests.fleet.watching import Watching, samplers_in_the_pod

pytestmark = [pytest.mark.root, pytest.mark.fleet, pytest.mark.usefixtures("standing")]

ENABLE = "systemctl --user enable --now fleet-state-hub-coulombcore fleet-issue-core-coulombcore"


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Callable[..., Watching]]:
    """Starts a watch, and sees to it that nothing of it is left."""
    fleet.wait_until_ready()
    begun: list[Watching] = []

    def start(*arguments: str, reports: Path = tmp_path) -> Watching:
        begun.append(Watching(reports, *arguments))
        return begun[-1]

    yield start
    for one in begun:
        if one.process.poll() is None:
            one.end(signal.SIGKILL)
    end = time.monotonic() + 20
    while samplers_in_the_pod() and time.monotonic() < end:
        time.sleep(0.5)
    assert samplers_in_the_pod() == 0, "a sampler is left in a pod"


Start = Callable[..., Watching]


def test_calm_is_told_as_calm(watching: Start) -> None:
    watch = watching("--for=8s", "--budget=3s")
    assert watch.end(None) == 0, watch.said
    assert "no more outage than 3 s, and no hop went unwatched for longer" in watch.said
    record = watch.record()
    assert record["incidents"] == []
    assert all(each["not_looked_at"] < 3 for each in record["services"].values())
    assert len(record["lanes"]) == 12
    assert "\x1b" not in watch.said
    assert "holds    views: each is byte for byte" in watch.sealed()


def test_a_tunnel_that_is_restarted_is_an_outage_of_the_tunnel(watching: Start) -> None:
    watch = watching("--budget=1s").ready()
    begin = time.monotonic()
    user(RAILIANCE, f"systemctl --user stop {HUB}; sleep 2; systemctl --user start {HUB}")
    at, line = watch.until("DOWN: state-hub: the tunnel ", since=begin)
    assert at - begin < 3, line
    watch.until("up again: state-hub", since=begin)
    assert watch.end() == 1, watch.said
    assert "more outage than 1 s: state-hub" in watch.said
    (incident,) = watch.record()["incidents"]
    assert (incident["service"], incident["hop"], incident["failed"]) == (
        *("state-hub", "listener"),
        "the tunnel",
    )
    assert "nobody" in incident["held_by"]
    assert 1.5 < incident["certain"] <= incident["at_most"] < 5
    assert "more outage than 1 s" in (watch.folder / "workplan.md").read_text()


def test_a_cutover_by_hand_with_three_mishaps(tmp_path: Path) -> None:
    """The far sshd stopped, a bridge's pod killed, the old tunnel left up."""
    fleet.reset("installed", lambda _: None)
    watch = Watching(tmp_path, phases=("cutover", "production"))
    named: dict[str, float] = {}
    try:
        watch.ready()
        _, line = watch.until("^.{10}Cutover 1: not yet.*; next: ", 90)
        assert f"bridge down {HUB_RETIRED}" in line
        begin = time.monotonic()
        states.on(WORKSTATION, f"bridge down {HUB_RETIRED}")  # and the other one is forgotten
        watch.until("DOWN: state-hub: the tunnel ", 10, begin)
        root(COULOMB, "systemctl stop ssh.socket ssh")
        sshd = time.monotonic()
        states.on(RAILIANCE, ENABLE)
        named["the far sshd is stopped"] = watch.until("lost: .*coulombcore", 90, sshd)[0] - sshd
        root(COULOMB, "systemctl reset-failed ssh; systemctl start ssh")
        watch.until("up again: state-hub", 60, sshd)
        # Once its unit has tried to start in vain, it is no longer only not yet.
        seen = "Cutover 1: (not yet|broken).*issue-core-railiance01 is up; (next|look): "
        at, line = watch.until(seen, 90, sshd)
        assert f"bridge down {ISSUES_RETIRED}" in line
        named["the old tunnel is left up"] = at - sshd
        left = time.monotonic()
        states.on(WORKSTATION, f"bridge down {ISSUES_RETIRED}")
        watch.until("127.0.0.1:18765 on railiance01 is held by the unit", 60, left)
        killed = time.monotonic()
        kubectl(BRIDGES, f"delete pods -l app.kubernetes.io/name={HUB_BRIDGE}")
        named["a bridge's pod is killed"] = (
            # One that is over at once is told when it is over.
            watch.until("(DOWN|up again): state-hub: .*the bridge ", 10, killed)[0] - killed
        )
        watch.until("Cutover 2: done", 120, killed)
        assert watch.end() in (0, 6), watch.said
    finally:
        if watch.process.poll() is None:
            watch.end(signal.SIGKILL)
        root(COULOMB, "systemctl reset-failed ssh; systemctl start ssh")
        if place := os.environ.get("WATCHED"):
            Path(place).write_text(f"{watch.said}\n{json.dumps(named, indent=1)}\n")
        fleet.reset("after", lambda _: None)
    failed = [incident["failed"].partition(",")[0] for incident in watch.record()["incidents"]]
    assert "the bridge" in failed
    assert "the tunnel" in failed


def test_killed_it_leaves_a_record_that_says_so(watching: Start) -> None:
    watch = watching().ready()
    watch.end(signal.SIGKILL)
    for _ in range(60):
        if (watch.folder / "watch.json").exists():
            break
        time.sleep(0.5)
    record = watch.record()
    assert (record["ended"], record["exit_status"]) == (None, 6)
    assert "it broke off" in record["because"]
    assert "holds" in watch.sealed()


def test_stopped_it_has_not_looked(watching: Start) -> None:
    watch = watching().ready()
    os.kill(watch.process.pid, signal.SIGSTOP)
    time.sleep(6)
    os.kill(watch.process.pid, signal.SIGCONT)
    time.sleep(3)
    assert watch.end() == 6, watch.said
    record = watch.record()
    assert record["incidents"] == []
    for lane in record["lanes"]:
        gaps = [gap["to"] - gap["from"] for gap in lane["not_looked_at"]]
        if lane["from"] != "inside":  # there somebody went on
            assert max(gaps) > 5.5, lane
    assert "not looked at from coulombcore for 6." in watch.said


def test_on_a_link_that_is_half_open_it_has_not_looked(watching: Start) -> None:
    """Our packets to coulombcore are lost, and the fleet's are not."""
    watch = watching().ready()
    begin = time.monotonic()
    table = (
        "nft 'add table ip watch; add chain ip watch in { type filter hook input priority 0; }; "
    )
    root(COULOMB, f"{table} add rule ip watch in ip saddr 198.18.77.1 drop'")
    try:
        watch.until("not looked at: coulombcore: coulombcore does not answer", 20, begin)
        time.sleep(4)
    finally:
        root(COULOMB, "nft delete table ip watch")
    watch.until("looked at again: coulombcore", 30, begin)
    time.sleep(2)
    assert watch.end() == 6, watch.said
    record = watch.record()
    assert [one for one in record["incidents"] if not one["lanes"]] == []
    assert record["incidents"] == [], "nothing of the fleet was down"
    dark = {lane["from"] for lane in record["lanes"] if lane["not_looked_at"]}
    assert COULOMB in dark
    assert RAILIANCE not in dark


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A folder for reports on a disk of its own, which soon is full."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(place)], check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> None:
    subprocess.run(["dd", "if=/dev/zero", f"of={place / 'filling'}", "bs=4k"], capture_output=True)
    assert os.statvfs(place).f_bavail == 0


def test_on_a_full_disk_it_says_that_nothing_is_recorded(watching: Start, small: Path) -> None:
    watch = watching(reports=small).ready()
    fill(small)
    watch.until("the record breaks off", 120)
    assert watch.end(None) == 6, watch.said
    assert "Traceback" not in watch.said
    (small / "filling").unlink()
    assert "INCOMPLETE" in watch.sealed()
    assert watch.record()["exit_status"] == 6


def test_with_the_judge_gone_it_says_so(watching: Start) -> None:
    watch = watching().ready()
    children = Path(f"/proc/{watch.process.pid}/task/{watch.process.pid}/children").read_text()
    os.kill(int(children.split()[0]), signal.SIGKILL)
    assert watch.end(None) == 6, watch.said
    assert "keeps the record has ended" in watch.said
    assert "Traceback" not in watch.said
    assert "INCOMPLETE" in watch.sealed()
    assert "it broke off" in watch.record()["because"]
