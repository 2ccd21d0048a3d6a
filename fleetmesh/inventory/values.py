"""Single values of an inventory: how each must be written, and what to write instead."""

import re
import shlex
from collections.abc import Collection
from datetime import MAXYEAR, MINYEAR, datetime
from difflib import get_close_matches
from ipaddress import IPv4Address, ip_address, ip_network
from math import isfinite
from reprlib import Repr
from typing import Annotated, Any, Literal

import re2  # type: ignore[import-untyped]
from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

CHECK_ID = re.compile(r"(PRE|CUT|PROD|ROLL|OWN|DRILL)-\d\d\.[a-z][a-z0-9-]*")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:+-]{0,127}")
_UNIT = re.compile(r"(?=.{1,255}$)[A-Za-z0-9_][A-Za-z0-9:_.\\-]*(@[A-Za-z0-9:_.\\-]+)?\.service")
_REMOTE_PATH = re.compile(r"(~?/)?[A-Za-z0-9._+@][A-Za-z0-9/._+@-]{0,1023}|~?/")
# k8s.io/apimachinery/pkg/labels: `key`, `!key`, `key=value` and its kind, `key in (a, b)`. What has
# matched is kept (`*+`), so that no text takes long.
_KEY = r"([a-z0-9.-]{1,253}+/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_VALUE = r" *+[A-Za-z0-9_.-]{0,63}+ *+"
_IS = rf"(==?|!=){_VALUE}|[<>] *+[0-9]{{1,18}}+|(?<= )(in|notin) *+\({_VALUE}(,{_VALUE})*+\)"
_TERM = rf" *+(! *+{_KEY}|{_KEY} *+({_IS})?) *+"
_SELECTOR = re.compile(rf"(?=.{{1,1024}}$){_TERM}(,{_TERM})*+")
_LOCAL_FOLDER = re.compile(r"(/(?!\.\.?(/|$))[A-Za-z0-9._+@-]+)+/?")
_GLOB = re.compile(r"[A-Za-z0-9*?\[][][A-Za-z0-9*?!._-]{0,62}")
# The characters of RFC 3986, 3.3 and 3.4; a `%` only as the beginning of an escape.
_HTTP_PATH = re.compile(r"/([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2}){0,1023}")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_KEY_LINE = re.compile(r"(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+=* ?.*")

# Words of a command, of letters that no shell acts on; they are quoted all the same.
_COMMAND = re.compile(
    r"(?=.{1,1024}$)[A-Za-z0-9/~][A-Za-z0-9._+@/~:-]*+( [A-Za-z0-9._+@/~:=,-]++)*+"
)
# A token of RFC 9110, 5.6.2.
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
SECRET_HEADERS = frozenset(
    ("set-cookie", "set-cookie2", "authorization", "www-authenticate", "proxy-authenticate")
)
"""Headers whose values a record does not repeat, in lower case."""
_LONGEST_EXPECTED = 4096
"""Characters of what a body is to be, hold or match."""
_OF_ANYBODY = (
    *("", "0", "1", "{}", "[]", "null", "true", "false", "404 page not found\n", "Unauthorized"),
    *('{"error": "not found"}', '{"status": "error", "message": "Service Unavailable"}'),
    "<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><h1>It works!</h1></html>\n",
    "AN ANSWER, in 12 words or 3,456; of another: PROGRAM. yes/no? x=y & z\n",
)
"""Bodies of programs that nobody asked; what they match, tells nobody apart."""

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 80
_SHORT.maxlevel = 2


def shown(value: Any) -> str:
    """The value as Python writes it, shortened."""
    return _SHORT.repr(value)


class Address(str):
    """`127.0.0.1:18000`: where something listens."""

    @property
    def ip(self) -> str:
        """The part before the port."""
        return self.rpartition(":")[0]

    @property
    def port(self) -> int:
        """TCP port, 1 to 65535."""
        return int(self.rpartition(":")[2])

    @property
    def shown_as(self) -> tuple[str, ...]:
        """Where its listeners may be seen: an ssh that is told a port alone takes all loopback."""
        return (self, f"[::1]:{self.port}") if self.ip == "127.0.0.1" else (self,)


