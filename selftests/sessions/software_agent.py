"""An ssh-agent in software, for what needs hardware with OpenSSH's: a FIDO key and its touch."""

import hashlib
import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fleetmesh.sessions.host_keys import HostKey

APPLICATION = b"ssh:"
KIND = "sk-ssh-ed25519@openssh.com"
FAILURE, IDENTITIES, SIGNATURE = 5, 12, 14


class SecurityKey:
    """A key as a FIDO token has it (PROTOCOL.u2f); to touch it takes so many seconds."""

    def __init__(self, comment: str, seconds: float = 0) -> None:
        self.comment = comment
        self.seconds = seconds
        self.signed = 0
        self.given_up = threading.Event()
        self._key = Ed25519PrivateKey.generate()
        message = paramiko.Message()
        message.add_string(KIND)
        message.add_string(self._key.public_key().public_bytes_raw())
        message.add_string(APPLICATION)
        self.blob = message.asbytes()

    @property
    def line(self) -> str:
        return HostKey(KIND, self.blob).line

    def sign(self, data: bytes) -> bytes:
        self.given_up.wait(self.seconds)
        self.signed += 1
        tail = struct.pack(">BI", 1, self.signed)
        digest = [hashlib.sha256(part).digest() for part in (APPLICATION, data)]
        message = paramiko.Message()
        message.add_string(KIND)
        message.add_string(self._key.sign(digest[0] + tail + digest[1]))
        return message.asbytes() + tail


class SoftwareAgent:
    """Serves its keys on a socket until it is closed."""

    def __init__(self, path: Path, *keys: SecurityKey) -> None:
        self.path = path
        self._keys = {key.blob: key for key in keys}
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True, name=f"agent {path}").start()

    def close(self) -> None:
        for key in self._keys.values():
            key.given_up.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream, suppress(OSError):
            while size := stream.read(4):
                request = stream.read(int.from_bytes(size))
                answer = self._answer(request[0], paramiko.Message(request[1:]))
                connection.sendall(struct.pack(">I", len(answer)) + answer)

    def _answer(self, kind: int, request: paramiko.Message) -> bytes:
        message = paramiko.Message()
        if kind == 11:
            message.add_int(len(self._keys))
            for key in self._keys.values():
                message.add_string(key.blob)
                message.add_string(key.comment)
            return bytes([IDENTITIES]) + message.asbytes()
        if kind == 13 and (found := self._keys.get(request.get_string())):
            message.add_string(found.sign(request.get_string()))
            return bytes([SIGNATURE]) + message.asbytes()
        return bytes([FAILURE])
