"""The key files of the tunnels' log-in, and its certificates."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fleetmesh.facts.fact import Fact, NotUnderstood, succeeded
from fleetmesh.gather.commands import Exec
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory, Login
from fleetmesh.text.shell import join, quote


@dataclass(frozen=True)
class FileMode:
    """Owner and permission bits of a file, from stat(1)."""

    owner: str
    mode: int

    @property
    def private(self) -> bool:
        """Nobody but the owner (and root) may read, write or search it."""
        return self.mode & 0o077 == 0


_HIDDEN = 'elif [ -e "${f%/*}" ] && [ ! -x "${f%/*}" ]; then echo "$f cannot be seen" >&2; exit 1; '


def _modes(inventory: Inventory) -> dict[str, Probe]:
    def command(host: str) -> str:
        keys = dict.fromkeys(login.key for login in inventory.logins if login.host == host)
        # Where the system runs a tunnel, its key may lie where only its own user may look.
        hidden = _HIDDEN if inventory.tunnels_at(host, by_system=True) else ""
        return (
            f"for f in ~/.ssh {join(keys)}; do "
            'if [ -e "$f" ]; then stat -L -c "%U %a\t%n" "$f"; '
            f'{hidden}else printf -- "-\\t%s\\n" "$f"; fi; done'
        )

    return {host: Exec(host, command(host)) for host in inventory.carriers}


def parse_modes(transcript: Transcript) -> dict[str, FileMode | None]:
    """Read `owner octal-mode<TAB>name` lines; `-<TAB>name` for what does not exist."""
    modes: dict[str, FileMode | None] = {}
    for line in succeeded(transcript).splitlines():
        facts, tab, name = line.partition("\t")
        if not tab:
            raise NotUnderstood(f"expected a tab before the name, found {line!r}")
        if facts == "-":
            modes[name] = None
            continue
        match = re.fullmatch(r"(\S+) ([0-7]{1,4})(?: .+)?", facts)  # stat drops leading zeros
        if not match:
            raise NotUnderstood(f"expected owner and mode, found {facts!r}")
        modes[name] = FileMode(match[1], int(match[2], 8))
    if not modes:
        raise NotUnderstood("no file in the output")
    return modes


MODES = Fact("modes", _modes, parse_modes)


def exposed(
    modes: Mapping[str, FileMode | None], host: str, user: str, owners: Mapping[str, str]
) -> str | None:
    """Why these files would not do for a log-in, in one sentence; None where they do.

    They are `user`'s, but for those that have another one in `owners`.
    """
    for path, found in modes.items():
        owner = owners.get(path, user)
        if found is None:
            return f"{path} does not exist on {host}"
        if found.owner != owner:
            return f"{path} belongs to {found.owner}, not to {owner}"
        if not found.private:
            return f"{path} has mode {found.mode:04o}: others may get at it"
    return None


@dataclass(frozen=True)
class UserCertificate:
    """An OpenSSH user certificate, as `ssh-keygen -L` lists it."""

    principals: tuple[str, ...]
    ca_fingerprint: str
    valid_until: datetime | None
    key_id: str


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


CERTIFICATES = Fact("certificates", _certificates, parse_certificate)


@dataclass(frozen=True)
class CertificateTrust:
    """What the accepting host trusts: fingerprints of its user CA, and the registered names."""

    ca_fingerprints: frozenset[str]
    principals: frozenset[str]


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


TRUST = Fact("trust", _trust, parse_trust)


@dataclass(frozen=True)
class Authorizations:
    """Until when the keys of a log-in's user are let in, as the accepting host has it."""

    until: dict[str, str]
    """The `expiry-time` of sshd(8) by the key's fingerprint, where no line lets it in for good."""
    account: str | None
    """When the account ends, as chage(1) has it: `never`, or a day; None where it does not tell."""
    password: str | None = None
    """When its password does, in the same words: with PAM, sshd then forwards nothing."""

    @property
    def ends(self) -> str | None:
        """What of the account has a last day, in words; None if nothing has, or nobody tells."""
        if self.account not in (None, "never"):
            return f"ends: {self.account}"
        if self.password not in (None, "never"):
            return f"has a password that expires: {self.password}"
        return None


