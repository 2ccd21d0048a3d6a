"""RevokedHostKeys: a list of keys, or a revocation list (PROTOCOL.krl) that ssh-keygen reads."""

import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from fleetmesh.sessions.host_keys import HostKey
from fleetmesh.sessions.target import Deadline

_KRL = b"SSHKRL\n\0"


def revoked(keys: Iterable[HostKey], files: Iterable[Path], deadline: Deadline) -> HostKey | None:
    """The first of `keys` that one of the files revokes.

    Raises OSError or ValueError where that cannot be told: ssh trusts no key then, either.
    """
    keys = tuple(keys)
    for file in files:
        content = file.read_bytes()
        for key in keys:
            if content.startswith(_KRL):
                if _in_krl(key, file, deadline):
                    return key
            elif key in _listed(content.decode("utf-8", "replace")):
                return key
    return None


def _listed(text: str) -> set[HostKey]:
    found = set()
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            found.add(HostKey.from_line(line))
    return found


def _in_krl(key: HostKey, file: Path, deadline: Deadline) -> bool:
    with tempfile.NamedTemporaryFile("w", suffix=".pub") as public:
        public.write(f"{key.line}\n")
        public.flush()
        try:
            asked = subprocess.run(
                ["ssh-keygen", "-Q", "-f", str(file), public.name],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=max(deadline.left, 0.1),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ValueError(f"ssh-keygen did not read {file} in time") from None
    if asked.returncode and "REVOKED" not in asked.stdout:
        raise ValueError(f"ssh-keygen cannot read {file}: {asked.stderr.strip()}")
    return asked.returncode != 0
