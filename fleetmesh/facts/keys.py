"""Keys, host keys and certificates of the tunnels' log-in."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from fleetmesh.facts.fact import Fact, NotUnderstood, succeeded
from fleetmesh.facts.probe import Exec, Probe
from fleetmesh.inventory import Inventory, Login
from fleetmesh.transcript import Transcript

_KEY_TYPES = r"(?:ssh-(?:ed25519|rsa|dss)|(?:sk-)?ecdsa-sha2-\S+|sk-ssh-\S+)"


@dataclass(frozen=True)
class FileMode:
    """Owner and permission bits of a file, from stat(1)."""

    owner: str
    mode: int
    kind: str

    @property
    def private(self) -> bool:
        """Nobody but the owner (and root) may read, write or search it."""
        return self.mode & 0o077 == 0


def parse_modes(transcript: Transcript) -> dict[str, FileMode | None]:
    """Read `owner octal-mode kind<TAB>name` lines; `-<TAB>name` for what does not exist."""
    modes: dict[str, FileMode | None] = {}
    for line in succeeded(transcript).splitlines():
        facts, tab, name = line.partition("\t")
        if not tab:
            raise NotUnderstood(f"expected a tab before the name, found {line!r}")
        if facts == "-":
            modes[name] = None
            continue
        match = re.fullmatch(r"(\S+) ([0-7]{3,4}) (.+)", facts)
        if not match:
            raise NotUnderstood(f"expected owner, mode and kind, found {facts!r}")
        modes[name] = FileMode(match[1], int(match[2], 8), match[3])
    if not modes:
        raise NotUnderstood("no file in the output")
    return modes


@dataclass(frozen=True)
class LoginAttempt:
    """What `ssh … true` from one host to another came to."""

    succeeded: bool
    said: str


def parse_login(transcript: Transcript) -> LoginAttempt:
    """Exit 0 is a log-in; 255 is ssh's own refusal; anything else is the remote command's."""
    if transcript.exit_status is None:
        raise NotUnderstood("no exit status")
    lines = [line for line in transcript.err.splitlines() if line.strip()]
    said = lines[-1].strip() if lines else f"exit status {transcript.exit_status}"
    return LoginAttempt(transcript.exit_status == 0, said)


def parse_known_hosts(transcript: Transcript) -> frozenset[str]:
    """Key lines (`type base64`) that `ssh-keygen -F` found; empty where the host is not pinned.

    ssh-keygen exits 1 both for "not found" and for a missing file.
    """
    if transcript.exit_status not in (0, 1):
        succeeded(transcript)
    found = set()
    for line in transcript.out.splitlines():
        if line.startswith("#"):
            continue
        match = re.match(rf"(?:@\S+ )?\S+ ({_KEY_TYPES}) (\S+)", line)
        if not match:
            raise NotUnderstood(f"expected a known_hosts line, found {line!r}")
        if not line.startswith("@"):
            found.add(f"{match[1]} {match[2]}")
    if transcript.exit_status == 0 and not found:
        raise NotUnderstood("ssh-keygen found the host but printed no key")
    return frozenset(found)


@dataclass(frozen=True)
class UserCertificate:
    """An OpenSSH user certificate, as `ssh-keygen -L` lists it."""

    principals: tuple[str, ...]
    ca_fingerprint: str
    valid_until: datetime | None
    key_id: str


def parse_certificate(transcript: Transcript) -> UserCertificate | None:
    """Read `ssh-keygen -L -f …-cert.pub` run with TZ=UTC; None where there is no certificate."""
    if transcript.out.strip() == "absent":
        return None
    text = succeeded(transcript)
    ca = re.search(r"Signing CA: \S+ (SHA256:\S+)", text)
    valid = re.search(r"Valid: (?:forever|from (\S+) to (\S+)|before (\S+)|after (\S+))", text)
    key_id = re.search(r'Key ID: "(.*)"', text)
    principals = re.search(r"Principals: *\n((?:\s{16,}\S+\n)+|\s+\(none\))", text)
    if "user certificate" not in text or not (ca and valid and key_id and principals):
        raise NotUnderstood("not a listing of a user certificate")
    end = valid[2] or valid[3]
    names = tuple(principals[1].split())
    return UserCertificate(
        principals=() if names == ("(none)",) else names,
        ca_fingerprint=ca[1],
        valid_until=datetime.fromisoformat(end).replace(tzinfo=UTC) if end else None,
        key_id=key_id[1],
    )


@dataclass(frozen=True)
class CertificateTrust:
    """What the accepting host trusts: fingerprints of its user CA, and the registered names."""

    ca_fingerprints: frozenset[str]
    principals: frozenset[str]


def parse_trust(transcript: Transcript) -> CertificateTrust:
    """Read `ca SHA256:…` and `principal NAME` lines."""
    found: dict[str, set[str]] = {"ca": set(), "principal": set()}
    for line in succeeded(transcript).splitlines():
        kind, _, value = line.partition(" ")
        if kind not in found or not value:
            raise NotUnderstood(f"expected `ca …` or `principal …`, found {line!r}")
        found[kind].add(value.strip())
    return CertificateTrust(frozenset(found["ca"]), frozenset(found["principal"]))


def destination(inventory: Inventory, login: Login) -> str:
    """`user@address` of the host that a tunnel logs in to, as the runbook writes it."""
    via = inventory.hosts[login.via]
    return f"{via.user}@{via.target}" if via.user else via.target


def _modes(inventory: Inventory) -> dict[str, Probe]:
    def command(host: str) -> str:
        keys = dict.fromkeys(login.key for login in inventory.logins if login.host == host)
        return (
            f"for f in ~/.ssh {' '.join(keys)}; do "
            'if [ -e "$f" ]; then stat -L -c "%U %a %F\t%n" "$f"; '
            'else printf -- "-\\t%s\\n" "$f"; fi; done'
        )

    return {host: Exec(host, command(host)) for host in inventory.carriers}


def _ssh(inventory: Inventory, login: Login, more: str = "") -> str:
    return (
        f"ssh -i {login.key} -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none "
        f"-o StrictHostKeyChecking=yes -o ConnectTimeout={inventory.limits.connect:.0f} {more}"
        f"{destination(inventory, login)} true"
    )


def _logins(inventory: Inventory) -> dict[str, Probe]:
    seconds = inventory.limits.connect + inventory.limits.command
    return {
        str(login): Exec(login.host, _ssh(inventory, login), seconds) for login in inventory.logins
    }


def _known_hosts(inventory: Inventory) -> dict[str, Probe]:
    return {
        str(login): Exec(
            login.host,
            f"ssh-keygen -F {inventory.hosts[login.via].target} -f ~/.ssh/known_hosts",
        )
        for login in inventory.logins
    }


def _certificates(inventory: Inventory) -> dict[str, Probe]:
    return {
        str(login): Exec(
            login.host,
            f"[ -e {login.key}-cert.pub ] || {{ echo absent; exit 0; }}; "
            f"TZ=UTC ssh-keygen -L -f {login.key}-cert.pub",
        )
        for login in inventory.logins
        if inventory.identity == "certificate"
    }


def _trust(inventory: Inventory) -> dict[str, Probe]:
    certificate = inventory.certificate
    return {
        login.via: Exec(
            login.via,
            f"ssh-keygen -l -f {certificate.ca} | while read -r _ print _; do "
            'echo "ca $print"; done; '
            f'while read -r name; do [ -z "$name" ] || echo "principal $name"; done '
            f"<{certificate.principals}",
        )
        for login in inventory.logins
        if inventory.identity == "certificate"
    }


def _static_logins(inventory: Inventory) -> dict[str, Probe]:
    seconds = inventory.limits.connect + inventory.limits.command
    return {
        str(login): Exec(login.host, _ssh(inventory, login, "-o CertificateFile=none "), seconds)
        for login in inventory.logins
        if inventory.identity == "certificate"
    }


MODES = Fact("modes", _modes, parse_modes)
LOGINS = Fact("logins", _logins, parse_login)
KNOWN_HOSTS = Fact("known_hosts", _known_hosts, parse_known_hosts)
CERTIFICATES = Fact("certificates", _certificates, parse_certificate)
TRUST = Fact("trust", _trust, parse_trust)
STATIC_LOGINS = Fact("static_logins", _static_logins, parse_login)
