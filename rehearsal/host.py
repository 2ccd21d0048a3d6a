"""Commands and requirements of the machine the fleet runs on."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from rehearsal.errors import RehearsalError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PACKAGE_OF = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "nsenter": "util-linux",
    "unshare": "util-linux",
}


def require() -> None:
    """Raise RehearsalError unless this is root on a machine that has what the fleet needs."""
    if os.geteuid() != 0:
        raise RehearsalError("the rehearsal fleet needs root: run it again with sudo")
    missing = sorted({PACKAGE_OF[tool] for tool in PACKAGE_OF if shutil.which(tool) is None})
    if missing:
        raise RehearsalError(f"system packages are missing: sudo apt install {' '.join(missing)}")


def run(
    command: Sequence[str],
    *,
    deadline: float = 10,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end within `deadline` seconds.

    Raises RehearsalError when it takes longer or, with `check`, when its exit status is not 0.
    """
    try:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=deadline,
            env=env,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise RehearsalError(f"{_shown(command)}: no end within {deadline:g} s") from late
    except OSError as error:
        raise RehearsalError(f"{_shown(command)}: {error}") from error
    if check and done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing")[-2000:]
        raise RehearsalError(f"{_shown(command)}: exit status {done.returncode}: {said}")
    return done


def _shown(command: Sequence[str]) -> str:
    return " ".join(command)[:300]
