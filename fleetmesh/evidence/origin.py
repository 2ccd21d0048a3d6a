"""By whom, where and with what a run is made."""

import getpass
import platform
import socket
import subprocess
import zlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fleetmesh.evidence.run import Origin

_DEADLINE = 10  # seconds, for git and ssh to say what they are


def origin(checkout: Path, **tools: str) -> Origin:
    """The run that this process makes with the suite in `checkout`; `tools` adds to the versions.

    Without git, or outside of a checkout, commit and dirty are None. A package that is installed
    somewhere below another project's checkout is none of that project's.
    """
    git = ("git", "-C", str(checkout))
    top = _said(*git, "rev-parse", "--show-toplevel")
    own = top is not None and Path(top).resolve() == checkout.resolve()
    status = _said(*git, "status", "--porcelain") if own else None
    versions = {
        "fleetmesh": _installed(),
        "python": platform.python_version(),
        **tools,
        "ssh": _said("ssh", "-V"),
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
    }
    return Origin(
        user=_user(),
        host=socket.gethostname(),
        commit=_said(*git, "rev-parse", "HEAD") if own else None,
        dirty=None if status is None else bool(status),
        tools={name: version for name, version in versions.items() if version},
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the second since Python 3.13
        return ""


def _installed() -> str | None:
    """The version of the package; None if the suite runs from a checkout alone."""
    try:
        return version("fleetmesh")
    except PackageNotFoundError:
        return None


def _said(*command: str) -> str | None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=_DEADLINE,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (done.stdout + done.stderr).strip() if done.returncode == 0 else None
