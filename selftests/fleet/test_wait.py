"""`--wait` on a real fleet: it ends when all holds and lasts, and never for what comes and goes."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rehearsal import fleet, keys
from selftests.fleet.conftest import Checks

pytestmark = [pytest.mark.root, pytest.mark.fleet, pytest.mark.usefixtures("standing")]

HUB = "fleet-state-hub-coulombcore"
ONLY = [f"--check={check}[{HUB}]" for check in ("CUT-04.steady", "CUT-06.healthy", "PROD-04.path")]
AS_USER = "export XDG_RUNTIME_DIR=/run/user/1000;"


def systemctl(words: str) -> None:
    fleet.run("railiance01", f"{AS_USER} systemctl --user {words} {HUB}")


@contextmanager
def meanwhile(*steps: tuple[float, str], reports: Path | None = None) -> Iterator[None]:
    """Seconds to let pass, and what systemctl is told then, one after the other.

    With `reports`, not before the run that writes there has judged for the first time.
    """
    over = threading.Event()

    def go() -> None:
        while reports and not any(
            '"attempt"' in file.read_text() for file in reports.glob("*/events.jsonl")
        ):
            if over.wait(0.2):
                return
        for seconds, words in steps:
            if over.wait(seconds):
                return
            systemctl(words)

    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        systemctl("restart")
        fleet.wait_until_ready()


def events(reports: Path, kind: str) -> list[dict[str, object]]:
    (file,) = reports.glob("*/events.jsonl")
    return [e for e in map(json.loads, file.read_text().splitlines()) if e["event"] == kind]


def test_a_unit_that_is_started_later_is_waited_for(checks: Checks, tmp_path: Path) -> None:
    systemctl("stop")
    with meanwhile((0, "start"), reports=tmp_path):
        run = checks(*ONLY, "--wait=90s", "--steady=4s")
    assert run.exit_status == 0, run.terminal
    attempts, (waited,) = events(tmp_path, "attempt"), events(tmp_path, "waited")
    first, last = attempts[0]["outcomes"], attempts[-1]["outcomes"]
    assert isinstance(first, dict)
    assert set(first.values()) == {"fail"}
    assert isinstance(last, dict)
    assert set(last.values()) == {"pass"}
    held = waited["held_after"]
    assert isinstance(held, dict)
    assert all(after > 2 for after in held.values()), held
    (snapshot,) = events(tmp_path, "snapshot")
    assert snapshot["seq"] > attempts[-1]["seq"], "the last attempt's alone is judged"  # type: ignore[operator]
    assert f"CUT-04.steady[{HUB}] held after" in run.terminal


def test_a_unit_that_somebody_restarts_again_and_again_never_passes(checks: Checks) -> None:
    with meanwhile(*[(2.5, "restart")] * 30):
        run = checks(*ONLY, "--wait=25s", "--steady=8s")
    assert run.exit_status != 0, run.terminal
    assert run.verdict in ("INCOMPLETE", "NOT READY", "INCONCLUSIVE")
    assert "25 s are over" in run.terminal


def test_another_host_key_ends_it_at_once(checks: Checks, tmp_path: Path) -> None:
    text = fleet.inventory().file.read_text()
    other = keys.public(keys.host_key("workstation"))
    pinned = text.replace("host_keys: known_hosts", f"host_keys: ['{other}']", 1)
    file = tmp_path / "pinned.yaml"
    file.write_text(pinned)
    begin = time.monotonic()
    run = checks(*ONLY, "--wait=5m", f"--fleet={file}")
    assert time.monotonic() - begin < 100
    assert run.exit_status != 0
    assert "waiting is in vain: railiance01" in run.terminal
