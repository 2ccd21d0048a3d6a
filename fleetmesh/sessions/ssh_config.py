"""What ssh_config says about a host, asked of OpenSSH itself.

`ssh -G` evaluates Include, Host, Match, canonicalisation and defaults exactly as the operator's own
ssh does. Left to us are the tokens, which it prints as they stand in the file. options.py says what
becomes of each option.
"""

import fnmatch
import hashlib
import os
import pwd
import re
import shlex
import socket
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fleetmesh.sessions import algorithms, options
from fleetmesh.sessions.algorithms import Algorithms
from fleetmesh.sessions.target import Deadline
from fleetmesh.text import ssh_settings
from fleetmesh.text.legible import brief
from fleetmesh.text.ssh_settings import SshSettings

_LOCALE = ("LANG", "LANGUAGE", "LC_ALL", "LC_[CTNMPAI]*")
"""Of the variables of a locale, those of libc: sites name others LC_*, so that sshd takes them."""
_Reader = Callable[[tuple[str, ...], Mapping[str, str]], tuple[Path, ...]]
_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}


class SshConfigError(Exception):
    """ssh_config cannot be used; the text says which line and why, in OpenSSH's own words.

    `value` is what stands on that line, where it has to be looked for by that.
    """

    def __init__(self, problem: str, value: str = "") -> None:
        super().__init__(problem)
        self.value = value


@dataclass(frozen=True)
class Settings:
    """The settings of one host that a session honours; see ssh_config(5) for each."""

    name: str
    hostname: str
    port: int
    user: str
    identity_files: tuple[Path, ...]
    certificate_files: tuple[Path, ...]
    identities_only: bool
    agent: Path | None
    methods: frozenset[str]
    pubkey_algorithms: tuple[str, ...]
    rsa_size: int
    known_hosts_files: tuple[Path, ...]
    known_hosts_command: tuple[str, ...]
    revoked_keys_files: tuple[Path, ...]
    ca_algorithms: tuple[str, ...]
    host_key_alias: str | None
    check_host_ip: bool
    algorithms: Algorithms
    proxy_jump: tuple[str, ...]
    proxy_command: str | None
    proxy_passes_socket: bool
    family: socket.AddressFamily
    bind_address: str | None
    bind_interface: str | None
    attempts: int
    connect_timeout: float | None
    version_addendum: str | None
    environment: Mapping[str, str]
    control_path: Path | None
    tokens: Mapping[str, str]
    given: SshSettings
    config: Path | None


def settings(
    name: str, user: str | None, port: int | None, config: Path | None, deadline: Deadline
) -> Settings:
    """Look `name` up; `user` and `port` win over the file. Raises SshConfigError."""
    given = _ask(name, user, port, config, deadline)
    one = given.one
    _refuse_unknown(given, name, config, deadline)
    try:
        possible = algorithms.choose(given)
    except algorithms.NothingPossible as problem:
        raise SshConfigError(f"{where(problem.keyword, name, config)}: {problem}") from None
    host = _tokens(given, name)

    def files(keyword: str, read: _Reader = _paths) -> tuple[Path, ...]:
        try:
            return read(given.all(keyword), host)
        except SshConfigError as problem:
            line = where(keyword, name, config, problem.value)
            raise SshConfigError(f"{line}: {keyword}: {problem}") from None

    jump = one("proxyjump")
    command = one("proxycommand")
    known_hosts_command = one("knownhostscommand")
    timeout = one("connecttimeout")
    accepted = one("pubkeyacceptedalgorithms") or one("pubkeyacceptedkeytypes") or ""
    return Settings(
        name=name,
        hostname=host["h"],
        port=int(host["p"]),
        user=host["r"],
        identity_files=files("identityfile"),
        certificate_files=files("certificatefile"),
        identities_only=given.switch("identitiesonly") == "yes",
        agent=next(iter(files("identityagent", _agent)), None),
        methods=_methods(given, name, config),
        pubkey_algorithms=tuple(accepted.split(",")),
        rsa_size=int(one("requiredrsasize") or one("rsaminsize") or 1024),
        known_hosts_files=files("userknownhostsfile", _files)
        + files("globalknownhostsfile", _files),
        known_hosts_command=_split(known_hosts_command) if known_hosts_command else (),
        revoked_keys_files=files("revokedhostkeys", _files),
        ca_algorithms=tuple((one("casignaturealgorithms") or "").split(",")),
        host_key_alias=one("hostkeyalias"),
        check_host_ip=given.switch("checkhostip") == "yes",
        algorithms=possible,
        proxy_jump=tuple(expand(hop, host) for hop in jump.split(",")) if jump else (),
        proxy_command=expand(command, host) if command else None,
        proxy_passes_socket=given.switch("proxyusefdpass") == "yes",
        family=_FAMILIES.get(one("addressfamily") or "any", socket.AF_UNSPEC),
        bind_address=one("bindaddress"),
        bind_interface=one("bindinterface"),
        attempts=int(one("connectionattempts") or 1),
        connect_timeout=float(timeout) if timeout else None,
        version_addendum=one("versionaddendum"),
        environment=_environment(given),
        control_path=next(iter(files("controlpath")), None),
        tokens=host,
        given=given,
        config=config,
    )


