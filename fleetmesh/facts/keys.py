"""Keys, host keys and certificates of the tunnels' log-in."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from fleetmesh.facts.fact import Fact, NotUnderstood, succeeded
from fleetmesh.facts.probe import Exec, Probe
from fleetmesh.inventory import Inventory, Login
from fleetmesh.shell import join, quote
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
        match = re.fullmatch(r"(\S+) ([0-7]{1,4}) (.+)", facts)  # stat drops leading zeros
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


def parse_static_login(transcript: Transcript) -> LoginAttempt:
    """As parse_login; but only the far end's own refusal of the key tells that it is refused."""
    attempt = parse_login(transcript)
    if "not accessible" in transcript.err:
        raise NotUnderstood(f"the key was not offered: {transcript.err.strip().splitlines()[0]}")
    if not attempt.succeeded and "Permission denied (" not in attempt.said:
        raise NotUnderstood(f"the far end did not judge the key: {attempt.said}")
    return attempt


def parse_known_hosts(transcript: Transcript) -> frozenset[str]:
    """Key lines (`type base64`) that `ssh-keygen -F` found; empty where the host is not pinned.

    ssh-keygen exits 1 where the host is not found, and 255 where the file is missing. A revoked
    key is not pinned.
    """
    missing = transcript.exit_status == 255 and "No such file" in transcript.err
    if transcript.exit_status != 1 and not missing:
        succeeded(transcript)
    found, revoked, by_authority = set(), set(), False
    for line in transcript.out.splitlines():
        if line.startswith("#"):
            continue
        match = re.match(rf"(@\S+ )?\S+ ({_KEY_TYPES}) (\S+)", line)
        if not match:
            raise NotUnderstood(f"expected a known_hosts line, found {line!r}")
        key = f"{match[2]} {match[3]}"
        if match[1] is None:
            found.add(key)
        elif match[1] == "@revoked ":
            revoked.add(key)
        else:
            by_authority = True
    if by_authority and not found:
        raise NotUnderstood("the host is pinned by a certificate authority, not by a key")
    if transcript.exit_status == 0 and not found and not revoked:
        raise NotUnderstood("ssh-keygen found the host but printed no key")
    return frozenset(found - revoked)


@dataclass(frozen=True)
class UserCertificate:
    """An OpenSSH user certificate, as `ssh-keygen -L` lists it."""

    principals: tuple[str, ...]
    ca_fingerprint: str
    valid_until: datetime | None
    key_id: str


def parse_certificate(transcript: Transcript) -> UserCertificate | None:
    """Read `ssh-keygen -L -f …-cert.pub` run with TZ=UTC; None where there is no certificate.

    The whole listing is matched, line by line: a key id is free text and may look like any of them.
    """
    text = succeeded(transcript)
    if text.strip() == "absent":
        return None
    match = _CERTIFICATE.match(text)
    if not match:
        raise NotUnderstood("not a listing of a user certificate")
    end = match["to"] or match["before"]
    try:
        valid_until = datetime.fromisoformat(end).replace(tzinfo=UTC) if end else None
    except ValueError:
        raise NotUnderstood(f"expected a time such as 2026-01-31T00:00:00, found {end!r}") from None
    return UserCertificate(
        principals=tuple(line.strip() for line in (match["principals"] or "").splitlines()),
        ca_fingerprint=match["ca"],
        valid_until=valid_until,
        key_id=match["key_id"],
    )