# A line's options come first, and what they quote may hold anything; sshd(8), AUTHORIZED_KEYS. A
# line that is narrower than a tunnel needs is none that would let it in when the other has ended.
_AUTHORIZATIONS = r"""
lines() {
  awk '
    /^[ \t]*(#|$)/ { next }
    {
      sub(/^[ \t]+/, ""); until = ""; narrow = 0
      while ($0 !~ /^(ssh|ecdsa|sk)-[^ \t,="]+[ \t]/ &&
             match($0, /^[A-Za-z0-9-]+(="([^"\\]|\\+[^\\])*")?,?/)) {
        option = substr($0, 1, RLENGTH); $0 = substr($0, RLENGTH + 1)
        name = tolower(option); sub(/[=,].*/, "", name)
        if (name == "expiry-time") { split(option, quoted, "\""); until = quoted[2] "?" }
        if (name ~ /^(from|permitopen|principals|restrict|no-port-forwarding|cert-authority)$/)
          narrow = 1
        if (option !~ /,$/) { sub(/^[ \t]+/, ""); break }
      }
      sub(/\?$/, "", until)
      if (until != "" || !narrow) print (until == "" ? "-" : until), $0
    }' "$1"
}
for file in ~/.ssh/authorized_keys ~/.ssh/authorized_keys2; do
  [ -r "$file" ] || continue
  lines "$file" | while read -r time key; do
    print=$(printf '%s\n' "$key" | ssh-keygen -l -f - 2>/dev/null) || continue
    set -- $print
    case $time in -) echo "always $2" ;; *) echo "until $time $2" ;; esac
  done
done
LC_ALL=C chage -l "$(id -un)" 2>/dev/null |
  sed -n -e 's/^Account expires[^:]*: */account /p' -e 's/^Password expires[^:]*: */password /p'
echo end
"""

_OF_ANOTHER = """HOME=$(getent passwd USER | cut -d : -f 6)
[ -r ~/.ssh/authorized_keys ] || { echo "what lets" USER "in cannot be read" >&2; exit 1; }
"""


def _authorizations(inventory: Inventory) -> dict[str, Probe]:
    def command(login: Login) -> str:
        asked, user = _AUTHORIZATIONS.strip(), login.far_user
        if user == inventory.hosts[login.via].user or user is None:
            return asked
        # What another user has lies in its home, and may be nobody else's to read.
        return _OF_ANOTHER.replace("USER", quote(user)) + asked.replace('"$(id -un)"', quote(user))

    return {str(login): Exec(login.via, command(login)) for login in inventory.logins}


def parse_authorizations(transcript: Transcript) -> Authorizations:
    """Read `until TIME FINGERPRINT`, `always FINGERPRINT`, `account WORDS` and `password WORDS`.

    A line each, closed by `end`.
    """
    *lines, last = succeeded(transcript).splitlines() or [""]
    if last != "end":
        raise NotUnderstood("the account does not end with its mark")
    until: dict[str, str] = {}
    always, told = set(), dict[str, str]()
    for line in lines:
        match = re.fullmatch(
            r"until (\d{8,14}Z?) (SHA256:\S+)|always (\S+)|(account|password) (.+)", line
        )
        if not match:
            raise NotUnderstood(
                f"expected `until …`, `always …`, `account …` or `password …`, found {line!r}"
            )
        if match[1]:
            until[match[2]] = max(match[1], until.get(match[2], ""))
        elif match[3]:
            always.add(match[3])
        else:
            told[match[4]] = match[5].strip()
    return Authorizations(
        {key: time for key, time in until.items() if key not in always},
        told.get("account"),
        told.get("password"),
    )


AUTHORIZATIONS = Fact("authorizations", _authorizations, parse_authorizations)


@dataclass(frozen=True)
class AuthorizedKey:
    """A line that lets a key in: which key, and a digest of the whole line with its options."""

    fingerprint: str
    """As `ssh-keygen -l` prints it; `none` where that does not know the key."""
    digest: str
    """SHA-256, 64 hexadecimal digits."""


# The lines themselves stay where they are: what an option says may be secret.
_AUTHORIZED_KEYS = r"""
set -f
for file in ~/.ssh/authorized_keys ~/.ssh/authorized_keys2; do
  [ -e "$file" ] || continue
  [ -r "$file" ] || { echo "unreadable $file"; continue; }
  grep -v '^[[:space:]]*\(#\|$\)' "$file" | while IFS= read -r line; do
    set -- $(printf '%s\n' "$line" | ssh-keygen -l -f - 2>/dev/null)
    digest=$(printf '%s\n' "$line" | { sha256sum || shasum -a 256; } 2>/dev/null)
    echo "key ${2:-none} ${digest%% *}"
  done
done
echo end
"""


def _authorized_keys(inventory: Inventory) -> dict[str, Probe]:
    return {host: Exec(host, _AUTHORIZED_KEYS.strip()) for host in inventory.hosts}


def parse_authorized_keys(transcript: Transcript) -> tuple[AuthorizedKey, ...]:
    """Read `key FINGERPRINT DIGEST` lines, in the order of the file, closed by `end`."""
    *lines, last = succeeded(transcript).splitlines() or [""]
    if last != "end":
        raise NotUnderstood("the account does not end with its mark")
    found = []
    for line in lines:
        match = re.fullmatch(r"key (none|[A-Z0-9]+:\S+) ([0-9a-f]{64})", line)
        if not match:
            raise NotUnderstood(f"expected `key FINGERPRINT DIGEST`, found {line!r}")
        found.append(AuthorizedKey(match[1], match[2]))
    return tuple(found)


AUTHORIZED_KEYS = Fact("authorized_keys", _authorized_keys, parse_authorized_keys)
