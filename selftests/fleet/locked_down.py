"""The hosts of the rehearsal fleet, prepared for a locked-down key as docs/operating.md says."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rehearsal import fleet
from selftests.fleet.conftest import ROOT

HOSTS = ("railiance01", "coulombcore", "workstation")
PLACE = "/home/tegwick/.config/fleetmesh"
DROP_IN = "/etc/ssh/sshd_config.d/fleet-verify.conf"
LIMITS = {"connect": 20, "command": 20, "http": 15}  # seconds; these are no tests of speed


@contextmanager
def prepared(inventory: Path, key: Path, permits: Path) -> Iterator[None]:
    """Let the public key verify the fleet of the inventory, and nothing else, until the end."""
    subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-qqq", "-p", "fixtures.permit_option",
         f"--permit={permits}", f"--permit-key={key}", f"--fleet={inventory}"],
        cwd=ROOT, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    for host in HOSTS:
        _prepare(host, permits)
    try:
        yield
    finally:
        for host in HOSTS:
            fleet.run(host, f"rm -r {PLACE} {DROP_IN}; systemctl restart ssh", user="root")
            fleet.run(host, "mv ~/.ssh/authorized_keys.kept ~/.ssh/authorized_keys")


def _prepare(host: str, permits: Path) -> None:
    _write(host, f"{PLACE}/gate", (ROOT / "infra/verify/gate").read_text())
    _write(host, f"{PLACE}/permitted", (permits / f"{host}.permitted").read_text())
    line = (permits / f"{host}.authorized_keys").read_text()
    fleet.run(host, "cp -p ~/.ssh/authorized_keys ~/.ssh/authorized_keys.kept")
    _write(host, "/home/tegwick/.ssh/authorized_keys", line, more=True)
    _write(host, DROP_IN, (ROOT / "infra/verify/sshd.conf").read_text(), user="root")
    fleet.run(host, "systemctl restart ssh", user="root")


def _write(host: str, path: str, text: str, *, more: bool = False, user: str = "tegwick") -> None:
    where = f"{'>>' if more else '>'}{path}"
    command = ["sh", "-c", f"mkdir -p $(dirname {path}) && cat {where}"]
    fleet.machine(host).run(command, user=user, stdin=text)
