"""A URL that takes its secrets from the environment: `https://hc-ping.com/${PING_KEY}/fleet`.

An inventory is shown, copied into each record and kept with other files. So what may be a secret
must not stand in it. This errs towards refusing: whatever is refused may stand in a variable.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from pydantic import PlainValidator

_VARIABLE = re.compile(r"\$\{([A-Z_][A-Z0-9_]{0,63})\}")
_SHAPE = re.compile(
    rf"([a-z][a-z0-9+.-]{{0,30}})://(?:[A-Za-z0-9._/?#@&+,:=%-]|{_VARIABLE.pattern})+"
)
_ANY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.")
_LONGEST = 1000
# A single label may be a token, as in slack://TOKEN/…; a domain ends in letters.
_HOST = re.compile(r"(?:(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}|localhost|\d{1,3}(?:\.\d{1,3}){3})?")
_ACCOUNT = re.compile(r"[A-Za-z0-9._+-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}")
_NUMBER = re.compile(r"[+-]?\d{1,15}")  # a chat's id, or that of a telephone
_WORD = re.compile(r"[A-Za-z]?[a-z]{0,24}|v?\d{1,3}")
_BETWEEN = re.compile(r"[-_.]|%20")
_QUERY_NAME = re.compile(r"[a-z_-]{1,24}")
_SAYS_SECRET = re.compile(r"pass|pwd|key|token|secret|auth|cred|user|sig|hash|pin$|psk")
_SHORTEST = 4
"""Characters of a part of a URL from which on it may be a secret by itself."""


class Unset(Exception):
    """What the environment lacks, or has in another form; the text names the variable."""


class SecretUrl(str):
    """The URL as the inventory has it, without its secrets."""

    @property
    def names(self) -> tuple[str, ...]:
        """The variables of the environment that it needs."""
        return tuple(dict.fromkeys(_VARIABLE.findall(self)))

    @property
    def _is_variable(self) -> bool:
        return _VARIABLE.fullmatch(self) is not None

    def resolved(self, environment: Mapping[str, str]) -> str:
        """The URL with its secrets. Raises Unset.

        A variable that is the whole URL is taken as it is; any other is a word, and is escaped.
        """
        for name in self.names:
            if not environment.get(name, "").strip():
                raise Unset(f"{name} is not set in the environment")
        if not self._is_variable:
            return _VARIABLE.sub(lambda found: quote(environment[found[1]].strip(), ""), self)
        url = environment[self.names[0]].strip()
        if not _ANY.match(url) or not url.isprintable() or not _is_url(url):
            raise Unset(f"{self.names[0]} in the environment holds no URL")
        return url

    def secrets(self, environment: Mapping[str, str]) -> Iterator[str]:
        """What the environment holds of it, by which it would be known; the parts of a URL, too."""
        for name in self.names:
            value = environment.get(name, "").strip()
            yield value
            if self._is_variable:
                parts = re.split(r"[/:?&=@#,]+", value)[1:]
                yield from (part for part in parts if len(part) >= _SHORTEST)


def _is_url(text: str) -> bool:
    try:
        return bool(urlsplit(text).scheme)
    except ValueError:  # half of an IPv6 address, or a character that is none of a host's
        return False


def _secret_url(value: Any) -> SecretUrl:
    """Never repeats what it refuses: that may be the secret."""
    if not isinstance(value, str):
        raise ValueError("is no URL; write one, in quotes")
    if _VARIABLE.fullmatch(value):
        return SecretUrl(value)
    if len(value) > _LONGEST or not _SHAPE.fullmatch(value):
        raise ValueError(
            "is no URL that can be used; write it such as https://example.org/${NAME}, where NAME "
            "is a variable of the environment, and escape whatever RFC 3986 does not allow"
        )
    if part := _exposed(value.partition("://")[2]):
        raise ValueError(
            f"may hold a secret in its {part}; write ${{NAME}} there, and give NAME its value in "
            "the environment"
        )
    return SecretUrl(value)


def _exposed(rest: str) -> str | None:
    """The part of a URL, behind its scheme, that may hold a secret; None if there is none."""
    before, _, query = _VARIABLE.sub("", rest).partition("?")
    authority, *segments = before.split("/")
    account, _, place = authority.rpartition("@")
    host, _, port = place.partition(":")
    if account.strip(":"):
        return "user or password"
    if not _HOST.fullmatch(host) or not re.fullmatch(r"\d{0,5}", port):
        return "host"
    if not all(_is_plain(segment.lstrip("#@+")) for segment in segments):
        return "path"
    for pair in filter(None, query.split("&")):
        name, _, values = pair.partition("=")
        if not _QUERY_NAME.fullmatch(name):
            return "query"
        hides = _SAYS_SECRET.search(name) and values
        if hides or not all(_is_plain(value) for value in values.split(",")):
            return f"query, as `{name}`"
    return None


def _is_plain(text: str) -> bool:
    """Whether it is words, a number or an address of mail: no token looks like that."""
    if _ACCOUNT.fullmatch(text) or _NUMBER.fullmatch(text):
        return True
    return len(text) <= 64 and all(_WORD.fullmatch(word) for word in _BETWEEN.split(text))


def _ping_url(value: Any) -> SecretUrl:
    url = _secret_url(value)
    if not url.startswith(("https://", "http://", "${")):
        raise ValueError("is no URL that can be pinged; write one that begins with https://")
    return url


PingUrl = Annotated[SecretUrl, PlainValidator(_ping_url)]
NotifyUrl = Annotated[SecretUrl, PlainValidator(_secret_url)]
