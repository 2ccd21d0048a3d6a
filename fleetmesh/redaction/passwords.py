"""Which argument of a command is a password, where the option's name does not say so."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fleetmesh.redaction.marks import MARK
from fleetmesh.redaction.shape import Span, compiled, value_at
from fleetmesh.text import ssh_command

_SEGMENT = compiled(rb"(?:\\{0,7}\"[^\"\n]*\"|\\{0,7}'[^'\n]*'|\\[^n\n]|[^|;&\n\\])*")
"""One command of a line. Quotes that do not close are characters like others."""
GAP = rb"(?:[ \t]+|\0|\\{0,7}[\"'][ \t]*,[ \t]*)"
"""What parts arguments: blanks in a shell, a NUL in /proc, or in a list of JSON `", "`."""
_BARE = re.compile(rb"[^\s\"'\\;|&<>\0]*")
_ARGUMENT = re.compile(rb"[^\n\0]*")
_HARMLESS = re.compile(rb"\$[A-Za-z_(]|\$\{|-|<|%[a-z]\Z|\d{1,5}:\d{1,5}\Z")
_PATH = rb"(?:/(?:[\w.-]+/)*)?"
_NAME = (
    rb"(?:(ssh|autossh)|systemctl|journalctl|loginctl|coredumpctl|pgrep|pkill|nc|ncat|telnet|scp|sftp|"
    rb"ssh-copy-id|ssh-keyscan|mkdir)"
)
_OTHER = (
    rb"(?:(?:^|[\n\0])" + _PATH + _NAME + rb"\0|"
    rb"(?:^|[\s\0;|&(`\"']|\\[nrt]|Exec[A-Z][A-Za-z]+=[-@:+!|]*|argv\[\]=)"
    + _PATH
    + _NAME
    + rb"[ \t])"
)
"""Programs whose words name hosts, services or files, and which have a -p or -u of their own.

