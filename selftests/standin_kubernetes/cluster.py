"""A running stand-in cluster in namespaces of its own on this machine, and ways to ask it."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from rehearsal import api_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).parents[2]
STANDINS = CHECKOUT / "rehearsal" / "standins"
NODE_IP = "198.18.77.11"
PORT = 6443
READY_WITHIN = 15.0  # seconds; two orders above what an idle machine needs
CLONE_NEWNET = 0x40000000

# The tunnels of the rehearsal, reduced to what the bridges see of them.
START = """
set -e
ip link set lo up
ip address add {node_ip}/32 dev lo
mkdir -p {folder}/upper {folder}/work
mount -t overlay overlay -o lowerdir=/usr/local/lib,upperdir={folder}/upper,workdir={folder}/work \
    /usr/local/lib
mkdir -p /usr/local/lib/fleet-standins
ln -sfn {standins} /usr/local/lib/fleet-standins/standins
exec {python} -m rehearsal.standins.kubernetes serve --config {folder}/cluster.json
"""
READ = {
    "verbs": ["get", "list"],
    "resources": ["pods", "services", "deployments"],
    "namespace": "activity-core",
}


def _exec(*verbs: str) -> dict[str, Any]:
    return {"verbs": verbs, "resources": ["pods/exec"], "namespace": "activity-core"}


ACCOUNTS = {
    "restricted": [READ, _exec("create")],
    "restricted-getexec": [READ, _exec("get", "create")],
    "restricted-getonly": [READ, _exec("get")],
}


@dataclass
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: Any


class Cluster:
    """One instance, with the manifests of both clusters and those beside this file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "cluster.json"
        self._process: subprocess.Popen[bytes] | None = None
        manifests = folder / "manifests"
        manifests.mkdir()
        packaged = STANDINS / "kubernetes" / "manifests"
        for file in [*packaged.glob("*/*.yaml"), Path(__file__).with_name("samples.yaml")]:
            (manifests / file.name).write_bytes(file.read_bytes())
        document = {
            "cluster": "selftest",
            "node": "k8s-lab",
            "node_ip": NODE_IP,
            "service_cidr": "198.19.43.0/24",
            "pod_cidr": "198.19.13.0/24",
            "state_dir": str(folder / "state"),
            "manifests_dir": str(manifests),
            "listen": f"0.0.0.0:{PORT}",
            "fields": api_fields.known(),
            "service_accounts": [
                {"name": name, "namespace": "activity-core", "rules": rules}
                for name, rules in ACCOUNTS.items()
            ],
        }
        self.config.write_text(json.dumps(document))

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def state(self) -> Path:
        """Where the stand-in keeps what it keeps."""
        return self.folder / "state"

    @property
    def address(self) -> tuple[str, int]:
        """The API server's, as its node reaches it."""
        return "127.0.0.1", PORT

    def start(self) -> None:
        script = START.format(
            node_ip=NODE_IP, folder=self.folder, standins=STANDINS, python=sys.executable
        )
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", script],
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.wait_for(lambda: self.get("/readyz").status == 200, "the API server")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(READY_WITHIN)

    def run(self, *command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command in the node's network, where kubectl finds the admin's kubeconfig."""
        return subprocess.run(
            ["nsenter", f"--target={self.pid}", "--net", "--", *command],
            input=given,
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig("admin"))},
        )

    def kubectl(
        self, *arguments: str, user: str = "admin", given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        config = str(self.kubeconfig(user))
        return self.run("kubectl", f"--kubeconfig={config}", *arguments, given=given)

    def kubeconfig(self, user: str) -> Path:
        out = self.folder / f"{user}.kubeconfig"
        if not out.exists():
            command = ["kubeconfig", "--config", str(self.config), "--user", user]
            subprocess.run(
                [sys.executable, "-m", "rehearsal.standins.kubernetes", *command, "--out", out],
                cwd=CHECKOUT,
                check=True,
                timeout=30,
            )
        return out

    def token(self, user: str) -> str:
        token: str = self.credentials(user)["token"]
        return token

    def credentials(self, user: str) -> dict[str, str]:
        document = yaml.safe_load(self.kubeconfig(user).read_text())
        found: dict[str, str] = document["users"][0]["user"]
        return found

    def headers(self, user: str) -> dict[str, str]:
        """What carries the credentials of a sample's `as`, besides a client certificate."""
        if user == "bad":
            return {"Authorization": "Bearer nobody-knows-this-token"}
        return {} if user in ("admin", "none") else {"Authorization": f"Bearer {self.token(user)}"}

    def tls(self, user: str) -> ssl.SSLContext:
        directory = self.state / "tls"
        context = ssl.create_default_context(cafile=str(directory / "ca.crt"))
        if user == "admin":
            context.load_cert_chain(directory / "admin.crt", directory / "admin.key")
        return context

    def get(self, path: str, user: str = "admin", **headers: str) -> Answer:
        return self.ask("GET", path, user, headers)

    def ask(
        self, method: str, path: str, user: str, headers: dict[str, str], body: Any = None
    ) -> Answer:
        with self.network():
            connection = HTTPSConnection(*self.address, timeout=10, context=self.tls(user))
            try:
                sent = None if body is None else json.dumps(body)
                connection.request(method, path, sent, {**self.headers(user), **headers})
                response = connection.getresponse()
                content = response.read().decode()
            finally:
                connection.close()
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        return Answer(
            response.status,
            {name.lower(): value for name, value in response.headers.items()},
            json.loads(content) if is_json else content,
        )

    @contextmanager
    def network(self) -> Iterator[None]:
        """This thread's sockets, and the processes it starts, are the node's for the while."""
        with Path("/proc/self/ns/net").open() as before:
            with Path(f"/proc/{self.pid}/ns/net").open() as there:
                _enter(there.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())

    def pod(self, namespace: str, prefix: str) -> dict[str, Any]:
        """The one pod whose name starts with `prefix`."""
        pods = self.get(f"/api/v1/namespaces/{namespace}/pods").body["items"]
        found: dict[str, Any]
        (found,) = [p for p in pods if p["metadata"]["name"].startswith(prefix)]
        return found

    def ready(self, namespace: str, prefix: str) -> bool:
        conditions = self.pod(namespace, prefix)["status"].get("conditions", [])
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def connects(self, address: str, port: int = 8000) -> str:
        """`yes`, or how a connection from the node fails: `refused`, `timed out`."""
        end = f"TCP:{address}:{port},connect-timeout=1.5"
        tried = self.run("socat", "-u", "OPEN:/dev/null", end)
        if tried.returncode == 0:
            return "yes"
        if "Connection refused" in tried.stderr:
            return "refused"
        return "timed out" if "Connection timed out" in tried.stderr else tried.stderr

    def wait_for(self, condition: Any, what: str) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while True:
            try:
                if condition():
                    return
            except (OSError, ValueError):
                pass
            assert time.monotonic() < deadline, f"{what} within {READY_WITHIN} s; log: {self.log}"
            if self._process is not None:
                assert self._process.poll() is None, f"the stand-in ended: {self.log}"
            time.sleep(0.05)


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
