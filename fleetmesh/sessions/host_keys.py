"""Which key a host must show, and whether it did. Nothing is ever accepted or added unseen.

Format of known_hosts: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class HostKey:
    """A public key: its type and its bytes on the wire."""

    type: str
    blob: bytes

    @classmethod
    def from_line(cls, line: str) -> "HostKey":
        """Read `type base64 [comment]`; raises ValueError."""
        fields = line.split()
        try:
            key = cls(fields[0], base64.b64decode(fields[1], validate=True))
        except (IndexError, binascii.Error):
            raise ValueError(f"{line!r} is no public key line (ssh-ed25519 AAAA…)") from None
        # The type stands a second time inside the key (RFC 4253, 6.6).
        if not key.blob[4:].startswith(key.type.encode()):
            raise ValueError(f"{line!r} is no {fields[0]} key")
        return key

    @property
    def line(self) -> str:
        """The key as known_hosts and inventories hold it."""
        return f"{self.type} {base64.b64encode(self.blob).decode()}"

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode()
        return f"SHA256:{digest.rstrip('=')}"

    def __str__(self) -> str:
        return f"{self.type} {self.fingerprint}"


@dataclass(frozen=True)
class Expected:
    """The keys that a host may show, those it must not, and who says so.

    `authorities` may sign a certificate for it instead.
    """

    keys: tuple[HostKey, ...]
    revoked: frozenset[HostKey]
    source: str
    authorities: tuple[HostKey, ...] = ()

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Signature algorithms of the expected keys, to be asked for before all others."""
        wanted: dict[str, None] = {}
        for key in self.keys:
            if key.type == "ssh-rsa":
                wanted.update({"rsa-sha2-512": None, "rsa-sha2-256": None})
            else:
                wanted[key.type] = None
        return tuple(wanted)


def pinned(lines: Iterable[str], known: Expected) -> Expected:
    """What the inventory pins; a key that known_hosts revokes stays refused. Raises ValueError."""
    keys = tuple(HostKey.from_line(line) for line in lines)
    return Expected(keys, known.revoked, "the inventory")


def names(hostname: str, port: int, alias: str | None) -> list[str]:
    """Under which names a host stands in known_hosts, the first that is found counts.

    Like ssh, a host on another port than 22 is looked up as `[host]:port` first, then as `host`.
    """
    if alias:
        return [alias]
    return [hostname] if port == 22 else [f"[{hostname}]:{port}", hostname]


def known(
    hostname: str,
    port: int,
    alias: str | None,
    files: Iterable[Path],
    told: Mapping[str, str] | None = None,
) -> Expected:
    """What the known_hosts `files` hold for a host; raises OSError for one that is unreadable.

    `told` is more of the same format, by who told it.
    """
    files = tuple(files)
    told = told or {}
    source = " or ".join([*map(str, files), *told]) or "no known_hosts file"
    entries = [entry for file in files for entry in _entries(_text(file))]
    entries += [entry for text in told.values() for entry in _entries(text)]
    looked_up = names(hostname, port, alias)
    revoked = frozenset(
        key
        for marker, patterns, key in entries
        if marker == "@revoked" and any(_matches(patterns, name) for name in looked_up)
    )
    for name in looked_up:
        found = [(marker, key) for marker, patterns, key in entries if _matches(patterns, name)]
        keys = tuple(dict.fromkeys(key for marker, key in found if not marker))
        signers = tuple(dict.fromkeys(key for marker, key in found if marker == "@cert-authority"))
        if keys or signers:
            return Expected(keys, revoked, source, signers)
    return Expected((), revoked, source)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _entries(text: str) -> Iterator[tuple[str, str, HostKey]]:
    """Marker (or empty), host patterns and key of each line; like ssh, skips the unreadable."""
    for line in text.splitlines():
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        marker = fields.pop(0) if fields[0].startswith("@") else ""
        try:
            yield marker, fields[0], HostKey.from_line(" ".join(fields[1:3]))
        except (IndexError, ValueError):
            continue


def _matches(patterns: str, name: str) -> bool:
    matched = False
    for pattern in patterns.split(","):
        if pattern.startswith("|1|"):
            matched |= _hash_matches(pattern, name)
        elif pattern.startswith("!"):
            if matches_wildcard(pattern[1:], name):
                return False
        else:
            matched |= matches_wildcard(pattern, name)
    return matched


def matches_wildcard(pattern: str, name: str) -> bool:
    """Whether a pattern of ssh_config(5), PATTERNS, matches a name."""
    # Not fnmatch: in `[host]:22` the brackets stand for themselves.
    expression = re.escape(pattern.lower()).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, name.lower()) is not None


def _hash_matches(pattern: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part) for part in pattern[3:].split("|"))
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(hmac.digest(salt, name.lower().encode(), "sha1"), digest)
