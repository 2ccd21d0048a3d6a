"""The cluster's CA, serving certificate, client certificate and tokens, and kubeconfigs of them.

Everything is generated at run time with the `openssl` command and kept below the state directory;
private keys and tokens are readable by their owner alone.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .config import ClusterConfig

ADMIN = "admin"
ADMIN_GROUP = "system:masters"
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_DAYS = "3650"


def ensure(cluster: ClusterConfig) -> Path:
    """Generate what is missing and return the directory of it; safe to call from two processes.

    Raises RuntimeError with openssl's own words when it fails.
    """
    directory = cluster.state_dir / "tls"
    directory.mkdir(parents=True, exist_ok=True)
    with _lock(directory), _private_files():
        if not (directory / "ca.crt").exists():
            _authority(directory, cluster.name)
        if not (directory / "server.crt").exists():
            names = (
                "localhost",
                cluster.node,
                "kubernetes",
                "kubernetes.default",
                "kubernetes.default.svc",
                "kubernetes.default.svc.cluster.local",
            )
            addresses = ("127.0.0.1", str(cluster.node_ip), str(cluster.api_service_ip))
            alternatives = [f"DNS:{n}" for n in names] + [f"IP:{a}" for a in addresses]
            _leaf(
                directory,
                "server",
                "/CN=kube-apiserver",
                "extendedKeyUsage=serverAuth",
                "subjectAltName=" + ",".join(alternatives),
            )
        if not (directory / f"{ADMIN}.crt").exists():
            _leaf(directory, ADMIN, f"/O={ADMIN_GROUP}/CN={ADMIN}", "extendedKeyUsage=clientAuth")
        _ensure_tokens(directory, cluster)
    return directory


def tokens(cluster: ClusterConfig) -> dict[str, str]:
    """The bearer token of each ServiceAccount, by the account's name."""
    loaded: dict[str, str] = json.loads((ensure(cluster) / "tokens.json").read_text())
    return loaded


def write_kubeconfig(cluster: ClusterConfig, user: str, server: str, out: Path) -> None:
    """Write to `out` (mode 0600) a kubeconfig with which `user` reaches `server`.

    Raises ConfigError for an unknown user, OSError where `out` cannot be written.
    """
    directory = ensure(cluster)
    if user == ADMIN:
        credentials = {
            "client-certificate-data": _base64(directory / f"{ADMIN}.crt"),
            "client-key-data": _base64(directory / f"{ADMIN}.key"),
        }
    else:
        credentials = {"token": tokens(cluster)[cluster.service_account(user).name]}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "default",
                "cluster": {
                    "server": server,
                    "certificate-authority-data": _base64(directory / "ca.crt"),
                },
            }
        ],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": "default", "context": {"cluster": "default", "user": user}}],
        "current-context": "default",
    }
    _write_private(out, json.dumps(document, indent=1))  # JSON is YAML


# openssl's own configuration has some of these, too, and OpenSSL 1.1 then writes them twice.
_AUTHORITY = """
[req]
distinguished_name = subject
x509_extensions = authority
[subject]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign,digitalSignature
subjectKeyIdentifier = hash
"""


def _authority(directory: Path, cluster_name: str) -> None:
    configuration = directory / "ca.cnf"
    configuration.write_text(_AUTHORITY)
    _openssl(
        "req",
        "-x509",
        *_NEW_KEY,
        "-days",
        _DAYS,
        "-subj",
        f"/CN={cluster_name}-ca",
        "-config",
        str(configuration),
        "-keyout",
        str(directory / "ca.key"),
        "-out",
        str(directory / "ca.crt"),
    )
    configuration.unlink()


def _leaf(directory: Path, name: str, subject: str, *extensions: str) -> None:
    request = directory / f"{name}.csr"
    extension_file = directory / f"{name}.ext"
    lines = (
        "basicConstraints=critical,CA:FALSE",
        "keyUsage=critical,digitalSignature",
        "authorityKeyIdentifier=keyid",
        *extensions,
    )
    extension_file.write_text("\n".join(lines) + "\n")
    _openssl(
        "req",
        *_NEW_KEY,
        "-subj",
        subject,
        "-keyout",
        str(directory / f"{name}.key"),
        "-out",
        str(request),
    )
    _openssl(
        "x509",
        "-req",
        "-in",
        str(request),
        "-days",
        _DAYS,
        "-CA",
        str(directory / "ca.crt"),
        "-CAkey",
        str(directory / "ca.key"),
        "-set_serial",  # before OpenSSL 3, it takes none by itself
        str(secrets.randbits(64)),
        "-extfile",
        str(extension_file),
        "-out",
        str(directory / f"{name}.crt"),
    )
    request.unlink()
    extension_file.unlink()


def _ensure_tokens(directory: Path, cluster: ClusterConfig) -> None:
    file = directory / "tokens.json"
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    wanted = {
        a.name: known.get(a.name) or secrets.token_urlsafe(32) for a in cluster.service_accounts
    }
    if wanted != known:
        _write_private(file, json.dumps(wanted))


def _openssl(*arguments: str) -> None:
    done = subprocess.run(
        ("openssl", *arguments), capture_output=True, text=True, timeout=30, check=False
    )
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr.strip()}")


def _base64(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def _write_private(file: Path, text: str) -> None:
    temporary = file.with_name(file.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    temporary.replace(file)


@contextmanager
def _lock(directory: Path) -> Iterator[None]:
    with (directory / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextmanager
def _private_files() -> Iterator[None]:
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
