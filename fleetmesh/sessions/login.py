"""Which keys to log in with, in which order, and doing it."""

import copy
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
from paramiko.agent import AgentKey, AgentSSH
from paramiko.pkey import PublicBlob, UnknownKeyType

from fleetmesh.sessions.host_keys import HostKey
from fleetmesh.sessions.ssh_config import Settings, home
from fleetmesh.sessions.target import Deadline
from fleetmesh.sessions.transport import Transport
from fleetmesh.text.legible import brief

# ssh tries these where ssh_config names none; that one does not exist is no news.
DEFAULT_FILES = {"id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_xmss"} | {
    "id_dsa"
}


class LoginFailed(Exception):
    """None of the keys was accepted; the text tells which were offered and which left out."""


@dataclass
class Candidates:
    """Keys to offer, best first, each with a name for messages; and why others are left out."""

    keys: list[tuple[paramiko.PKey, str]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def log_in(transport: Transport, settings: Settings, deadline: Deadline) -> str:
    """Log in with the first key that is accepted; returns how. Raises LoginFailed, TimeoutError."""
    with ExitStack() as stack:
        candidates = _candidates(settings, deadline, stack)
        if not candidates.keys:
            raise LoginFailed(_reason("has no key to log in with", [], candidates.skipped))
        offered = []
        for key, name in candidates.keys:
            offered.append(name)
            transport.auth_timeout = max(deadline.left, 0.01)
            try:
                transport.auth_publickey(settings.user, key)
            except paramiko.BadAuthenticationType as error:
                allowed = brief(", ".join(error.allowed_types))
                raise LoginFailed(f"accepts no keys, only {allowed}") from None
            except (paramiko.SSHException, EOFError, OSError) as error:
                if deadline.passed:
                    raise TimeoutError from None
                if isinstance(error, paramiko.AuthenticationException) and transport.is_active():
                    continue
                ending = transport.farewell or brief(str(error)) or "closed the connection"
                what = f"ended the login as {settings.user} ({ending})"
                raise LoginFailed(_reason(what, offered, candidates.skipped)) from None
            if transport.is_authenticated():
                return f"publickey {name}"
            raise LoginFailed(f"accepted {name} but wants another proof besides")
        what = f"did not accept any of the keys for {settings.user}"
        raise LoginFailed(_reason(what, offered, candidates.skipped))


def _reason(what: str, offered: list[str], skipped: list[str]) -> str:
    parts = [what]
    if offered:
        parts.append(f"offered: {', '.join(offered)}")
    if skipped:
        parts.append(f"left out: {', '.join(skipped)}")
    return "; ".join(parts)


def _candidates(settings: Settings, deadline: Deadline, stack: ExitStack) -> Candidates:
    """Certificates first, then the configured keys in their order, then what else the agent has.

    Unlike ssh, the configured keys come before the agent's others: those would use up the
    server's MaxAuthTries.
    """
    found = Candidates()
    in_agent = _agent_keys(settings, deadline, stack, found.skipped)
    signers: list[tuple[paramiko.PKey, str]] = []
    for file in settings.identity_files:
        if key := _signer(file, in_agent, found.skipped):
            signers.append((key, str(file)))
            if certificate := _adjacent_certificate(file):
                found.keys += _certified(certificate, [(key, str(file))], found.skipped)
    others = [] if settings.identities_only else [(key, _agent_name(key)) for key in in_agent]
    for certificate in settings.certificate_files:
        every = signers + [(key, _agent_name(key)) for key in in_agent]
        found.keys += _certified(certificate, every, found.skipped)
    offered: set[bytes] = set()
    for key, name in signers + others:
        if key.asbytes() not in offered:
            offered.add(key.asbytes())
            found.keys.append((key, f"{name} ({key.fingerprint})"))
    return found


def _agent_keys(
    settings: Settings, deadline: Deadline, stack: ExitStack, skipped: list[str]
) -> list[AgentKey]:
    if settings.agent is None:
        return []
    agent = _Agent()
    stack.callback(agent.disconnect)
    try:
        # Half of the time: an agent that hangs must leave the keys in files a chance.
        agent.connect(settings.agent, max(deadline.left / 2, 0.01))
    except (OSError, paramiko.SSHException) as error:
        skipped.append(f"the agent at {settings.agent} ({error or 'no answer'})")
        return []
    return list(agent.get_keys())


class _Agent(AgentSSH):
    """An agent at any path, and with a deadline: paramiko's own knows neither."""

    def connect(self, path: Path, seconds: float) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(seconds)
        try:
            connection.connect(str(path))
            self._connect(connection)  # type: ignore[attr-defined]
        except BaseException:
            connection.close()
            raise

    def disconnect(self) -> None:
        self._close()  # type: ignore[attr-defined]


def _signer(file: Path, in_agent: list[AgentKey], skipped: list[str]) -> paramiko.PKey | None:
    """The key of an IdentityFile: from the agent if it holds it, else from the file."""
    public = _public_blob(file) or _public_blob(file.with_name(file.name + ".pub"))
    for held in in_agent:
        if public and held.blob == public:
            return held
    try:
        key = paramiko.PKey.from_path(file)
    except FileNotFoundError:
        if file.parent != home() / ".ssh" or file.name not in DEFAULT_FILES:
            skipped.append(f"{file} (no such file)")
        return None
    except (paramiko.PasswordRequiredException, TypeError):
        skipped.append(f"{file} (is encrypted, and no agent holds it; ssh-add it)")
        return None
    except (OSError, ValueError, paramiko.SSHException, UnknownKeyType) as error:
        skipped.append(f"{file} ({error})")
        return None
    # A certificate beside the file is offered too, but not in place of the key.
    key.public_blob = None
    return key


def _certified(
    file: Path, signers: list[tuple[paramiko.PKey, str]], skipped: list[str]
) -> Iterator[tuple[paramiko.PKey, str]]:
    """The signer whose key the certificate in `file` certifies, if we have it."""
    try:
        certificate = PublicBlob.from_file(str(file))
    except (OSError, ValueError) as error:
        skipped.append(f"{file} ({error})")
        return
    for key, name in signers:
        if _certifies(certificate.key_blob, key.asbytes()):
            # An AgentKey cannot be copied by the copy module.
            signer = AgentKey(key.agent, key.blob) if isinstance(key, AgentKey) else copy.copy(key)
            signer.public_blob = certificate
            yield signer, f"{name} with the certificate {file}"
            return
    skipped.append(f"{file} (its private key is neither an IdentityFile nor in the agent)")


def _certifies(certificate: bytes, public: bytes) -> bool:
    """Whether a certificate (PROTOCOL.certkeys: type, nonce, key fields, …) holds this key."""
    message = paramiko.Message(certificate)
    message.get_string()
    message.get_string()
    key = paramiko.Message(public)
    key.get_string()
    return message.get_remainder().startswith(key.get_remainder())


def _adjacent_certificate(file: Path) -> Path | None:
    certificate = file.with_name(file.name + "-cert.pub")
    return certificate if certificate.exists() else None


def _public_blob(file: Path) -> bytes | None:
    try:
        return HostKey.from_line(file.read_text(encoding="ascii")).blob
    except (OSError, ValueError):
        return None


def _agent_name(key: AgentKey) -> str:
    return f"{key.comment or key.get_name()} of the agent"
