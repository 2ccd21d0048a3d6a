"""KnownHostsCommand: what a program tells in the format of known_hosts."""

import base64
import subprocess

from fleetmesh.sessions.host_keys import HostKey, names
from fleetmesh.sessions.ssh_config import Settings, SshConfigError, expand
from fleetmesh.sessions.target import Deadline
from fleetmesh.text.legible import last_line


def ask(found: Settings, key: HostKey | None, deadline: Deadline) -> dict[str, str]:
    """What it tells of a host, which has shown `key` or nothing yet; empty if there is none.

    Raises SshConfigError.
    """
    if not found.known_hosts_command:
        return {}
    tokens = {
        **found.tokens,
        "H": names(found.hostname, found.port, found.host_key_alias)[0],
        "I": "HOSTNAME" if key else "ORDER",
        "K": base64.b64encode(key.blob).decode() if key else "NONE",
        "f": key.fingerprint if key else "NONE",
        "t": key.type if key else "NONE",
    }
    program, *words = found.known_hosts_command
    try:
        told = subprocess.run(
            [program, *(expand(word, tokens) for word in words)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=max(deadline.left, 0.1),
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise SshConfigError(f"KnownHostsCommand {program} did not end within {deadline}") from None
    except subprocess.CalledProcessError as error:
        said = last_line(error.stderr, "it said nothing")
        raise SshConfigError(
            f"KnownHostsCommand {program} ended with status {error.returncode}: {said}"
        ) from None
    except OSError as error:
        raise SshConfigError(f"KnownHostsCommand {program}: {error.strerror}") from None
    return {f"KnownHostsCommand {program}": told.stdout.decode("utf-8", "replace")}
