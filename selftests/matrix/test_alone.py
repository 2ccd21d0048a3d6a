"""A replay needs nothing but the recording: no network, no other process, no fleet, no root."""

import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal.paths import PROJECT

# Ends where something is used that a replay must do without; see sys.addaudithook and the table of
# audit events in Python's library reference.
WATCHED = """
import os, sys
os.geteuid = os.getuid = lambda: 1000
def watch(event, arguments):
    used = event if event.startswith(("socket.", "subprocess.", "os.exec", "os.posix_spawn",
                                      "os.fork", "os.spawn", "os.system", "pty.")) else ""
    if event == "open" and str(arguments[0]).startswith(("/var/lib/fleet-rehearsal", "/run/lock")):
        used = f"{event} {arguments[0]}"
    if used and used != "socket.gethostname":
        os.write(2, f"used: {used}\\n".encode())
        os._exit(9)
"""
JUDGE = """
sys.addaudithook(watch)
from pathlib import Path
from rehearsal.matrix.judge import judge, judge_recorded
if sys.argv[1:]:
    judge(Path(sys.argv[1]), writes=False)
print(len(judge_recorded("ground-after", writes=False)))
"""


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WATCHED + program, *arguments],
        cwd=PROJECT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_replay_opens_no_socket_and_starts_no_process() -> None:
    done = run(JUDGE)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 60


def test_faults_can_be_listed_without_root_and_fleet() -> None:
    program = "sys.addaudithook(watch)\nfrom rehearsal.faults import FAULTS\nprint(len(FAULTS))"
    done = run(program)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) >= 60


@pytest.mark.parametrize(
    "use",
    [
        "import socket; socket.socket()",
        "import subprocess; subprocess.run(['true'])",
        "os.fork()",
        "open('/var/lib/fleet-rehearsal/fleet.json')",
    ],
)
def test_what_is_used_would_be_seen(use: str) -> None:
    done = run(f"sys.addaudithook(watch)\n{use}")
    assert done.returncode == 9, done.stderr
    assert "used: " in done.stderr


def test_a_recording_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run(JUDGE, str(tmp_path / "nowhere"))
    assert "nowhere/inventory.yaml" in done.stderr
