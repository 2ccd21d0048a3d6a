"""What a real timer makes of the service, beside the fleet; nothing here starts a run."""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rehearsal import fleet
from rehearsal.machine import NspawnMachine
from rehearsal.verifier import COMMAND, FILE

SERVICE, TIMER = "fleet-verify.service", "fleet-verify.timer"
STATE = "var/lib/fleet-verify"
TO_PUT = "/etc/fleet-verify/permit/to-put.txt"
_SHOWN = "InvocationID,ActiveState,Result,ExecMainStatus,ExecMainStartTimestampMonotonic"


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


def shown(box: NspawnMachine) -> dict[str, str]:
    """What systemd says of the service."""
    said = box.run(["systemctl", "show", f"--property={_SHOWN}", SERVICE]).stdout
    return dict(line.split("=", 1) for line in said.splitlines())


def wait_for_start(box: NspawnMachine, deadline: float = 120) -> str:
    """Wait until a run goes on; its name for systemd."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        if (now := shown(box))["ActiveState"] == "activating":
            return now["InvocationID"]
        time.sleep(0.1)
    raise AssertionError(f"the timer has started nothing within {deadline:g} s")


def next_run(box: NspawnMachine, deadline: float = 300) -> Ran:
    """The first run that the timer starts from now on, when it has ended."""
    now = time.clock_gettime(time.CLOCK_MONOTONIC)  # one kernel, one clock
    before = set(reports(box))
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        found = shown(box)
        begun = int(found["ExecMainStartTimestampMonotonic"] or 0) / 1e6
        if begun > now and found["ActiveState"] in ("inactive", "failed"):
            unit = f"_SYSTEMD_INVOCATION_ID={found['InvocationID']}"
            journal = box.run(["journalctl", "--output=cat", unit]).stdout
            written = [file for file in set(reports(box)) - before if file.parent.name in journal]
            verdict = json.loads(written[0].read_text())["verdict"] if written else ""
            return Ran(found["Result"], int(found["ExecMainStatus"]), verdict, journal)
        time.sleep(0.1)
    raise AssertionError(f"no run of the timer has ended within {deadline:g} s: {shown(box)}")


def reports(box: NspawnMachine) -> Iterator[Path]:
    """The results of every run that ended."""
    return (box.files / STATE).glob("*/results.json")
