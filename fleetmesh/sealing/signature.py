"""OpenSSH signatures over a file: made and checked by ssh-keygen(1), read as PROTOCOL.sshsig says.

OpenSSH knows no time stamp: a certificate is judged at the time of the verification, or at one
that the verifier knows from elsewhere.
"""

import base64
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap

from fleetmesh.evidence.sums import Refused

NAMESPACE = "evidence@fleet-mesh"
"""What our signatures are for: a signature for anything else is not believed."""

_SECONDS = 120
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_MAGIC = b"SSHSIG\x00\x00\x00\x01"


@dataclass(frozen=True)
class Signer:
    """Which key made a signature; the rest is what its certificate says, where it has one."""

    key: str
    """`ED25519 SHA256:…`"""
    certificate: str | None = None
    ca: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def __str__(self) -> str:
        if self.certificate is None:
            return self.key
        return f"{self.key}, certificate {self.certificate} of {self.ca}, {self.validity}"

    @property
    def validity(self) -> str:
        """From when until when the certificate is valid."""
        start = f"from {self.valid_from:%Y-%m-%dT%H:%M:%SZ}" if self.valid_from else "always"
        return f"valid {start} until " + (
            f"{self.valid_until:%Y-%m-%dT%H:%M:%SZ}" if self.valid_until else "for ever"
        )

    def valid_at(self, moment: datetime) -> bool:
        """Whether the certificate's time covers `moment`; a plain key has no time."""
        started = self.valid_from is None or self.valid_from <= moment
        return started and (self.valid_until is None or moment < self.valid_until)


def sign(file: Path, key: Path) -> Signer:
    """Sign `file`, leaving `<file>.sig`, and verify at once what was signed. Raises Refused.

    `key` is a private key, or the public key or certificate of one that lies beside it or in the
    agent.
    """
    signature = file.with_name(f"{file.name}.sig")
    signature.unlink(missing_ok=True)
    if not key.is_file():
        raise Refused(f"{key}: there is no such key")
    done = _keygen("sign", "-f", key, "-n", NAMESPACE, file)
    if done.returncode or not signature.is_file():
        raise Refused(f"{key} did not sign: {_said(done) or 'ssh-keygen gives no reason'}")
    try:
        made = read(signature.read_bytes())
        if not made.valid_at(datetime.now(UTC)):
            raise Refused(f"{key}: the certificate is {made.validity}, and not now")
        checked = _keygen(
            *("check-novalidate", "-n", NAMESPACE, "-s", signature), content=file.read_bytes()
        )
        if checked.returncode:
            raise Refused(f"{key}: the signature just made does not hold: {_said(checked)}")
    except Refused:
        signature.unlink()
        raise
    return made


def read(armored: bytes) -> Signer:
    """By whom a signature says it was made. Raises Refused unless it is as ssh-keygen writes it."""
    blob = _blob(armored)
    key, namespace = _strings(blob[len(_MAGIC) :], 2)
    if namespace != NAMESPACE.encode():
        raise Refused(f"the signature is for {namespace.decode('utf-8', 'replace')!r}")
    (kind,) = _strings(key, 1)
    with tempfile.NamedTemporaryFile("w", suffix=".pub") as file:
        file.write(f"{kind.decode('ascii', 'replace')} {base64.b64encode(key).decode()}\n")
        file.flush()
        listed = _run(["ssh-keygen", "-l", "-f", file.name])
        _, _, print_ = listed.stdout.decode("utf-8", "replace").partition(" ")
        match = re.match(r"(SHA256:\S+) .*\(([\w-]+)\)$", print_.strip())
        if listed.returncode or not match:
            raise Refused("the signature names no key that this OpenSSH knows")
        name = f"{match[2]} {match[1]}"
        if not kind.endswith(b"-cert-v01@openssh.com"):
            return Signer(name)
        told = _run(["ssh-keygen", "-L", "-f", file.name]).stdout.decode("utf-8", "replace")
    authority = re.search(r"Signing CA: (\S+ \S+)", told)
    identity = re.search(r"Key ID: (\".*\")", told)
    times = re.search(r"Valid: (?:forever|(?:from|after) (\S+)(?: to (\S+))?|before (\S+))", told)
    if not (authority and identity and times):
        raise Refused("the signature's certificate was not understood")
    return Signer(
        name, identity[1], authority[1], _time(times[1]), _time(times[2]) or _time(times[3])
    )


def verify(
    content: bytes, armored: bytes, allowed: Path, principal: str | None, at: datetime
) -> tuple[str, Signer]:
    """Who vouches for `content` by `allowed` (an allowed_signers file), at the time `at`.

    `principal` is who it must be; None takes whom the file names. Raises Refused, saying why.
    """
    signer = read(armored)
    if not allowed.is_file():
        raise Refused(f"{allowed}: there is no such file of allowed signers")
    moment = f"verify-time={at.astimezone(UTC):%Y%m%d%H%M%S}"
    with tempfile.NamedTemporaryFile(suffix=".sig") as file:
        file.write(armored)
        file.flush()
        given = ("-s", file.name, "-f", allowed, "-O", moment)
        found = _keygen("find-principals", *given)
        who = found.stdout.decode("utf-8", "replace").split()
        if principal is not None:
            who = [principal]
        done = found
        for name in who:
            done = _keygen("verify", *given, "-n", NAMESPACE, "-I", name, content=content)
            if done.returncode == 0:
                return name, signer
    if not signer.valid_at(at):
        raise Refused(
            f"made by {signer}, which is not valid at {at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}. "
            "Where you know from elsewhere that the signature existed earlier, say --at TIME"
        )
    if found.returncode:
        raise Refused(f"made by {signer}, whom {allowed.name} does not allow: {_said(found)}")
    asked = f" for {principal}" if principal else ""
    raise Refused(f"made by {signer}, and does not hold{asked}: {_said(done)}")


def _blob(armored: bytes) -> bytes:
    refused = Refused("the signature is not as ssh-keygen writes it")
    try:
        text = armored.decode("ascii")
        body = text.removeprefix(f"{_BEGIN}\n").removesuffix(f"{_END}\n")
        blob = base64.b64decode("".join(body.split("\n")), validate=True)
    except ValueError:
        raise refused from None
    again = "\n".join((_BEGIN, *wrap(base64.b64encode(blob).decode(), 70), _END, ""))
    if text != again or not blob.startswith(_MAGIC):
        raise refused
    return blob


def _strings(blob: bytes, count: int) -> list[bytes]:
    """The first strings of an SSH structure (RFC 4251, section 5)."""
    found = []
    for _ in range(count):
        length = int.from_bytes(blob[:4])
        if len(blob) < 4 + length:
            raise Refused("the signature is cut off")
        found.append(blob[4 : 4 + length])
        blob = blob[4 + length :]
    return found


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def _keygen(
    action: str, *arguments: str | Path, content: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return _run(["ssh-keygen", "-Y", action, *map(str, arguments)], content)


def _run(command: list[str], content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C"}  # times are read and given in UTC
    try:
        return subprocess.run(
            command,
            check=False,
            input=content,
            capture_output=True,
            timeout=_SECONDS,
            env=environment,
        )
    except FileNotFoundError:
        raise Refused("ssh-keygen is not installed (Debian: openssh-client)") from None
    except subprocess.TimeoutExpired:
        raise Refused(f"ssh-keygen gave no answer within {_SECONDS} s") from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = (done.stderr + done.stdout).decode("utf-8", "replace").strip().splitlines()
    return "; ".join(line for line in lines if not line.startswith(("Signing ", "Write ")))
