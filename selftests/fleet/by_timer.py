"""What a real timer makes of the service, beside the fleet; nothing here starts a run."""

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from rehearsal import fleet
from rehearsal.machine import NspawnMachine
from rehearsal.verifier import COMMAND, FILE

SERVICE, TIMER = "fleet-verify.service", "fleet-verify.timer"
STATE = "var/lib/fleet-verify"
TO_PUT = "/etc/fleet-verify/permit/to-put.txt"
_STARTS = "7d4958e842da4a758f6c1cdc7b36dcc5"
_ENDS = ("7ad2d189f7e94e70a38c781354912448", "d9b373ed55a64feb8242e02dbe79a49c")
"""What systemd's journal calls a unit that is being started, and one that has ended or failed."""


@dataclass(frozen=True)
class Ran:
    """How one run of the service ended, and what its evidence says; none has been kept if empty."""

    result: str
    status: int
    verdict: str
    journal: str

    @property
    def ended(self) -> tuple[str, int, str]:
        """All but the words."""
        return self.result, self.status, self.verdict


def operator(
    box: NspawnMachine, command: str, *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """What the operator types there."""
    return box.run(["bash", "-c", command], user="tegwick", deadline=400, check=check)


def install(
    box: NspawnMachine, *options: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """The one command."""
    words = " ".join(options or ("--fleet", FILE, "--every", "10s"))
    return operator(box, f"{COMMAND} {words}", check=check)


def put_permits(box: NspawnMachine) -> None:
    """Put on each host what the command has said, by what it has said."""
    operator(box, f"bash -e {TO_PUT}")


def take_permits() -> None:
    """Leave the hosts as they were, whatever the machine can still say."""
    for host in fleet.machines():
        undo = "rm -rf ~/.config/fleetmesh; sed -i '/fleet-verify@/d' ~/.ssh/authorized_keys"
        fleet.run(host, undo)
        drop_in = "rm -f /etc/ssh/sshd_config.d/fleet-verify.conf; systemctl restart ssh"
        fleet.run(host, drop_in, user="root")


def wait_for_start(box: NspawnMachine, deadline: float = 300) -> Path:
    """Wait until the timer starts a run, and that one has begun to write: the folder of it."""
    now = time.time()
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        for run in _begun(box, now):
            began = int(run[0]["__REALTIME_TIMESTAMP"]) / 1e6
            written = [file.parent for file in _records(box) if file.stat().st_mtime > began]
            if written and not any(one.get("MESSAGE_ID") in _ENDS for one in run):
                return max(written)
        time.sleep(0.2)
    raise AssertionError(f"the timer has started no run within {deadline:g} s")


def next_run(box: NspawnMachine, deadline: float = 1800) -> Ran:
    """The first run that the timer starts from now on, when it has ended."""
    now = time.time()
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        for run in _begun(box, now):
            ended = [one for one in run if one.get("MESSAGE_ID") in _ENDS]
            if ended:
                return _ran(box, run, ended[0])
        time.sleep(1)
    raise AssertionError(f"no run of the timer has ended within {deadline:g} s")


def _begun(box: NspawnMachine, since: float) -> list[list[dict[str, str]]]:
    """What the journal has of each run that began since then, one after the other."""
    words = ["journalctl", "--output=json", f"--unit={SERVICE}", f"--since=@{since:.6f}"]
    found: dict[str, list[dict[str, str]]] = {}
    for entry in map(json.loads, box.run(words).stdout.splitlines()):
        run = entry.get("INVOCATION_ID") or entry["_SYSTEMD_INVOCATION_ID"]
        if entry.get("MESSAGE_ID") == _STARTS or run in found:
            found.setdefault(run, []).append(entry)
    return list(found.values())


def _ran(box: NspawnMachine, run: list[dict[str, str]], ended: dict[str, str]) -> Ran:
    journal = "\n".join(str(entry["MESSAGE"]) for entry in run)
    statuses = [int(one["EXIT_STATUS"]) for one in run if one.get("EXIT_CODE") == "exited"]
    named = [file.parent for file in _records(box) if file.parent.name in journal]
    results = max(named) / "results.json" if named else None  # the others went before
    verdict = json.loads(results.read_text())["verdict"] if results and results.exists() else ""
    return Ran(ended.get("UNIT_RESULT", "success"), (statuses or [0])[0], verdict, journal)


def _records(box: NspawnMachine) -> list[Path]:
    return list((box.files / STATE).glob("*/events.jsonl"))
