"""Single values of an inventory: how each must be written, and what to write instead."""

import re
from collections.abc import Collection
from datetime import datetime
from difflib import get_close_matches
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

CHECK_ID = re.compile(r"(PRE|CUT|PROD|DRILL)-\d\d\.[a-z][a-z0-9-]*")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
_REMOTE_PATH = re.compile(r"[A-Za-z0-9~/._+@-]+")
_SELECTOR = re.compile(r"[A-Za-z0-9._/=,!-]+")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_KEY_LINE = re.compile(r"(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+=* ?.*")


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


def _listen_address(value: Any) -> Address:
    ip, _, port = str(value).rpartition(":")
    try:
        valid = bool(IPv4Address(ip) and _PORT.fullmatch(port) and int(port) < 65536)
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(f"{value!r} is no listen address; write an IPv4 address and port, "
                         "such as 127.0.0.1:18000")  # fmt: skip
    return Address(value)


def _loopback(value: Address) -> Address:
    if not IPv4Address(value.ip).is_loopback:
        raise ValueError(f"'{value}' is open to others; a tunnel listens on loopback only, "
                         f"write 127.0.0.1:{value.port}")  # fmt: skip
    return value


def _ip(value: str) -> str:
    try:
        ip_address(value)
    except ValueError:
        raise ValueError(
            f"{value!r} is no IP address; write one address, without a prefix"
        ) from None
    return value


def _cidr(value: str) -> str:
    try:
        ip_network(value)
    except ValueError as error:
        raise ValueError(f"{error}; write the network, such as 10.43.0.0/16") from None
    return value


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(
            f"{value[:80]!r} is no name; use up to 63 lower-case letters, digits, '-' and '.'"
        )
    return value


def _remote_path(value: str) -> str:
    # It becomes part of shell commands on the host, where `~` must stay free to expand.
    if not _REMOTE_PATH.fullmatch(value):
        raise ValueError(
            f"{value!r} is no path or command that can be used on a host; "
            "use letters, digits and any of ~/._+-@, without blanks or quotes"
        )
    return value


def _selector(value: str) -> str:
    if not _SELECTOR.fullmatch(value):
        raise ValueError(
            f"{value!r} is no label selector; write it as kubectl -l takes it, such as "
            "app.kubernetes.io/part-of=activity-core"
        )
    return value


def _http_path(value: str) -> str:
    if not re.fullmatch(r"/[!-~]*", value):
        raise ValueError(f"{value!r} is no HTTP path; write it with a leading slash and no blanks")
    return value


def _expiry(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(
            f"{value!r} is no time with its zone; write it in UTC, such as 2027-01-31T12:00:00Z"
        )
    return moment


def not_a_check(written: str, checks: Collection[str]) -> str:
    """Why `written` is no id among `checks`, and which of them may be meant."""
    family = [check for check in sorted(checks) if check.partition(".")[0] == written]
    what = "is a family of checks" if family else "is no check"
    could = family or get_close_matches(written, checks) or ["one of docs/checks.md"]
    return f"{written[:80]!r} {what}; write {' or '.join(could)}"


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
                f"{line!r} is no public key line; write 'ssh-ed25519 AAAA…', as the host's "
                "/etc/ssh/ssh_host_ed25519_key.pub has it"
            )
    return tuple(lines)


RemotePath = Annotated[str, AfterValidator(_remote_path)]
Selector = Annotated[str, AfterValidator(_selector)]
Name = Annotated[str, AfterValidator(_name)]
Ip = Annotated[str, AfterValidator(_ip)]
Cidr = Annotated[str, AfterValidator(_cidr)]
HttpPath = Annotated[str, AfterValidator(_http_path)]
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
