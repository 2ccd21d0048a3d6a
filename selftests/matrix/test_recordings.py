"""What lies in the repository for everybody to read: small, and without a secret."""

import base64
import json
import lzma
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetmesh.gather.snapshot import Snapshot
from rehearsal.matrix.recordings import name_of, whole
from rehearsal.paths import PROJECT, RECORDINGS

FILES = sorted(RECORDINGS.iterdir())
ALL = 8_000_000
ONE = 60_000
"""Bytes on disk."""

SECRETS = {
    # What follows the bar begins every OpenSSH key.
    "a private key": r"BEGIN [A-Z ]*PRIVATE KEY|b3BlbnNzaC1rZXkt",
    "a JSON web token": r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}",
    "a bearer token": r"(?i)\bbearer\s+[\w.~+/-]{12,}",
    "a token, or a password": r"(?i)\b(token|passw(or)?d|secret)[\"']?\s*[:=]\s*[\"']?[\w./+-]{6,}",
    "part of a kubeconfig": r"client-(key|certificate)-data|certificate-authority-data",
    "a certificate's private part": r"LS0tLS1CRUdJTi",  # "-----BEGIN " in base64
}  # fmt: skip


def texts(file: Path) -> Iterator[str]:
    """Everything in the recording, decompressed, and what is base64 in it decoded, too."""
    text = lzma.decompress(file.read_bytes()).decode()
    yield text
    for entry in json.loads(text)["transcripts"]:
        for name in ("stdout", "stderr"):
            stream = entry.get(name) or ""
            if isinstance(stream, dict):
                yield base64.b64decode(stream["base64"]).decode("latin-1")
            else:
                yield stream
                yield from decoded(stream)


def decoded(text: str) -> Iterator[str]:
    """What long words of base64 in `text` hold."""
    for word in re.findall(r"[A-Za-z0-9+/]{40,}={0,2}", text):
        whole = word[
            : len(word) // 4 * 4
        ]  # a word that only looks like base64 may be of any length
        yield base64.b64decode(whole).decode("latin-1")


def found(text: str) -> list[str]:
    return [what for what, pattern in SECRETS.items() if re.search(pattern, text)]


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_recording_holds_no_secret(file: Path) -> None:
    for text in texts(file):
        assert not found(text), found(text)
        assert str(PROJECT) not in text, "a path of the machine on which it was recorded"


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_recording_is_small_and_whole(file: Path, tmp_path: Path) -> None:
    assert file.stat().st_size < ONE
    whole(name_of(file)).unpack(tmp_path)
    assert Snapshot.read(tmp_path / "transcripts.json.xz").transcripts


def test_all_recordings_are_small() -> None:
    size = sum(file.stat().st_size for file in FILES)
    assert size < ALL, f"{size:,} bytes"


def test_a_secret_would_be_found(tmp_path: Path) -> None:
    """Each in the shape in which it lies on a machine, and in base64 within an answer."""
    key = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=10)
    token = "k" * 20
    jwt = ".".join(["eyJ" + "a" * 20, "eyJ" + "b" * 20, "c" * 20])
    for secret in (
        key.read_text(),
        f"Authorization: Bearer {token}",
        jwt,
        f"    token: {token}",
        '{"password": "hunter2x"}',
        "    client-key-data: abc",
        base64.b64encode(b"-----BEGIN " + b"X" * 30).decode(),
    ):
        assert found(secret), secret
        wrapped = base64.b64encode(secret.encode() + b" " * 40).decode()
        assert any(found(text) for text in decoded(wrapped)), secret
    assert not found(key.with_suffix(".pub").read_text())