_CERTIFICATE = re.compile(
    r"""[^\n]*:\n
    \ +Type:\ \S+\ user\ certificate\n
    \ +Public\ key:\ [^\n]+\n
    \ +Signing\ CA:\ \S+\ (?P<ca>SHA256:\S+)(?:\ [^\n]*)?\n
    \ +Key\ ID:\ "(?P<key_id>[^\n]*)"\n
    \ +Serial:\ \d+\n
    \ +Valid:\ (?:forever|from\ \S+\ to\ (?P<to>\S+)|before\ (?P<before>\S+)|after\ \S+)\n
    \ +Principals:\ (?:\(none\)\n|\n(?P<principals>(?:\ {16}[^\n]+\n)+))
    \ +Critical\ Options:""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class CertificateTrust:
    """What the accepting host trusts: fingerprints of its user CA, and the registered names."""

    ca_fingerprints: frozenset[str]
    principals: frozenset[str]


def parse_trust(transcript: Transcript) -> CertificateTrust:
    """Read `ca SHA256:…` and `principal NAME` lines; the first is always there, the other not."""
    found: dict[str, set[str]] = {"ca": set(), "principal": set()}
    for line in succeeded(transcript).splitlines():
        kind, _, value = line.partition(" ")
        if kind not in found or not value:
            raise NotUnderstood(f"expected `ca …` or `principal …`, found {line!r}")
        found[kind].add(value.strip())
    if not found["ca"]:
        raise NotUnderstood(f"no user CA could be read: {transcript.err.strip() or 'empty file'}")
    return CertificateTrust(frozenset(found["ca"]), frozenset(found["principal"]))


def destination(inventory: Inventory, login: Login) -> str:
    """`user@address` of the host that a tunnel logs in to, as the runbook writes it."""
    via = inventory.hosts[login.via]
    return f"{via.user}@{via.target}" if via.user else via.target


def _modes(inventory: Inventory) -> dict[str, Probe]:
    def command(host: str) -> str:
        keys = dict.fromkeys(login.key for login in inventory.logins if login.host == host)
        return (
            f"for f in ~/.ssh {join(keys)}; do "
            'if [ -e "$f" ]; then stat -L -c "%U %a %F\t%n" "$f"; '
            'else printf -- "-\\t%s\\n" "$f"; fi; done'
        )

    return {host: Exec(host, command(host)) for host in inventory.carriers}


def _ssh(inventory: Inventory, login: Login, key: str, more: str = "") -> str:
    return (
        f"ssh -i {quote(key)} -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none "
        "-o UpdateHostKeys=no -o ControlPath=none "
        f"-o StrictHostKeyChecking=yes -o ConnectTimeout={inventory.limits.connect:.0f} {more}"
        f"{quote(destination(inventory, login))} true"
    )


def _logins(inventory: Inventory) -> dict[str, Probe]:
    seconds = inventory.limits.connect + inventory.limits.command
    return {
        str(login): Exec(login.host, _ssh(inventory, login, login.key), seconds)
        for login in inventory.logins
    }


def _known_hosts(inventory: Inventory) -> dict[str, Probe]:
    return {
        str(login): Exec(
            login.host,
            f"ssh-keygen -F {quote(inventory.hosts[login.via].target)} -f ~/.ssh/known_hosts",
        )
        for login in inventory.logins
    }


def _certificates(inventory: Inventory) -> dict[str, Probe]:
    return {
        str(login): Exec(
            login.host,
            f"[ -e {quote(f'{login.key}-cert.pub')} ] || {{ echo absent; exit 0; }}; "
            f"TZ=UTC ssh-keygen -L -f {quote(f'{login.key}-cert.pub')}",
        )
        for login in inventory.logins
        if inventory.identity == "certificate"
    }


def _trust(inventory: Inventory) -> dict[str, Probe]:
    certificate = inventory.certificate
    return {
        login.via: Exec(
            login.via,
            f"ssh-keygen -l -f {quote(certificate.ca)} | while read -r _ print _; do "
            'echo "ca $print"; done; '
            'while read -r name || [ -n "$name" ]; do '
            '[ -z "$name" ] || echo "principal $name"; done '
            f"<{quote(certificate.principals)}",
        )
        for login in inventory.logins
        if inventory.identity == "certificate"
    }


def _static_logins(inventory: Inventory) -> dict[str, Probe]:
    seconds = inventory.limits.connect + inventory.limits.command
    # ssh would offer KEY-cert.pub together with KEY; see PubkeyAcceptedAlgorithms, ssh_config(5).
    plain = "-o 'PubkeyAcceptedAlgorithms=-*-cert-*' "
    return {
        f"{login} {key}": Exec(login.host, _ssh(inventory, login, key, plain), seconds)
        for login in inventory.logins
        for key in (inventory.certificate.retired_key, login.key)
        if inventory.identity == "certificate"
    }


MODES = Fact("modes", _modes, parse_modes)
LOGINS = Fact("logins", _logins, parse_login)
KNOWN_HOSTS = Fact("known_hosts", _known_hosts, parse_known_hosts)
CERTIFICATES = Fact("certificates", _certificates, parse_certificate)
TRUST = Fact("trust", _trust, parse_trust)
STATIC_LOGINS = Fact("static_logins", _static_logins, parse_static_login)
