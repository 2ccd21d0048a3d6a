"""The real Python client over a session, against a small TLS server with real certificates."""

import base64
import contextlib
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import wrap
from typing import Any

import pytest
import yaml
from kubernetes.client import CoreV1Api, VersionApi
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from urllib3.exceptions import HTTPError

from fleetmesh.sessions import ApiProblem, Session, api_client
from fleetmesh.sessions.kubernetes import FIELDS

VERSION = {
    "major": "1", "minor": "32", "gitVersion": "v1.32.4", "gitCommit": "c", "gitTreeState": "clean",
    "buildDate": "2025-01-01T00:00:00Z", "goVersion": "go1.23", "compiler": "gc", "platform": "x",
}  # fmt: skip


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a CA (`ca`), and a client's certificate of it (`client`)."""
    folder = tmp_path_factory.mktemp("authority")
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    for name in ("ca", "stranger"):
        files = ["-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt"]
        openssl("req", "-x509", *new, "-subj", f"/CN={name}", *files)
    return folder


def certify(authority: Path, name: str, names: str) -> tuple[Path, Path]:
    file = f"{name}-{names}".replace(":", "-")
    key, request, certificate = (authority / f"{file}.{end}" for end in ("key", "csr", "crt"))
    if certificate.exists():
        return certificate, key
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", *new, "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(request))
    (authority / "extensions").write_text(f"subjectAltName={names}\n")
    ca = ["-CA", f"{authority}/ca.crt", "-CAkey", f"{authority}/ca.key", "-CAcreateserial"]
    out = ["-out", str(certificate), "-extfile", f"{authority}/extensions", "-days", "1"]
    openssl("x509", "-req", "-in", str(request), *ca, *out)
    return certificate, key


class Handler(BaseHTTPRequestHandler):
    """Answers /version, remembers the headers, and misbehaves on request."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str | None, Any]]

    def do_GET(self) -> None:
        assert isinstance(self.connection, ssl.SSLSocket)
        who = self.connection.getpeercert()
        self.seen.append((self.path, self.headers.get("authorization"), who))
        if self.path.startswith("/api/v1/namespaces/slow"):
            time.sleep(1.5)
        if self.path.startswith("/api/v1/namespaces/trickle"):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(40):
                    self.wfile.write(b" ")
                    time.sleep(0.05)
            self.close_connection = True
            return
        body = json.dumps(VERSION if self.path == "/version/" else {"kind": "Status"}).encode()
        self.send_response(200 if self.path == "/version/" else 403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Be quiet."""


class Server(ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, *_: object) -> None:
        """A client that refuses our certificate is what some tests are about."""


Serve = Callable[..., tuple[str, list[tuple[str, str | None, Any]]]]