Only of these it is known that a name after them is no program: before one that is, there may be
whatever runs it, the fields of a crontab or of ps, and all that a log can say.
"""
_THEIRS = re.compile(rb"\0[^\n]*|[^|;&\n\0\"'()`\\<>]*")
_SSH_ARGUMENT = re.compile(rb"\0([^\n\0]*[ \t][^\n\0]*)()|\0([^\n\0]+)")
_SSH_WORD = re.compile(
    rb"[ \t]+(?:((?:[^\s\"'\\;|&<>()`\0]*=)?)(\\{0,7}\"[^\"\n\0;|&]*\"|\\{0,7}'[^'\n\0;|&]*')"
    rb"|([^\s\"'\\;|&<>()`\0]+))"
)
_RUN = compiled(rb"[\s\0\"'/](?:ssh|autossh|scp|sftp|rsync|ssh-copy-id|git)[\s\0\"'\\]")


def _not_theirs(data: bytes, at: int, ssh: bytes | None) -> Iterator[Span]:
    """What may hold a command of the words after such a program's name, and all after them.

    It is what ssh is told in quotes, or as one argument, and the command for the far end.
    """
    if not ssh:
        theirs = _THEIRS.match(data, at)
        yield theirs.end() if theirs else at, len(data)
        return
    pattern, began, several = _SSH_WORD if data[at] else _SSH_ARGUMENT, at, []

    def words() -> Iterator[str]:
        nonlocal at, began
        while word := pattern.match(data, at):
            began, at = at, word.end()
            if word[3] is None:
                several.append(word.span())
            yield (word[3] or word[1] or b"word").decode("latin-1")

    has_command = ssh_command.has_command(ssh.decode(), words())
    rest = began if has_command else at
    yield from (span for span in several if span[0] < rest)
    yield rest, len(data)


@dataclass(frozen=True)
class PasswordOption:
    """A program and its options (RE2); what comes after one is the password.

    Where `after` is not empty, it is what follows the first of these bytes. `runs` says that the
    options end where the command begins that the program runs.
    """

    program: bytes
    option: bytes
    needs: tuple[bytes, ...]
    after: bytes = b""
    runs: bool = False

    def find(self, data: bytes) -> Iterator[Span | None]:
        """Look through each command of a line once, however often it names the program."""
        program = compiled(
            rb"("
            + _OTHER
            + rb")|(?i)(?:^|[^\w-]|\\[nrt])(?:"
            + self.program
            + rb")(?:[ \t\0\"'\\]|$)"
        )
        option = compiled(rb"[ \t\0\"'](?:" + self.option + rb")")
        todo = [(0, len(data))]
        while todo:
            at, last = todo.pop()
            segment = at
            while at < last and (named := program.search(data, at, last)):
                at = max(0, named.end() - 1)
                if named[1]:
                    *told, (at, _) = _not_theirs(data, at, named[2] or named[3])
                    todo += told
                    continue
                if segment <= at:
                    segment = _SEGMENT.match(data, at, last).end()
                end = segment
                if self.runs and (command := _RUN.search(data, at, end)):
                    end = command.start()
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
    return rb"(?:" + rb"|".join(letters) + rb")" + GAP + rb"?"


COMMANDS: tuple[PasswordOption, ...] = (
    PasswordOption(rb"(?:mysql|mariadb)[\w-]*", rb"-p", (b"mysql", b"mariadb")),
    PasswordOption(rb"sshpass", _either(rb"-p"), (b"sshpass",), runs=True),
    PasswordOption(rb"proxytunnel", _either(rb"-P"), (b"proxytunnel",), after=b":"),
    PasswordOption(
        rb"ngrok[ \t\0]+(?:authtoken|config[ \t\0]+add-(?:authtoken|api-key))", rb"", (b"ngrok",)
    ),
    PasswordOption(rb"netbird", _either(rb"-k"), (b"netbird",)),
    PasswordOption(rb"bore", _either(rb"-s"), (b"bore",)),
    PasswordOption(
        rb"ss-(?:local|server|redir|tunnel|manager)|ss(?:local|server|manager|service)",
        rb"(?:-k" + GAP + rb"?|--key(?:=|" + GAP + rb"))",
        (b"ss-", b"sslocal", b"ssserver", b"ssmanager", b"ssservice"),
    ),
    PasswordOption(rb"(?:redis|valkey|keydb)-cli", _either(rb"-a", rb"--pass"), (b"-cli",)),
    PasswordOption(
        rb"curl|wget|httpie?|https?|xh",
        rb"(?:-[a-zA-Z#]{0,8}[uU]|--user|--proxy-user|--auth|-a|-E|--cert)(?:=|" + GAP + rb")?",
        (b"curl", b"wget", b"http", b"xh"),
        after=b":",
    ),
    PasswordOption(rb"curl", rb"(?:-b|--cookie)(?:=|" + GAP + rb")?", (b"curl",), after=b"="),
    PasswordOption(
        rb"curl", rb"(?:--oauth2-bearer|--pass|--proxy-pass)(?:=|" + GAP + rb")", (b"curl",)
    ),
    PasswordOption(rb"ldap[a-z]+", _either(rb"-w"), (b"ldap",)),
    PasswordOption(
        rb"(?:docker|podman|nerdctl|buildah|skopeo|helm|oras|crane|az|oc)(?:[ \t\0]+[\w.-]+){0,2}"
        rb"[ \t\0]+login",
        _either(rb"-p"),
        (b"login",),
    ),
    PasswordOption(
        rb"kubectl|oc", rb"--from-literal(?:=|" + GAP + rb")", (b"kubectl", b"oc"), after=b"="
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
    PasswordOption(rb"openssl", rb"(?:-pass(?:in|out)?" + GAP + rb")?pass:", (b"openssl",)),
    PasswordOption(rb"openssl", rb"-[kK]" + GAP, (b"openssl",)),
    PasswordOption(rb"x?freerdp[\w-]*", rb"/p:", (b"freerdp",)),
    PasswordOption(
        rb"rabbitmqctl",
        rb"(?:add_user|change_password|authenticate_user)" + GAP + rb"[^ \t\0\"']+" + GAP,
        (b"rabbitmqctl",),
    ),
    PasswordOption(
        rb"htpasswd",
        rb"-[a-zA-Z]*b[a-zA-Z]*"
        + GAP
        + rb"[^ \t\0\"']+"
        + GAP
        + rb"(?:[^ \t\0\"']+"
        + GAP
        + rb")?",
        (b"htpasswd",),
    ),
)