def jump_host(text: str) -> tuple[str, str | None, int | None]:
    """Name, user and port of one ProxyJump entry: `[user@]host[:port]` or `ssh://…`."""
    try:
        parts = urlsplit(text if "://" in text else f"ssh://{text}")
        if parts.hostname:
            # urlsplit lowers the name, but aliases in ssh_config keep their case.
            start = parts.netloc.lower().rindex(parts.hostname)
            return (
                parts.netloc[start : start + len(parts.hostname)],
                parts.username,
                parts.port,
            )
    except ValueError:
        pass
    raise SshConfigError(f"ProxyJump {text!r} is not [user@]host[:port]")


def home() -> Path:
    """The user's home as OpenSSH sees it: of the account, whatever $HOME says."""
    return Path(pwd.getpwuid(os.getuid()).pw_dir)


def expand(text: str, tokens: Mapping[str, str]) -> str:
    """Replace the tokens of ssh_config(5); raises SshConfigError for one that is not known."""

    def value(match: re.Match[str]) -> str:
        try:
            return tokens[match[1]]
        except KeyError:
            raise SshConfigError(f"the token %{match[1]} in {text!r} is not supported") from None

    return re.sub("%(.)", value, text)


def where(keyword: str, name: str, config: Path | None, value: str = "") -> str:
    """The first line of the files of ssh_config that sets an option, or just `ssh_config`.

    Where its value is known, too, it is the first line with that.
    """
    sets = re.compile(rf"\s*{keyword}[\s=].*{re.escape(value)}", re.IGNORECASE)
    try:
        said = _run(["-v"], name, config, Deadline(2)).stderr
        for file in re.findall(r"Reading configuration data (.+?)\r?$", said, re.MULTILINE):
            for number, line in enumerate(Path(file).read_text(errors="replace").splitlines(), 1):
                if sets.match(line):
                    return f"{file} line {number}"
    except (OSError, SshConfigError):
        pass
    return str(config or "ssh_config")


def _ask(
    name: str, user: str | None, port: int | None, config: Path | None, deadline: Deadline
) -> SshSettings:
    more = []
    if user is not None:
        more += ["-l", user]
    if port is not None:
        more += ["-p", str(port)]
    answer = _run(more, name, config, deadline)
    if answer.returncode != 0:
        said = "; ".join(answer.stderr.split("\n")).strip("; ")
        raise SshConfigError(brief(said) or "ssh -G failed")
    return ssh_settings.parse(filter(None, answer.stdout.splitlines()))


def _run(
    more: list[str], name: str, config: Path | None, deadline: Deadline
) -> subprocess.CompletedProcess[str]:
    command = ["ssh", "-G", "-T", *(["-F", str(config)] if config else []), *more, "--", name]
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=max(deadline.left, 0.1),
            check=False,
        )
    except FileNotFoundError:
        raise SshConfigError("ssh is not installed; install openssh-client") from None
    except subprocess.TimeoutExpired:
        raise SshConfigError(
            f"ssh -G did not finish within {deadline}; look for a Match exec that hangs, "
            "or for CanonicalizeHostname and a name server that does not answer"
        ) from None


def _refuse_unknown(given: SshSettings, name: str, config: Path | None, deadline: Deadline) -> None:
    """Refuse an option that ssh has and we do not know, where ssh_config sets it."""
    if options.unknown(given, SshSettings({})):
        default = _ask(name, None, None, Path("none"), deadline)
        for keyword in options.unknown(given, default):
            raise SshConfigError(
                f"{where(keyword, name, config)}: {keyword} is not known to this suite; "
                "take it out for this host"
            )


