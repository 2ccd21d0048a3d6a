"""What ssh_config says about a host, asked of OpenSSH itself.

`ssh -G` evaluates Include, Host, Match, canonicalisation and defaults exactly as the operator's own
ssh does. Left to us are the tokens, which it prints as they stand in the file.
"""

import os
import pwd
import re
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fleetmesh.sessions.target import Deadline
from fleetmesh.text import ssh_settings
from fleetmesh.text.legible import brief
from fleetmesh.text.ssh_settings import SshSettings


class SshConfigError(Exception):
    """ssh_config cannot be used; the text says which line and why, in OpenSSH's own words."""


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
    known_hosts_files: tuple[Path, ...]
    host_key_alias: str | None
    proxy_jump: tuple[str, ...]
    proxy_command: str | None
    connect_timeout: float | None


def settings(
    name: str, user: str | None, port: int | None, config: Path | None, deadline: Deadline
) -> Settings:
    """Look `name` up; `user` and `port` win over the file. Raises SshConfigError."""
    given = _ask(name, user, port, config, deadline)
    one = given.one

    # A list of revoked keys that nobody consults would be worse than none.
    if one("revokedhostkeys"):
        raise SshConfigError(
            "RevokedHostKeys is not supported; mark the keys @revoked in a known_hosts file"
        )
    host = {
        "n": name,
        "h": one("hostname") or name,
        "p": one("port") or "22",
        "r": one("user") or "",
        "k": one("hostkeyalias") or name,
    }
    jump = one("proxyjump")
    command = one("proxycommand")
    timeout = one("connecttimeout")
    files = " ".join(given.all("userknownhostsfile") + given.all("globalknownhostsfile"))
    return Settings(
        name=name,
        hostname=host["h"],
        port=int(host["p"]),
        user=host["r"],
        identity_files=tuple(_path(file, host) for file in given.all("identityfile")),
        certificate_files=tuple(_path(file, host) for file in given.all("certificatefile")),
        identities_only=one("identitiesonly") == "yes",
        agent=_agent((given.all("identityagent") or ("SSH_AUTH_SOCK",))[0], host),
        known_hosts_files=tuple(_path(file, host) for file in files.split() if file != "none"),
        host_key_alias=one("hostkeyalias"),
        proxy_jump=tuple(jump.split(",")) if jump else (),
        proxy_command=_expand(command, host) if command else None,
        connect_timeout=float(timeout) if timeout else None,
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


def _ask(
    name: str, user: str | None, port: int | None, config: Path | None, deadline: Deadline
) -> SshSettings:
    command = ["ssh", "-G", "-T"]
    if config is not None:
        command += ["-F", str(config)]
    if user is not None:
        command += ["-l", user]
    if port is not None:
        command += ["-p", str(port)]
    try:
        answer = subprocess.run(
            [*command, "--", name],
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
            f"ssh -G did not finish within {deadline}; look for a Match exec that hangs"
        ) from None
    if answer.returncode != 0:
        said = "; ".join(answer.stderr.split("\n")).strip("; ")
        raise SshConfigError(brief(said) or "ssh -G failed")
    return ssh_settings.parse(filter(None, answer.stdout.splitlines()))


def _agent(value: str, host: dict[str, str]) -> Path | None:
    """IdentityAgent: none, SSH_AUTH_SOCK, $VARIABLE or a path; an unset variable means no agent."""
    if value == "none":
        return None
    if value == "SSH_AUTH_SOCK" or value.startswith("$"):
        value = os.environ.get(value.lstrip("$").strip("{}"), "")
        return Path(value) if value else None
    return _path(value, host)


def _path(text: str, host: dict[str, str]) -> Path:
    text = re.sub(r"\$\{(\w+)\}", lambda match: os.environ.get(match[1], match[0]), text)
    if text == "~" or text.startswith("~/"):
        text = str(home()) + text[1:]
    return Path(_expand(text, host)).expanduser()


def _expand(text: str, host: dict[str, str]) -> str:
    me = pwd.getpwuid(os.getuid())
    tokens = {
        **host,
        "%": "%",
        "d": me.pw_dir,
        "u": me.pw_name,
        "i": str(me.pw_uid),
        "L": socket.gethostname().split(".")[0],
        "l": socket.gethostname(),
    }

    def value(match: re.Match[str]) -> str:
        try:
            return tokens[match[1]]
        except KeyError:
            raise SshConfigError(f"the token %{match[1]} in {text!r} is not supported") from None

    return re.sub("%(.)", value, text)