@pytest.fixture
def serve(authority: Path) -> Iterator[Serve]:
    """Start an API server whose certificate is for `names`; returns its address and what it saw."""
    running: list[tuple[Server, threading.Thread]] = []

    def start(names: str = "IP:127.0.0.1") -> tuple[str, list[tuple[str, str | None, Any]]]:
        certificate, key = certify(authority, "server", names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(authority / "ca.crt")
        context.verify_mode = ssl.CERT_OPTIONAL
        handler = type("Seen", (Handler,), {"seen": []})
        server = Server(("127.0.0.1", 0), handler)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        running.append((server, thread))
        return f"https://127.0.0.1:{server.server_port}", handler.seen  # type: ignore[attr-defined]

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join(5)


def embedded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def kubeconfig(authority: Path, server: str, *, ca: str = "ca", **more: Any) -> str:
    cluster = {"server": server, "certificate-authority-data": embedded(authority / f"{ca}.crt")}
    cluster.update(more.pop("cluster", {}))
    return yaml.safe_dump(
        {
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": more.pop("user", {"token": "s3cret"})}],
            **more,
        }
    )


def test_base64_in_a_block_is_broken_into_lines(
    session: Session, serve: Serve, authority: Path
) -> None:
    server, _ = serve()
    lines = "".join(f"{line}\r\n" for line in wrap(embedded(authority / "ca.crt"), 64))
    text = kubeconfig(authority, server, cluster={"certificate-authority-data": lines})
    with api_client(session, text) as api:
        assert VersionApi(api).get_code().git_version == "v1.32.4"


def test_the_official_client_works_with_a_token(
    session: Session, serve: Serve, authority: Path
) -> None:
    server, seen = serve()
    with api_client(session, kubeconfig(authority, server)) as api:
        assert VersionApi(api).get_code().git_version == "v1.32.4"
        request = api.param_serialize("GET", "/version/", auth_settings=["BearerToken"])
        answer = api.call_api(*request)
        assert (answer.status, json.loads(answer.read())) == (200, VERSION)
    assert [(path, token) for path, token, _ in seen] == [("/version/", "Bearer s3cret")] * 2
    assert session.channels == 0


def test_a_client_certificate(session: Session, serve: Serve, authority: Path) -> None:
    server, seen = serve()
    certificate, key = certify(authority, "client", "DNS:client")
    user = {
        "client-certificate-data": embedded(certificate),
        "client-key-data": embedded(key),
    }
    with api_client(session, kubeconfig(authority, server, user=user)) as api:
        VersionApi(api).get_code()
    assert seen[0][2]["subject"] == ((("commonName", "client"),),)


def test_no_secret_reaches_a_disk_and_nothing_is_left_open(
    session: Session,
    serve: Serve,
    authority: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    server, _ = serve()
    certificate, key = certify(authority, "client", "DNS:client")
    user = {"client-certificate-data": embedded(certificate), "client-key-data": embedded(key)}

    def memory_files() -> list[str]:
        found = []
        for file in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found += [str(file.readlink())]
        return [link for link in found if "memfd:fleetmesh" in link]

    with api_client(session, kubeconfig(authority, server, user=user)) as api:
        VersionApi(api).get_code()
        assert len(memory_files()) == 3
        assert list((tmp_path / "temporary").iterdir()) == []
    assert memory_files() == []


def test_a_server_of_another_authority_is_refused(
    session: Session, serve: Serve, authority: Path
) -> None:
    server, seen = serve()
    with (
        api_client(session, kubeconfig(authority, server, ca="stranger")) as api,
        pytest.raises((ApiException, HTTPError), match="CERTIFICATE_VERIFY_FAILED"),
    ):
        VersionApi(api).get_code()
    assert seen == []


@pytest.mark.parametrize("names", ["DNS:localhost", "IP:127.0.0.2", "DNS:other.example"])
def test_a_certificate_for_another_name_is_refused(
    session: Session, serve: Serve, authority: Path, names: str
) -> None:
    server, seen = serve(names)
    with (
        api_client(session, kubeconfig(authority, server)) as api,
        pytest.raises((ApiException, HTTPError), match=r"IP address mismatch|doesn't match"),
    ):
        VersionApi(api).get_code()
    assert seen == []


def test_the_name_in_the_kubeconfig_is_what_is_verified(
    session: Session, serve: Serve, authority: Path
) -> None:
    server, _ = serve("DNS:localhost")
    by_name = server.replace("127.0.0.1", "localhost")
    with api_client(session, kubeconfig(authority, by_name)) as api:
        assert VersionApi(api).get_code().minor == "32"


def test_tls_server_name(session: Session, serve: Serve, authority: Path) -> None:
    server, _ = serve("DNS:k3s.example")
    text = kubeconfig(authority, server, cluster={"tls-server-name": "k3s.example"})
    with api_client(session, text) as api:
        assert VersionApi(api).get_code().minor == "32"


def test_a_proxy_of_the_environment_is_not_used(
    session: Session, serve: Serve, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "elsewhere.example")
    server, _ = serve()
    with api_client(session, kubeconfig(authority, server), deadline=2) as api:
        assert VersionApi(api).get_code().minor == "32"
        with pytest.raises(ApiException) as caught:
            execute(api)
        assert "403" in str(caught.value)  # the server's own answer, so it was reached


def execute(api: Any) -> Any:
    return stream(
        CoreV1Api(api).connect_get_namespaced_pod_exec,
        "pod",
        "namespace",
        command=["true"],
        stdout=True,
        _preload_content=False,
    )


def test_a_refusal_is_the_client_s_own_exception(
    session: Session, serve: Serve, authority: Path
) -> None:
    server, _ = serve()
    with (
        api_client(session, kubeconfig(authority, server)) as api,
        pytest.raises(ApiException) as caught,
    ):
        CoreV1Api(api).list_namespaced_pod("forbidden")
    assert caught.value.status == 403


@pytest.mark.parametrize("namespace", ["slow", "trickle"])
def test_every_request_has_a_deadline_and_the_next_one_works(
    session: Session, serve: Serve, authority: Path, namespace: str
) -> None:
    server, seen = serve()
    with api_client(session, kubeconfig(authority, server), deadline=0.5) as api:
        began = time.monotonic()
        with pytest.raises(HTTPError):
            CoreV1Api(api).list_namespaced_pod(namespace)
        assert time.monotonic() - began < 1.0
        assert VersionApi(api).get_code().minor == "32"
    assert len(seen) == 2  # and none of them was sent again


def test_an_exec_at_a_silent_server_has_a_deadline(session: Session, authority: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        text = kubeconfig(authority, f"https://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with api_client(session, text, deadline=0.5) as api, pytest.raises(ApiException):
            execute(api)
        assert time.monotonic() - began < 1.5


def test_a_server_that_is_not_there_is_named(session: Session, authority: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        api_client(session, kubeconfig(authority, f"https://127.0.0.1:{port}")) as api,
        pytest.raises(HTTPError, match="connect failed: Connection refused"),
    ):
        VersionApi(api).get_code()


MALFORMED = [
    ("", "is empty or no kubeconfig"),
    ("a: [", "is no YAML"),
    ("just text", "is empty or no kubeconfig"),
    ("current-context: x\n---\ncurrent-context: y", "is no YAML to work with"),
    ("clusters: []", "names no current-context"),
    ("current-context: x", "has no context named 'x'"),
    ("current-context: x\ncontexts: 7", "has no context named 'x'"),
    ("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]", "no cluster named 'c'"),
]


@pytest.mark.parametrize(("text", "says"), MALFORMED)
def test_a_malformed_kubeconfig_is_refused(session: Session, text: str, says: str) -> None:
    with (
        pytest.raises(ApiProblem, match="the kubeconfig on coulombcore:.*" + says),
        api_client(session, text),
    ):
        pass


FLATTEN = "kubectl config view --raw --flatten --minify"
ACCOUNT = "embed the token of an account"
UNUSABLE: list[tuple[dict[str, Any], str]] = [
    ({"cluster": {"server": "http://127.0.0.1:1"}}, "is no https:// address"),
    ({"cluster": {"server": "https://127.0.0.1:99999"}}, "is no address"),
    ({"cluster": {"server": "https://me:s3cret@127.0.0.1:1"}}, "holds a user and password"),
    ({"cluster": {"certificate-authority-data": "***"}}, "is no base64"),
    ({"cluster": {"certificate-authority-data": "QQ=="}}, "holds no certificate in PEM form"),
    ({"cluster": {"certificate-authority": "ca.crt"}}, FLATTEN),
    ({"cluster": {"insecure-skip-tls-verify": True}}, "embed certificate-authority-data"),
    ({"cluster": {"proxy-url": "socks5://jump:1080"}}, "a server that the host itself reaches"),
    ({"cluster": {"caBundle": "x"}}, "take it out, if kubectl does without it"),
    ({"user": {"exec": {"command": "touch"}}}, ACCOUNT),
    ({"user": {"auth-provider": {"name": "oidc"}}}, ACCOUNT),
    ({"user": {"tokenFile": "/etc/shadow"}}, ACCOUNT),
    ({"user": {"token": "s3cret", "tokenFile": "token"}}, ACCOUNT),
    ({"user": {"username": "me"}}, ACCOUNT),
    ({"user": {"username": "", "password": "s3cret"}}, ACCOUNT),
    ({"user": {"token": "s3cret", "as": "admin"}}, ACCOUNT),
    ({"user": {"token": "s3cret", "as-uid": "7"}}, ACCOUNT),
    ({"user": {"token": "s3cret", "as-groups": ["system:masters"]}}, ACCOUNT),
    ({"user": {"token": "s3cret", "as-user-extra": {"a": ["b"]}}}, ACCOUNT),
    ({"user": {"client-certificate": "client.crt"}}, FLATTEN),
    ({"user": {"client-key": "client.key"}}, FLATTEN),
    ({"user": {"client-certificate-data": "QQ=="}}, "belong together"),
    (
        {"user": {"client-certificate-data": "QQ==", "client-key-data": "QQ=="}},
        "are no certificate with its key, unencrypted and in PEM form",
    ),
]


@pytest.mark.parametrize(("more", "says"), UNUSABLE)
def test_a_kubeconfig_that_cannot_be_used_says_what_to_write(
    session: Session, authority: Path, more: dict[str, Any], says: str
) -> None:
    text = kubeconfig(authority, "https://127.0.0.1:1", **more)
    with pytest.raises(ApiProblem) as caught, api_client(session, text):
        pass
    assert str(caught.value).startswith("the kubeconfig on coulombcore: ")
    assert says in str(caught.value)
    assert "s3cret" not in str(caught.value)
    (kind,) = more
    if says in (FLATTEN, ACCOUNT):
        assert any(f": {field} of its {kind} is not supported" in str(caught.value)
                   for field in more[kind])  # fmt: skip


def test_every_field_that_is_refused_is_tried() -> None:
    refused = {(kind, name) for kind in FIELDS for name, why in FIELDS[kind].items() if why}
    tried = {(kind, name) for more, _ in UNUSABLE for kind, content in more.items()
             for name in content}  # fmt: skip
    assert refused <= tried


def test_what_is_empty_or_says_nothing_of_the_way_is_no_hindrance(
    session: Session, serve: Serve, authority: Path
) -> None:
    server, _ = serve()
    remarks = [{"name": "minikube.sigs.k8s.io", "extension": {"version": "v1.34.0"}}]
    text = kubeconfig(
        authority,
        server,
        preferences={"colors": True},
        cluster={
            "extensions": remarks,
            "insecure-skip-tls-verify": False,
            "proxy-url": "",
            "disable-compression": True,
        },
        user={"token": "s3cret", "username": "", "as": None, "as-groups": []},
    )
    with api_client(session, text) as api:
        assert VersionApi(api).get_code().minor == "32"


def test_of_a_context_only_the_cluster_and_the_user_count(
    session: Session, serve: Serve, authority: Path
) -> None:
    server, seen = serve()
    document = yaml.safe_load(kubeconfig(authority, server))
    document["contexts"][0]["context"]["namespace"] = "elsewhere"
    document["contexts"].insert(0, {"name": "other", "context": {"cluster": "x", "user": "x"}})
    document["users"].append({"name": "other", "user": {"exec": {"command": "touch"}}})
    with api_client(session, yaml.safe_dump(document)) as api:
        VersionApi(api).get_code()
    assert seen[0][1] == "Bearer s3cret"
