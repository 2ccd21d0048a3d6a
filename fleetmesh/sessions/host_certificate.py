"""A host's certificate: whether an authority that is trusted for a host has signed it for it.

The rules are OpenSSH's, sshkey_cert_check_host: the newest, which does not take a certificate for
no host in particular as one for every host.
"""

import base64
import time

import paramiko
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)

from fleetmesh.sessions.host_keys import HostKey, matches_wildcard
from fleetmesh.text.legible import brief, said


class NotCertified(Exception):
    """The certificate does not vouch for the host; the text says why."""


def parts(blob: bytes, kind: str) -> tuple[HostKey, HostKey, SSHCertificate]:
    """The host's plain key, the authority's, and the certificate. Raises NotCertified."""
    try:
        line = f"{kind} {base64.b64encode(blob).decode()}"
        read = load_ssh_public_identity(line.encode())
        if not isinstance(read, SSHCertificate):
            raise NotCertified("is none")
        return _key(read.public_key()), _key(read.signature_key()), read
    except (ValueError, UnsupportedAlgorithm) as error:
        raise NotCertified(said(error)) from None


def check(
    blob: bytes, kind: str, name: str, authorities: tuple[HostKey, ...], algorithms: tuple[str, ...]
) -> HostKey:
    """The authority that vouches by this certificate for `name`; raises NotCertified."""
    _, authority, certificate = parts(blob, kind)
    if authority not in authorities:
        raise NotCertified(f"is signed by another authority, {authority}")
    try:
        certificate.verify_cert_signature()
    except (InvalidSignature, UnsupportedAlgorithm):
        raise NotCertified("has a signature that does not verify") from None
    # The signature is the last part, after the authority's key, and begins with its algorithm.
    end = paramiko.Message(blob[blob.rindex(authority.blob) + len(authority.blob) :])
    used = paramiko.Message(end.get_string()).get_string().decode("ascii", "replace")
    if used not in algorithms:
        raise NotCertified(f"is signed by {brief(used)}, which CASignatureAlgorithms does not have")
    if certificate.type is not SSHCertificateType.HOST:
        raise NotCertified("is a user's, and no host's")
    now = time.time()
    if now < certificate.valid_after:
        raise NotCertified("is not valid yet")
    if now >= certificate.valid_before:
        raise NotCertified("has expired")
    if certificate.critical_options:
        raise NotCertified("has critical options, which mean nothing for a host")
    principals = [bytes(p).decode("utf-8", "replace") for p in certificate.valid_principals]
    if not any(matches_wildcard(principal, name) for principal in principals):
        listed = brief(", ".join(principals)) or "no host at all"
        raise NotCertified(f"is for {listed}, and not for {name}")
    return authority


def _key(key: object) -> HostKey:
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)  # type: ignore[attr-defined]
    return HostKey.from_line(line.decode())