def endpoint(ip: str, port: int) -> str:
    """`ip:port`, with brackets around an IPv6 address."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _listen_address(value: Any) -> Address:
    ip, _, port = str(value).rpartition(":")
    try:
        valid = bool(IPv4Address(ip) and _PORT.fullmatch(port) and int(port) < 65536)
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(f"{shown(value)} is no listen address; write an IPv4 address and port, "
                         "such as 127.0.0.1:18000")  # fmt: skip
    return Address(value)


def _loopback(value: Address) -> Address:
    if not IPv4Address(value.ip).is_loopback:
        raise ValueError(f"'{value}' is open to others; a tunnel listens on loopback only, "
                         f"write 127.0.0.1:{value.port}")  # fmt: skip
    return value


def _ip(value: str) -> str:
    """An address in its one form, by which it is compared with what hosts and clusters say."""
    try:
        read = None if "%" in value else ip_address(value)
    except ValueError:
        read = None
    if read is None:
        raise ValueError(f"{shown(value)} is no IP address; write one address, without a prefix "
                         "and without a scope")  # fmt: skip
    return str(read)


def _cidr(value: str) -> str:
    try:
        ip_network(value)
    except ValueError as error:
        raise ValueError(f"{error}; write the network, such as 10.43.0.0/16") from None
    return value


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(
            f"{shown(value)} is no name; use up to 63 lower-case letters, digits, '-' and '.'"
        )
    return value


def _must_match(pattern: re.Pattern[str], otherwise: str) -> AfterValidator:
    """A value that becomes part of a command, an argument or an address, by what it is."""

    def matches(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(f"{shown(value)} {otherwise}")
        return value

    return AfterValidator(matches)


def _line(value: str) -> str:
    if not value.isprintable() or not value.strip():
        raise ValueError(f"{shown(value)} is no line of text; write one, without line breaks")
    return value


def _body_text(value: str) -> str:
    if not value.strip():
        raise ValueError("is blank, and so is an answer of any program; write what it says")
    if len(value) > _LONGEST_EXPECTED:
        raise ValueError(f"has more than {_LONGEST_EXPECTED} characters; write less")
    return value


def _body_part(value: str) -> str:
    for body in _OF_ANYBODY:
        if _body_text(value) in body:
            raise ValueError(_too_little(value, body))
    return value


def _body_pattern(value: str) -> str:
    pattern = compiled(_body_text(value))
    for body in _OF_ANYBODY:
        if pattern.search(body):
            raise ValueError(_too_little(value, body))
    return value


def _header_name(value: str) -> str:
    if value.lower() in SECRET_HEADERS:
        raise ValueError(f"{shown(value)} may hold a secret, which no record repeats; name another")
    return value


def _too_little(value: str, body: str) -> str:
    return (
        f"{shown(value)} is also found in {shown(body)}, an answer of any other program; write "
        "more, by which the service names itself"
    )


def compiled(pattern: str) -> Any:
    """An RE2 expression of an inventory, ready to search a text. Raises ValueError."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        why = error.args[0] if error.args else "unknown"
        why = why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
        raise ValueError(
            f"{shown(pattern)} is no regular expression of RE2: {why}; see "
            "https://github.com/google/re2/wiki/Syntax"
        ) from None


def _finite(value: Any) -> Any:
    """What JSON can hold: no infinity, and nothing that is not a number."""
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"holds {value}, which JSON cannot; write a number")
    if isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            _finite(inner)
    return value


def _keyed(value: Any) -> Any:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ValueError(f"has the key {key!r}, which is no text; write it in quotes")
            _keyed(inner)
    elif isinstance(value, list):
        for inner in value:
            _keyed(inner)
    return value


