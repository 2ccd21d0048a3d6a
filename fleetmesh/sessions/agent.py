"""The ssh-agent: the keys that it holds, and signatures by them; draft-ietf-sshm-ssh-agent.

paramiko's own client waits without limit, and cannot tell the agent which host it signs for; but an
agent uses a key that is bound to hosts for no other (PROTOCOL.agent of OpenSSH, session-bind).
"""

import socket
from dataclasses import dataclass
from pathlib import Path

import paramiko

from fleetmesh.sessions.target import Deadline
from fleetmesh.text.legible import said

LONGEST = 256 * 1024
"""The most bytes of one message that ssh-agent itself takes."""
_REQUEST_IDENTITIES, _IDENTITIES = 11, 12
_SIGN_REQUEST, _SIGNATURE = 13, 14
_EXTENSION = 27
_FLAGS = {"rsa-sha2-256": 2, "rsa-sha2-512": 4}


class AgentProblem(Exception):
    """The agent does not do what it is asked; the text says why."""


@dataclass(frozen=True)
class AgentKey:
    """A key that the agent holds: its public half, and what it is called there."""

    blob: bytes
    comment: str


class Agent:
    """A connection with the agent that listens on a socket.

    A signature may take until `deadline`: the agent's user may have to confirm it.
    """

    def __init__(self, path: Path, deadline: Deadline, at_first: Deadline) -> None:
        self._deadline = deadline
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(max(at_first.left, 0.01))
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise AgentProblem(error.strerror or "no answer") from None

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def keys(self, deadline: Deadline) -> tuple[AgentKey, ...]:
        """The keys that it holds, in its order, whatever their types."""
        kind, answer = self._ask(_REQUEST_IDENTITIES, b"", deadline)
        if kind != _IDENTITIES:
            raise AgentProblem("it is locked, or does not tell its keys")
        return tuple(
            AgentKey(answer.get_string(), answer.get_string().decode("utf-8", "replace"))
            for _ in range(answer.get_int())
        )

    def bind(self, host_key: bytes, session: bytes, signature: bytes, deadline: Deadline) -> None:
        """Tell it which host this connection is for; an agent that knows no hosts does not mind."""
        message = paramiko.Message()
        message.add_string("session-bind@openssh.com")
        message.add_string(host_key)
        message.add_string(session)
        message.add_string(signature)
        message.add_boolean(False)
        self._ask(_EXTENSION, message.asbytes(), deadline)

    def sign(self, blob: bytes, data: bytes, algorithm: str) -> bytes:
        """A signature of `data`, as it goes over the wire."""
        message = paramiko.Message()
        message.add_string(blob)
        message.add_string(data)
        message.add_int(_FLAGS.get(algorithm, 0))
        kind, answer = self._ask(_SIGN_REQUEST, message.asbytes(), self._deadline)
        if kind != _SIGNATURE:
            raise AgentProblem("the agent refused to sign with it")
        return answer.get_string()

    def _ask(self, kind: int, body: bytes, deadline: Deadline) -> tuple[int, paramiko.Message]:
        message = paramiko.Message()
        message.add_string(bytes([kind]) + body)
        try:
            self._socket.settimeout(max(deadline.left, 0.01))
            self._socket.sendall(message.asbytes())
            size = int.from_bytes(self._read(4, deadline))
            if not 0 < size <= LONGEST:
                raise AgentProblem("its answer is not an agent's")
            answer = self._read(size, deadline)
        except TimeoutError:
            raise AgentProblem("no answer") from None
        except OSError as error:
            raise AgentProblem(said(error.strerror or error)) from None
        return answer[0], paramiko.Message(answer[1:])

    def _read(self, size: int, deadline: Deadline) -> bytes:
        read = b""
        while len(read) < size:
            self._socket.settimeout(max(deadline.left, 0.01))
            more = self._socket.recv(size - len(read))
            if not more:
                raise AgentProblem("it hung up")
            read += more
        return read
