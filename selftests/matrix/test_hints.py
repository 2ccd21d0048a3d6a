"""What `python -m rehearsal hints` takes for a command that does not run, and whom it tries."""

import subprocess
import sys

import pytest

from rehearsal.faults import FAULTS
from rehearsal.matrix import hints
from rehearsal.matrix.rows import function
from rehearsal.paths import PROJECT
from selftests.checks.test_catalogue import CHECKS


@pytest.mark.parametrize(
    "line",
    [
        "no-such-command",
        "true; no-such-command; true",
        "for x",
        "systemctl --user shwo x",
        "systemctl --nonsense",
        "ls --nonsense",
        "ss -tlnpe 'sport = :1' | xargs no-such-command",
        "ssh -F none nobody@no-such-host.invalid true",
        "ssh -o NoSuchOption=1 localhost true",
        "sh -c 'exit 126'",
    ],
)
def test_what_is_no_command_is_noticed(line: str) -> None:
    assert hints.run(line), "taken for a command that runs"


def test_what_does_not_end_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "PATIENCE", 0.2)
    assert hints.run("sleep 5") == ["it does not end within 0.2 s: sleep 5"]


@pytest.mark.parametrize(
    "line", ["# A sentence.", "true", "false", "exit 3", "curl -sS -m 1 http://127.0.0.1:1/", "ls"]
)
def test_what_a_command_finds_is_the_fleets_affair(line: str) -> None:
    assert hints.run(line) == []


def test_a_host_that_is_lost_need_not_be_reached() -> None:
    assert hints.run("ssh -F none nobody@no-such-host.invalid true", reachable=False) == []


def test_each_promise_to_mend_has_a_fault_that_it_mends() -> None:
    assert {check.id for check in CHECKS if check.given.get("mends")} == hints.MENDED.keys()
    for check, fault in hints.MENDED.items():
        turned = {function(c) for c, turn in FAULTS[fault].turns.items() if turn.outcome != "pass"}
        assert check in turned, f"{fault} does not turn {check}"


def test_every_check_is_given_its_hint_by_some_fault() -> None:
    everything = {check.id for check in CHECKS}
    failing = {
        function(check)
        for fault, _ in hints.chosen(everything)
        for check, turn in FAULTS[fault].turns.items()
        if turn.outcome in ("fail", "warn")
    }
    assert everything <= failing


def rehearsal(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rehearsal", "hints", *words],
        cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_a_check_that_is_none_is_refused() -> None:
    refused = rehearsal("PROD-07.nonsense")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "no fault turns a check called PROD-07.nonsense" in refused.stderr


@pytest.mark.root
@pytest.mark.fleet
def test_on_the_fleet_a_hint_runs_and_mends() -> None:
    done = rehearsal("PROD-07.linger", "PROD-10.few-units")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✓ PROD-07.linger[railiance01] mends, in linger-off" in done.stdout
    assert "✓ PROD-10.few-units[railiance01] looks, in too-many-units" in done.stdout
    assert "2 hints tried, 1 of which promise to mend; 0 do not hold, 0 were never" in done.stdout