def _methods(given: SshSettings, name: str, config: Path | None) -> frozenset[str]:
    """The ways to log in that ssh_config allows, of those that we have."""
    preferred = given.one("preferredauthentications")
    possible = set(preferred.split(",")) if preferred else {"publickey", "keyboard-interactive"}
    if preferred and not possible & {"publickey", "keyboard-interactive"}:
        raise SshConfigError(
            f"{where('preferredauthentications', name, config)}: PreferredAuthentications has "
            f"{brief(preferred)} and nothing that this suite can do; add publickey"
        )
    if given.switch("pubkeyauthentication") == "no":
        possible -= {"publickey"}
    asks = given.switch("kbdinteractiveauthentication") or given.switch(
        "challengeresponseauthentication"
    )
    if asks == "no" or given.switch("batchmode") == "yes":
        possible -= {"keyboard-interactive"}
    return frozenset(possible)


def _environment(given: SshSettings) -> dict[str, str]:
    """What SendEnv and SetEnv have ssh tell the host, but for the locale."""
    found: dict[str, str] = {}
    for patterns in given.all("sendenv"):
        for pattern in patterns.split():
            found |= {n: v for n, v in os.environ.items() if fnmatch.fnmatchcase(n, pattern)}
    found = {n: v for n, v in found.items() if not any(fnmatch.fnmatchcase(n, p) for p in _LOCALE)}
    for assignment in given.all("setenv"):
        variable, _, value = assignment.partition("=")
        found[variable] = value
    return found


def _tokens(given: SshSettings, name: str) -> dict[str, str]:
    me = pwd.getpwuid(os.getuid())
    here = socket.gethostname()
    hostname, port = given.one("hostname") or name, given.one("port") or "22"
    user, jump = given.one("user") or "", given.one("proxyjump") or ""
    connection = hashlib.sha1(f"{here}{hostname}{port}{user}{jump}".encode(), usedforsecurity=False)
    return {
        "%": "%",
        "C": connection.hexdigest(),
        "L": here.split(".")[0],
        "d": me.pw_dir,
        "h": hostname,
        "i": str(me.pw_uid),
        "j": jump,
        "k": given.one("hostkeyalias") or name,
        "l": here,
        "n": name,
        "p": port,
        "r": user,
        "u": me.pw_name,
    }


def _agent(values: tuple[str, ...], host: Mapping[str, str]) -> tuple[Path, ...]:
    """IdentityAgent: none, SSH_AUTH_SOCK, $VARIABLE or a path; an unset variable means no agent."""
    value = values[0] if values else "SSH_AUTH_SOCK"
    if value == "SSH_AUTH_SOCK" or re.fullmatch(r"\$\w+", value):
        value = os.environ.get(value.lstrip("$"), "")
        return (Path(value),) if value else ()
    return _paths((value,), host)


def _files(values: tuple[str, ...], host: Mapping[str, str]) -> tuple[Path, ...]:
    """The files of options that take several: `ssh -G` parts them by blanks, and quotes none.

    So words that together name a file which is there are one.
    """
    found: list[Path] = []
    for value in values:
        rest = value.strip()
        while rest:
            first, *more = (blanks.start() for blanks in re.finditer(r"\s+|\Z", rest))
            end = next((end for end in reversed(more) if _there(rest[:end], host)), first)
            found += _paths((rest[:end],), host)
            rest = rest[end:].lstrip()
    return tuple(found)


def _there(text: str, host: Mapping[str, str]) -> bool:
    return os.path.exists(_path(text, host))  # noqa: PTH110 - False if it may not look


def _split(command: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise SshConfigError(f"KnownHostsCommand {command!r}: {error}") from None


def _paths(texts: tuple[str, ...], host: Mapping[str, str]) -> tuple[Path, ...]:
    return tuple(_path(text, host) for text in texts if text.lower() != "none")


def _path(text: str, host: Mapping[str, str]) -> Path:
    def variable(match: re.Match[str]) -> str:
        try:
            return os.environ[match[1]]
        except KeyError:
            raise SshConfigError(f"${{{match[1]}}} in {text!r} is not set", text) from None

    path = f"{home()}{text[1:]}" if text == "~" or text.startswith("~/") else text
    expanded = Path(expand(re.sub(r"\$\{(\w+)\}", variable, path), host))
    try:
        return expanded.expanduser()
    except RuntimeError:
        raise SshConfigError(f"{text!r}: there is no such user here", text) from None