def _expiry(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(
            f"{shown(value)} is no time with its zone; write it in UTC, "
            "such as 2027-01-31T12:00:00Z"
        )
    if not MINYEAR + 1 < moment.year < MAXYEAR:  # at their edges no zone can be left, nor a day
        raise ValueError(
            f"{shown(value)} is no day on which somebody looks again; write one, "
            "such as 2027-01-31T12:00:00Z"
        )
    return moment


def _words(value: Any) -> Any:
    """A command as a list of words, or as one text, split as a POSIX shell splits it."""
    if isinstance(value, str):
        try:
            value = shlex.split(value)
        except ValueError as error:
            raise ValueError(f"{shown(value)}: {error}; write a list of its words") from None
    if (
        not isinstance(value, (list, tuple))
        or not value
        or not all(isinstance(w, str) for w in value)
    ):
        raise ValueError(f"{shown(value)} is no command; write a list of its words, in quotes")
    if strange := [word for word in value if not word.isprintable()]:
        raise ValueError(f"{shown(strange[0])} cannot be a word of a command; write one line")
    return tuple(value)


def _program(words: tuple[str, ...]) -> tuple[str, ...]:
    if words[0].startswith("-") or not words[0].strip():
        raise ValueError(f"{shown(words[0])} is no program; write the command's name first")
    return words


def not_a_check(written: str, checks: Collection[str]) -> str:
    """Why `written` is no id among `checks`, and which of them may be meant."""
    family = [check for check in sorted(checks) if check.partition(".")[0] == written]
    what = "is a family of checks" if family else "is no check"
    could = family or get_close_matches(written[:80], checks) or ["one of docs/checks.md"]
    return f"{shown(written)} {what}; write {' or '.join(could)}"


def _known_hosts_or_lines(value: Any) -> Any:
    """The word `known_hosts`, or key lines as `ssh-keyscan` prints them after the host's name."""
    lines = [value] if isinstance(value, str) else value
    if lines == ["known_hosts"]:
        return "known_hosts"
    if not isinstance(lines, list) or not lines:
        raise ValueError(
            "pins no key; write the host's key lines ('ssh-ed25519 AAAA…'), or `known_hosts` "
            "if your known_hosts file pins it"
        )
    for line in lines:
        if not isinstance(line, str) or not _KEY_LINE.fullmatch(line):
            raise ValueError(
                f"{shown(line)} is no public key line; write 'ssh-ed25519 AAAA…', as the host's "
                "/etc/ssh/ssh_host_ed25519_key.pub has it"
            )
    return tuple(lines)


Image = Annotated[
    str,
    _must_match(
        re.compile(r"[a-zA-Z0-9][\w.:/-]{0,254}(@sha256:[0-9a-f]{64})?"),
        "is no name of an image; write it such as docker.io/curlimages/curl:8.17.0",
    ),
]
RemotePath = Annotated[
    str,
    _must_match(
        _REMOTE_PATH,
        "is no path or command that can be used on a host; use letters, digits and any of "
        "/._+-@, without blanks or quotes, `~` only as `~/` at its beginning, and `-` not there",
    ),
]
LocalFolder = Annotated[
    str,
    _must_match(
        _LOCAL_FOLDER,
        "is no folder on this machine; write its whole path, such as "
        "/var/lib/prometheus/node-exporter, of letters, digits and any of ._+@-",
    ),
]
RemoteCommand = Annotated[
    str,
    _must_match(
        _COMMAND,
        "is no command that can be used on a host; write its words with one blank between them, "
        "of letters, digits and any of ._+@/~:=,- such as sudo -n k3s kubectl",
    ),
]
HeaderName = Annotated[
    str,
    _must_match(_HEADER, "is no name of an HTTP header; write it such as X-Service"),
    AfterValidator(_header_name),
]
BodyText = Annotated[str, AfterValidator(_body_text)]
BodyPart = Annotated[str, AfterValidator(_body_part)]
BodyPattern = Annotated[str, AfterValidator(_body_pattern)]
Word = Annotated[
    str,
    _must_match(
        _WORD,
        "is no name of a host or user; use letters, digits and any of _.@:+-, "
        "the first a letter, a digit or _",
    ),
]
UnitName = Annotated[
    str,
    _must_match(
        _UNIT,
        "is no unit that can run; write a service's whole name, such as state-hub-tunnel.service, "
        "or an instance of a template, such as tunnel@state-hub.service",
    ),
]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Command = Annotated[Words, AfterValidator(_program)]
Selector = Annotated[
    str,
    _must_match(
        _SELECTOR,
        "is no label selector; write it as kubectl -l takes it, such as "
        "app.kubernetes.io/part-of=activity-core or tier in (web,api),!canary",
    ),
]
Glob = Annotated[
    str, _must_match(_GLOB, "is no pattern of names; write it such as state-hub-mcp-*")
]
HttpPath = Annotated[
    str,
    _must_match(
        _HTTP_PATH,
        "is no HTTP path; write it with a leading slash and no blanks, and escape whatever "
        "RFC 3986 does not allow",
    ),
]
Line = Annotated[str, AfterValidator(_line)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_finite), AfterValidator(_keyed)]
Name = Annotated[str, AfterValidator(_name)]
Ip = Annotated[str, AfterValidator(_ip)]
Cidr = Annotated[str, AfterValidator(_cidr)]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
Listen = Annotated[Address, PlainValidator(_listen_address)]
Loopback = Annotated[Listen, AfterValidator(_loopback)]
Seconds = Annotated[float, Field(gt=0, le=3600, strict=True)]
Duration = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
Count = Annotated[int, Field(ge=0, strict=True)]
Expiry = Annotated[datetime, PlainValidator(_expiry)]
HostKeys = Annotated[
    Literal["known_hosts"] | tuple[str, ...], BeforeValidator(_known_hosts_or_lines)
]
