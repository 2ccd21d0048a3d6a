"""A real cluster in the stand-in's place: what the tests ask the one they can ask the other.

It is a node of its own with nothing else on it, and these tests run there, as root. Its Service
CIDR is 198.19.43.0/24, and an image with Python, socat and procps has the names that the manifests
give theirs.
"""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import yaml

from .cluster import ACCOUNTS, Cluster

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator
    from pathlib import Path

NAMESPACE = "activity-core"


class RealCluster(Cluster):
    """The cluster of an administrator's kubeconfig."""

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        super().__init__(folder)
        self._admin = kubeconfig

    @property
    def pid(self) -> int:
        pytest.skip("is about the stand-in's own process")

    @property
    def state(self) -> Path:
        pytest.skip("is about the stand-in's own files")

    @property
    def log(self) -> str:
        return "of the cluster's own"

    @cached_property
    def address(self) -> tuple[str, int]:
        server = urlsplit(self._of_admin("cluster")["server"])
        return str(server.hostname), server.port or 443

    def start(self) -> None:
        for file in sorted((self.folder / "manifests").iterdir()):
            self._apply(file.read_text())
        for name, rules in ACCOUNTS.items():
            self._apply(yaml.safe_dump_all(_account(name, rules)))

    def stop(self, number: signal.Signals | None = None) -> None:
        if number is not None:
            pytest.skip("is about the stand-in's own end")

    def run(self, *command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=30)

    def kubeconfig(self, user: str) -> Path:
        out = self.folder / f"{user}.kubeconfig"
        if user == "admin":
            return self._admin
        if not out.exists():
            done = self.kubectl("-n", NAMESPACE, "create", "token", user)
            assert done.returncode == 0, done.stderr
            document = yaml.safe_load(self._admin.read_text())
            document["users"] = [
                {"name": each["name"], "user": {"token": done.stdout.strip()}}
                for each in document["users"]
            ]
            out.write_text(json.dumps(document))
        return out

    def tls(self, user: str) -> ssl.SSLContext:
        authority = base64.b64decode(self._of_admin("cluster")["certificate-authority-data"])
        context = ssl.create_default_context(cadata=authority.decode())
        if user == "admin":
            file = self.folder / "admin.pem"
            own = self._of_admin("user")
            parts = ("client-certificate-data", "client-key-data")
            file.write_bytes(b"".join(base64.b64decode(own[part]) for part in parts))
            context.load_cert_chain(file)
        return context

    @contextmanager
    def network(self) -> Iterator[None]:
        yield

    def _of_admin(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load(self._admin.read_text())[f"{kind}s"][0][kind]
        return found

    def _apply(self, text: str) -> None:
        done = self.kubectl("apply", "-f", "-", given=text)
        assert done.returncode == 0, done.stderr


def _account(name: str, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    metadata = {"name": name, "namespace": NAMESPACE}
    given = [{"apiGroups": ["*"], "verbs": [*r["verbs"]], "resources": r["resources"]}
             for r in rules]  # fmt: skip
    group = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": given},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        },
    ]
