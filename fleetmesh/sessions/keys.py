"""Keys and certificates in files, as OpenSSH reads them, and what can sign with them."""

import base64
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from fleetmesh.sessions.agent import Agent
from fleetmesh.sessions.algorithms import CERTIFIED
from fleetmesh.sessions.host_keys import HostKey
from fleetmesh.text.legible import said

_LONGEST = 1024 * 1024
_RSA: dict[str, hashes.HashAlgorithm] = {
    "rsa-sha2-512": hashes.SHA512(),
    "rsa-sha2-256": hashes.SHA256(),
    "ssh-rsa": hashes.SHA1(),  # noqa: S303 - where ssh_config asks for it
}
_CURVES: dict[int, hashes.HashAlgorithm] = {
    256: hashes.SHA256(),
    384: hashes.SHA384(),
    521: hashes.SHA512(),
}
_Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class KeyProblem(Exception):
    """A file holds no key that can be used; the text says why."""


class Signer(Protocol):
    """What signs with a private key."""

    def sign(self, data: bytes, algorithm: str) -> bytes:
        """A signature of `data`, as it goes over the wire (RFC 4253, 6.6)."""
        ...


@dataclass(frozen=True)
class Offer:
    """A public key or certificate to log in with, what signs for it, and its name for messages."""

    blob: bytes
    signer: Signer
    name: str

    @property
    def type(self) -> str:
        """The type that stands in the key itself."""
        return type_of(self.blob)


@dataclass(frozen=True)
class InAgent:
    """Signs through an agent."""

    agent: Agent
    blob: bytes

    def sign(self, data: bytes, algorithm: str) -> bytes:
        """See Signer.sign."""
        return self.agent.sign(self.blob, data, algorithm)


@dataclass(frozen=True)
class InFile:
    """Signs with a private key that was read from a file."""

    key: _Private

    def sign(self, data: bytes, algorithm: str) -> bytes:
        """See Signer.sign."""
        signature = paramiko.Message()
        if isinstance(self.key, rsa.RSAPrivateKey):
            raw = self.key.sign(data, padding.PKCS1v15(), _RSA[algorithm])
        elif isinstance(self.key, ed25519.Ed25519PrivateKey):
            raw = self.key.sign(data)
        else:
            one, two = decode_dss_signature(
                self.key.sign(data, ec.ECDSA(_CURVES[self.key.key_size]))
            )
            numbers = paramiko.Message()
            numbers.add_mpint(one)
            numbers.add_mpint(two)
            raw = numbers.asbytes()
        signature.add_string(algorithm)
        signature.add_string(raw)
        return signature.asbytes()


def private(file: Path) -> tuple[bytes, InFile]:
    """The public half of a private key, and what signs with it.

    Raises KeyProblem, or FileNotFoundError where there is no such file.
    """
    try:
        data = _read(file, private=True)
        load = load_ssh_private_key if b"BEGIN OPENSSH" in data else load_pem_private_key
        key = load(data, None)
    except FileNotFoundError:
        raise
    except TypeError:  # which is how cryptography says that it wants a password
        raise KeyProblem("is encrypted, and no agent holds it; ssh-add it") from None
    except UnsupportedAlgorithm as error:
        if (public := _inside(file)) and type_of(public).startswith("sk-"):
            raise KeyProblem("is a security key, and no agent holds it; ssh-add it") from None
        raise KeyProblem(said(error)) from None
    except (OSError, ValueError) as error:
        raise KeyProblem(said(error)) from None
    if not isinstance(key, _Private):
        raise KeyProblem("is of a kind that OpenSSH does not sign with, either")
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return base64.b64decode(line.split()[1]), InFile(key)


def public(file: Path) -> bytes | None:
    """The public key that belongs to an IdentityFile: in it, as it, or beside it."""
    return _inside(file) or _line(file) or _line(file.with_name(file.name + ".pub"))


def certificate(file: Path) -> bytes:
    """The certificate in a file; raises KeyProblem, or FileNotFoundError."""
    try:
        blob = HostKey.from_line(_read(file).decode("ascii", "replace")).blob
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise KeyProblem(said(error)) from None
    if not type_of(blob).endswith(CERTIFIED):
        raise KeyProblem("is a key, and no certificate")
    return blob


def certifies(certificate: bytes, public: bytes) -> bool:
    """Whether a certificate (PROTOCOL.certkeys: type, nonce, key fields, …) holds this key."""
    message = paramiko.Message(certificate)
    message.get_string()
    message.get_string()
    key = paramiko.Message(public)
    key.get_string()
    fields = key.get_remainder()
    return bool(fields) and message.get_remainder().startswith(fields)


def type_of(blob: bytes) -> str:
    """The first string of a key (RFC 4253, 6.6)."""
    return paramiko.Message(blob).get_string().decode("ascii", "replace")


def rsa_bits(blob: bytes) -> int | None:
    """The size of an RSA key; None for any other."""
    message = paramiko.Message(blob)
    kind = message.get_string()
    if not kind.startswith(b"ssh-rsa"):
        return None
    if kind != b"ssh-rsa":
        message.get_string()  # a certificate's nonce
    message.get_mpint()
    return int(message.get_mpint().bit_length())


def fingerprint(blob: bytes) -> str:
    """As `ssh-keygen -l` prints it."""
    return HostKey(type_of(blob), blob).fingerprint


def _read(file: Path, *, private: bool = False) -> bytes:
    with file.open("rb") as stream:
        found = os.fstat(stream.fileno())
        # ssh leaves such a key out, too.
        if private and found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) & 0o077:
            raise KeyProblem(f"others may read or change it; chmod 600 {file}")
        return stream.read(_LONGEST)


def _line(file: Path) -> bytes | None:
    try:
        return HostKey.from_line(_read(file).decode("ascii")).blob
    except (OSError, ValueError):
        return None


def _inside(file: Path) -> bytes | None:
    """The public half that stands unencrypted in OpenSSH's own format (PROTOCOL.key)."""
    try:
        lines = _read(file).split(b"-----BEGIN OPENSSH PRIVATE KEY-----", 1)[1]
        data = base64.b64decode(lines.split(b"-----END", 1)[0])
    except (OSError, ValueError, IndexError):
        return None
    if not data.startswith(b"openssh-key-v1\0"):
        return None
    message = paramiko.Message(data[15:])
    for _ in range(3):  # cipher, derivation of its key, options of that
        message.get_string()
    message.get_int()
    return message.get_string() or None
