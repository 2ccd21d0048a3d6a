"""What a tunnel's ssh knows of the host that it logs in to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from fleetmesh.facts.answers import SshAnswer
from fleetmesh.facts.as_tunnel import as_tunnel, clear, defined
from fleetmesh.facts.fact import Fact, Inconclusive, NotUnderstood, succeeded
from fleetmesh.facts.logins import Logins
from fleetmesh.gather.commands import Exec
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory, Login


@dataclass(frozen=True)
class Pins:
    """What the ssh of a tunnel knows of the far end's host keys (`type base64`)."""

    name: str
    """The name under which it looks them up, or both."""
    files: tuple[str, ...]
    """The files that it reads."""
    keys: frozenset[str]
    authority: bool
    """Whether a certificate authority vouches for the host."""

    def objection(self, login: Login, seen: SshAnswer, logins: Mapping[str, Logins]) -> str | None:
        """Why ssh would not know the host for the one that the suite sees; None where it would.

        Raises Inconclusive where that cannot be told.
        """
        if seen.refused:
            raise Inconclusive(seen.refused)
        if " ".join(seen.host_key.split()[:2]) in self.keys:
            return None
        if self.authority:
            attempts = logins[str(login)]
            if any(attempt.authority for attempt in attempts):
                return None
            vouched = f"{login.host} has {login.via} vouched for by a certificate authority"
            if refused := [a.said for a in attempts if "Host key verification" in a.said]:
                return f"{vouched}, and the log-in says: {refused[0]}"
            raise Inconclusive(f"{vouched}; only a log-in tells whether it is that host")
        if not self.keys:
            where = ", ".join(self.files) or "any known_hosts file"
            return f"{login.host} has no key of {login.via} in {where}, as {self.name}"
        return (
            f"{login.host} has another key of {login.via} pinned than the one it offers, "
            f"{seen.fingerprint}"
        )


_PINS = files(__package__).joinpath("pins.sh").read_text()


def _pins(inventory: Inventory) -> dict[str, Probe]:
    return {
        tunnel.id: Exec(tunnel.host, defined(tunnel) + _PINS + as_tunnel(inventory, tunnel, "pins"))
        for tunnel in inventory.tunnels.values()
    }


_PIN = re.compile(
    r"(@revoked |@cert-authority )?\S+ "
    r"((?:ssh-(?:ed25519|rsa|dss)|(?:sk-)?ecdsa-sha2-\S+|sk-ssh-\S+)) (\S+)"
)


def parse_pins(transcript: Transcript) -> Pins:
    """Read `name …`, then `file …` with what `ssh-keygen -F` found in it; sshd(8) has the format.

    A file that is absent or unreadable pins nothing for ssh either. A revoked key is not pinned.
    A second name is the one without the port, which ssh tries where the first is nowhere.
    """
    first, *lines = succeeded(transcript).splitlines() or [""]
    names = [line.removeprefix("name ") for line in (first, *lines) if line.startswith("name ")]
    clear(first)
    if not first.startswith("name "):
        raise NotUnderstood(f"expected the name that is looked up, found {first!r}")
    files: list[str] = []
    found: dict[str | None, set[str]] = {None: set(), "@revoked ": set(), "@cert-authority ": set()}
    for line in lines:
        kind, _, value = line.partition(" ")
        if kind == "file":
            files.append(value)
        if kind in ("name", "file", "absent", "unreadable", "#"):
            continue
        match = _PIN.match(line)
        if not match:
            raise NotUnderstood(f"expected a known_hosts line, found {line!r}")
        key = f"{match[2]} {match[3]}"
        found[match[1]].add(key)
    if not files and not any(line.startswith(("absent ", "unreadable ")) for line in lines):
        raise NotUnderstood("no known_hosts file was looked at")
    return Pins(
        " or ".join(names),
        tuple(dict.fromkeys(files)),
        frozenset(found[None] - found["@revoked "]),
        bool(found["@cert-authority "] - found["@revoked "]),
    )


KNOWN_HOSTS = Fact("known_hosts", _pins, parse_pins)
