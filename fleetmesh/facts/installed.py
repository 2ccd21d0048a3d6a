"""The files that the runbook installs, as they lie on the tunnels' hosts."""

import re
from dataclasses import dataclass

from fleetmesh.facts.fact import Fact, NotUnderstood, succeeded
from fleetmesh.facts.managers import MANAGERS
from fleetmesh.gather.commands import Exec
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.text.shell import join


@dataclass(frozen=True)
class InstalledFile:
    """A file as installed: its bytes and the time of its last change (epoch, host's clock)."""

    content: bytes
    modified: float


# What lies outside of the user's home may be there, and be nobody else's to read.
_UNREADABLE = '[ ! -e "$f" ] || { echo "$f cannot be read" >&2; exit 1; }; '


def _installed(inventory: Inventory) -> dict[str, Probe]:
    def command(host: str) -> str:
        files = MANAGERS[inventory.manager].files(inventory, host)
        hidden = _UNREADABLE if any(file.startswith("/") for file in files) else ""
        return (
            f"for f in {join(files)}; do "
            'if [ -r "$f" ]; then stat -L -c "== %s %.6Y $f" "$f"; cat "$f"; echo; '
            f'else {hidden}echo "== - - $f"; fi; done'
        )

    return {host: Exec(host, command(host)) for host in inventory.carriers}


def parse_installed(transcript: Transcript) -> dict[str, InstalledFile | None]:
    """Read the framed files: `== size mtime name` before each, `== - - name` for an absent one."""
    succeeded(transcript)
    files: dict[str, InstalledFile | None] = {}
    rest = transcript.stdout
    while rest:
        match = re.match(rb"== (?:- -|(\d+) (\d+\.\d{6})) ([^\n]+)\n", rest)
        if not match:
            raise NotUnderstood(f"expected a file's header, found {rest[:40]!r}")
        name = match[3].decode("utf-8", "replace")
        if match[1] is None:
            files[name], rest = None, rest[match.end() :]
            continue
        end = match.end() + int(match[1])
        content = rest[match.end() : end]
        if rest[end : end + 1] != b"\n":
            raise NotUnderstood(f"{name} does not end after its {int(match[1])} bytes")
        files[name] = InstalledFile(content, float(match[2]))
        rest = rest[end + 1 :]
    if not files:
        raise NotUnderstood("no file in the output")
    return files


INSTALLED = Fact("installed", _installed, parse_installed)
