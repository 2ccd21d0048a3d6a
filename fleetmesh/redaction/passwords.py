"""Which argument of a command is a password, where the option's name does not say so."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fleetmesh.redaction.marks import MARK
from fleetmesh.redaction.shape import Span, compiled, value_at

_SEGMENT = compiled(rb"(?:\\{0,7}\"[^\"\n]*\"|\\{0,7}'[^'\n]*'|\\[^n\n]|[^|;&\n\\])*")
"""One command of a line. Quotes that do not close are characters like others."""
_GAP = rb"(?:[ \t]+|\0|\\{0,7}[\"'][ \t]*,[ \t]*)"
"""What parts arguments: blanks in a shell, a NUL in /proc, or in a list of JSON `", "`."""
_BARE = re.compile(rb"[^\s\"'\\;|&<>\0]*")
_ARGUMENT = re.compile(rb"[^\n\0]*")
_HARMLESS = re.compile(rb"\$[A-Za-z_(]|\$\{|-|<|%[a-z]\Z")


@dataclass(frozen=True)
class PasswordOption:
    """A program and its options (RE2); what comes after one is the password.

    Where `after` is not empty, it is what follows the first of these bytes.
    """

    program: bytes
    option: bytes
    needs: tuple[bytes, ...]
    after: bytes = b""

    def find(self, data: bytes) -> Iterator[Span | None]:
        """Look through each command of a line once, however often it names the program."""
        program = compiled(rb"(?i)(?:^|[^\w-]|\\[nrt])(?:" + self.program + rb")(?:[ \t\0\"'\\]|$)")
        option = compiled(rb"[ \t\0\"'](?:" + self.option + rb")")
        at = 0
        while named := program.search(data, at):
            at = max(0, named.end() - 1)
            end = _SEGMENT.match(data, at).end()
            while at < end and (given := option.search(data, at, end)):
                by_nul = data[given.start()] == 0
                start, at = value_at(data, given.end(), _ARGUMENT if by_nul else _BARE)
                at = max(at, given.end())
                yield self._judged(data, start, at)
            at = max(end, named.end())

    def _judged(self, data: bytes, start: int, end: int) -> Span | None:
        value = data[start:end]
        if MARK.match(value):
            return None
        if self.after:
            user, found, value = value.partition(self.after)
            if found and not value and len(user) >= 16:
                return start, end - 1  # a token in place of a user, as `curl -u TOKEN:`
            start = end - len(value)
        return (start, end) if value and not _HARMLESS.match(value) else None


def _either(*letters: bytes) -> bytes:
    """Options that take their value at once or as the next argument."""
    return rb"(?:" + rb"|".join(letters) + rb")" + _GAP + rb"?"


COMMANDS: tuple[PasswordOption, ...] = (
    PasswordOption(rb"(?:mysql|mariadb)[\w-]*", rb"-p", (b"mysql", b"mariadb")),
    PasswordOption(rb"sshpass", _either(rb"-p"), (b"sshpass",)),
    PasswordOption(rb"(?:redis|valkey|keydb)-cli", _either(rb"-a", rb"--pass"), (b"-cli",)),
    PasswordOption(
        rb"curl|wget|httpie?|https?|xh",
        rb"(?:-[a-zA-Z#]{0,8}[uU]|--user|--proxy-user|--auth|-a|-E|--cert)(?:=|" + _GAP + rb")?",
        (b"curl", b"wget", b"http", b"xh"),
        after=b":",
    ),
    PasswordOption(rb"curl", rb"(?:-b|--cookie)(?:=|" + _GAP + rb")?", (b"curl",), after=b"="),
    PasswordOption(
        rb"curl", rb"(?:--oauth2-bearer|--pass|--proxy-pass)(?:=|" + _GAP + rb")", (b"curl",)
    ),
    PasswordOption(rb"ldap[a-z]+", _either(rb"-w"), (b"ldap",)),
    PasswordOption(
        rb"(?:docker|podman|nerdctl|buildah|skopeo|helm|oras|crane|az|oc)(?:[ \t\0]+[\w.-]+){0,2}"
        rb"[ \t\0]+login",
        _either(rb"-p"),
        (b"login",),
    ),
    PasswordOption(
        rb"kubectl|oc", rb"--from-literal(?:=|" + _GAP + rb")", (b"kubectl", b"oc"), after=b"="
    ),
    PasswordOption(rb"vault[ \t\0]+login", rb"", (b"vault",)),
    PasswordOption(rb"mongo[a-z]*", _either(rb"-p"), (b"mongo",)),
    PasswordOption(
        rb"mosquitto_[a-z]+|sqlcmd|bcp|ipmitool|zip|unzip",
        _either(rb"-P"),
        (b"mosquitto", b"sqlcmd", b"bcp", b"ipmitool", b"zip"),
    ),
    PasswordOption(rb"(?:7z|7za|7zr|rar|unrar)", rb"-h?p", (b"7z", b"rar")),
    PasswordOption(rb"ssh-keygen", _either(rb"-[NP]"), (b"ssh-keygen",)),
    PasswordOption(rb"snmp[a-z]+", _either(rb"-[cAX]"), (b"snmp",)),
    PasswordOption(
        rb"smbclient|rpcclient|smbget",
        _either(rb"-U", rb"--user="),
        (b"smb", b"rpcclient"),
        after=b"%",
    ),
    PasswordOption(rb"lftp|ncftp[a-z]*", _either(rb"-u"), (b"ftp",), after=b","),
    PasswordOption(rb"openssl", rb"(?:-pass(?:in|out)?" + _GAP + rb")?pass:", (b"openssl",)),
    PasswordOption(rb"openssl", rb"-[kK]" + _GAP, (b"openssl",)),
    PasswordOption(rb"x?freerdp[\w-]*", rb"/p:", (b"freerdp",)),
    PasswordOption(
        rb"rabbitmqctl",
        rb"(?:add_user|change_password|authenticate_user)" + _GAP + rb"[^ \t\0\"']+" + _GAP,
        (b"rabbitmqctl",),
    ),
    PasswordOption(
        rb"htpasswd",
        rb"-[a-zA-Z]*b[a-zA-Z]*"
        + _GAP
        + rb"[^ \t\0\"']+"
        + _GAP
        + rb"(?:[^ \t\0\"']+"
        + _GAP
        + rb")?",
        (b"htpasswd",),
    ),
)
