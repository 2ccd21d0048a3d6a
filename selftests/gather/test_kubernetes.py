"""A cluster's API, over its host's session: what it refuses is a cause, and its key is secret."""

import base64
import gc
import hashlib
import json
import re
import socket
import ssl
import struct
import threading
import time
from functools import partialmethod
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import pytest

from fleetmesh.gather import Fleet
from fleetmesh.gather.cluster_api import Kubernetes
from fleetmesh.gather.commands import Exec
from fleetmesh.gather.pod_exec import Asked, ExecInPod
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from selftests.gather.conftest import Serve, fact

TOKEN = "s3cret-t0ken"
CLUSTER = "railiance01"
DEPLOYMENT = "/apis/apps/v1/namespaces/activity-core/deployments/actcore-api"
PODS = "/api/v1/namespaces/activity-core/pods?labelSelector=app%3Dapi%2Ctier%3Dweb"
POD: dict[str, Any] = {
    "metadata": {"name": "actcore-api-1"},
    "spec": {"containers": [{"name": "api"}]},
    "status": {"phase": "Running"},
}
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
SUCCESS = {"status": "Success"}
NOT_STARTED = {
    "status": "Failure",
    "reason": "InternalError",
    "message": f'failed to start exec "{"0a" * 32}": exec: "python": executable file not found',
}
NONZERO = {
    "status": "Failure",
    "reason": "NonZeroExitCode",
    "details": {"causes": [{"reason": "ExitCode", "message": "7"}]},
}


class Api(BaseHTTPRequestHandler):
    """Answers from `answers`, and speaks enough WebSocket for an exec."""

    protocol_version = "HTTP/1.1"
    context: ssl.SSLContext
    answers: dict[str, tuple[int, Any]]
    frames: list[tuple[int, bytes]] | None = None
    """Channel and content of what an exec says; channel -1 closes, -2 cuts, -3 waits, and -4 waits
    for what the client sends."""
    asked: ClassVar[list[str]] = []
    """Paths of the execs."""
    heard: ClassVar[list[bytes]] = []
    """What clients sent."""

    def do_GET(self) -> None:
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            return self.answer(401, {"kind": "Status", "message": "Unauthorized"})
        if "/exec?" in self.path and self.frames is not None:
            self.asked.append(self.path)
            return self.talk(self.frames)
        missing = (404, {"kind": "Status", "message": f"{self.path} not found"})
        return self.answer(*self.answers.get(self.path, self.answers.get("*", missing)))

    def answer(self, status: int, body: Any) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def talk(self, frames: list[tuple[int, bytes]]) -> None:
        magic = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(magic.encode()).digest()).decode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept)
        self.send_header("Sec-WebSocket-Protocol", "v4.channel.k8s.io")
        self.end_headers()
        self.close_connection = True
        for channel, content in frames:
            if channel == -3:
                time.sleep(float(content or 2))
            elif channel == -4:
                self.heard.append(self.received())
            elif channel == -1:
                self.frame(0x88, struct.pack(">H", 1000))
            elif channel >= 0:
                self.frame(0x82, bytes([channel]) + content)

    def received(self) -> bytes:
        """One short frame of the client's, unmasked; empty where it has left (RFC 6455)."""
        head = self.rfile.read(2)
        if len(head) < 2:
            return b""
        mask, payload = self.rfile.read(4), self.rfile.read(head[1] & 0x7F)
        return bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))

    def frame(self, head: int, payload: bytes) -> None:
        size = len(payload)
        length = bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size)
        self.wfile.write(bytes([head]) + length + payload)
        self.wfile.flush()

    def log_message(self, format: str, *arguments: object) -> None:
        """Be quiet."""


@pytest.fixture
def api(certificate: Path) -> type[Api]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    labels = {"app": "api", "tier": "web"}
    answers = {
        "/version": (200, {"gitVersion": "v1.32.4"}),
        DEPLOYMENT: (200, {"spec": {"selector": {"matchLabels": labels}}}),
        PODS: (200, {"items": [POD]}),
    }
    given = {"context": context, "answers": answers, "asked": [], "heard": []}
    return type("Answering", (Api,), given)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Where the cluster's kubeconfig lies."""
    return tmp_path / "kube config"


@pytest.fixture
def cluster(fleet: Fleet, serve: Serve, api: type[Api], certificate: Path, config: Path) -> Fleet:
    """A fleet whose cluster is the server above."""
    authority = base64.b64encode(certificate.read_bytes()).decode()
    server = f"https://127.0.0.1:{serve(api)}"
    config.write_text(
        "current-context: c\n"
        "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
        f"clusters: [{{name: c, cluster: {{server: '{server}', "
        f"certificate-authority-data: {authority}}}}}]\n"
        f"users: [{{name: u, user: {{token: {TOKEN}}}}}]\n"
    )
    clusters = dict(fleet.inventory.clusters)
    clusters[CLUSTER] = clusters[CLUSTER].model_copy(update={"kubeconfig": str(config)})
    fleet.inventory = fleet.inventory.model_copy(update={"clusters": clusters})
    return fleet


VERSION = Kubernetes(CLUSTER, "/version", "version")
PROGRAM = Asked("python", ("python", "-c", "print(1)", "{}"))
INSIDE = ExecInPod(CLUSTER, "activity-core", "actcore-api", None, PROGRAM, 0.7, 5.0)


def ask(cluster: Fleet, probe: Probe) -> Transcript:
    """The transcript of one question; another host's, asked along, is always answered."""
    along = fact("along", {"x": Exec("coulombcore", "echo fine")})
    found = cluster.gather([fact("f", {"x": probe}), along])
    assert found.of("along")["x"].stdout == b"fine\n"
    everything = repr(found)
    assert TOKEN not in everything
    assert "certificate-authority-data" not in everything
    return found.of("f")["x"]


def test_an_answer(cluster: Fleet) -> None:
    found = ask(cluster, VERSION)
    assert (found.exit_status, json.loads(found.stdout)) == (200, {"gitVersion": "v1.32.4"})
    assert (found.host, found.lost) == ("railiance01", None)
    assert "kubectl --kubeconfig" in found.command
    assert found.command.endswith(' version"')


def test_one_kubeconfig_is_read_however_much_is_asked(cluster: Fleet) -> None:
    cluster.gather([fact(f"f{n}", {"x": VERSION}) for n in range(5)])
    assert cluster.channels["railiance01"] == 1


@pytest.mark.parametrize("status", [401, 403])
def test_who_may_not_look_has_seen_nothing(cluster: Fleet, api: type[Api], status: int) -> None:
    api.answers["/version"] = (status, {"kind": "Status", "message": "go away"})
    found = ask(cluster, VERSION)
    lacks = ": the account lacks `get /version`" if status == 403 else ""
    assert found.lost == f"railiance01: the API answered {status}: go away{lacks}"
    assert found.exit_status == status


@pytest.mark.parametrize(
    ("path", "right"),
    [
        (
            "/apis/discovery.k8s.io/v1/namespaces/core/endpointslices?labelSelector=a%3Db",
            "list endpointslices.discovery.k8s.io in core",
        ),
        ("/apis/apps/v1/namespaces/core/deployments", "list deployments.apps in core"),
        ("/api/v1/namespaces/core/services/hub", "get services in core"),
        ("/api/v1/namespaces/core/pods", "list pods in core"),
        ("/api/v1/namespaces/kube-system", "get namespaces"),
        ("/api/v1/namespaces", "list namespaces"),
        ("/readyz", "get /readyz"),
    ],
)
def test_the_right_that_is_missing_is_named(
    cluster: Fleet, api: type[Api], path: str, right: str
) -> None:
    api.answers[path] = (403, {"kind": "Status", "message": "forbidden"})
    found = ask(cluster, Kubernetes(CLUSTER, path, "get"))
    assert found.lost is not None
    assert found.lost.endswith(f"forbidden: the account lacks `{right}`")


@pytest.mark.parametrize("status", [404, 500, 503])
def test_other_refusals_are_answers(cluster: Fleet, api: type[Api], status: int) -> None:
    api.answers["/version"] = (status, b"<html>no JSON</html>")
    found = ask(cluster, VERSION)
    assert (found.lost, found.exit_status, found.stdout) == (None, status, b"<html>no JSON</html>")


def test_no_kubeconfig(cluster: Fleet, config: Path) -> None:
    config.unlink()
    for probe in (VERSION, INSIDE):
        found = ask(cluster, probe)
        assert found.lost == (
            f"railiance01: no kubeconfig: cat: '{config}': No such file or directory"
        )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("current-context: c", "current-context: d"), "has no context named 'd'"),
        (("users: [", "users: [["), "is no YAML"),
        (("token: ", "exec: "), "exec of its user is not supported; embed the token"),
        (("https:", "http:"), "is no https:// address"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used(
    cluster: Fleet, config: Path, change: tuple[str, str], says: str
) -> None:
    text = config.read_text()
    assert change[0] in text
    config.write_text(text.replace(*change, 1))
    found = ask(cluster, VERSION)
    assert found.lost is not None
    assert found.lost.startswith("the kubeconfig on railiance01: ")
    assert says in found.lost


def test_a_wrong_token(cluster: Fleet, config: Path) -> None:
    config.write_text(config.read_text().replace(TOKEN, "s3cret-other"))
    found = ask(cluster, VERSION)
    assert found.lost == "railiance01: the API answered 401: Unauthorized"
    assert "s3cret" not in repr(found)


# CPython's ssl leaves a socket open that was reset before its handshake.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_api_that_is_not_there(cluster: Fleet, config: Path) -> None:
    lines = config.read_text().splitlines()
    lines[2] = (
        lines[2][: lines[2].index("127.0.0.1:") + 10] + "1', certificate-authority-data: ''}}]"
    )
    config.write_text("\n".join(lines))
    for probe in (VERSION, INSIDE):
        found = ask(cluster, probe)
        assert found.lost is not None
        assert found.lost.startswith("railiance01: the API ")
        assert "refused" in found.lost.lower()
    gc.collect()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "the connection was closed before the answer was complete"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no TLS connection came about: "),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_server_that_is_no_api(cluster: Fleet, config: Path, said: bytes, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        config.write_text(
            re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{server.getsockname()[1]}", config.read_text())
        )

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        found = ask(cluster, VERSION)
        thread.join(5)
    assert found.lost is not None
    assert found.lost.startswith(f"railiance01: the API did not answer: {words}")
    assert "HTTPSConnectionPool" not in found.lost
    gc.collect()


def test_a_server_of_another_authority(
    cluster: Fleet, config: Path, other_certificate: Path
) -> None:
    text = config.read_text()
    other = base64.b64encode(other_certificate.read_bytes()).decode()
    config.write_text(re.sub(r"(authority-data: )[^}]*", rf"\g<1>{other}", text))
    assert ask(cluster, VERSION).lost == (
        "railiance01: the API did not answer: its certificate is not accepted: "
        "self-signed certificate"
    )


def test_a_command_in_a_pod(cluster: Fleet, api: type[Api]) -> None:
    api.frames = [(1, b"out"), (2, b"err"), (3, json.dumps(SUCCESS).encode()), (-1, b"")]
    found = ask(cluster, INSIDE)
    assert (found.stdout, found.stderr, found.exit_status, found.lost) == (b"out", b"err", 0, None)
    api.frames = [(2, b"no route"), (3, json.dumps(NONZERO).encode()), (-1, b"")]
    found = ask(cluster, INSIDE)
    assert (found.stderr, found.exit_status) == (b"no route", 7)


@pytest.mark.parametrize(
    ("frames", "stdout"),
    [
        ([], b""),
        ([(-1, b"")], b""),
        ([(1, b"half"), (-1, b"")], b"half"),
        ([(1, b"half"), (-2, b"")], b"half"),
        ([(1, b"half"), (3, b"no JSON"), (-1, b"")], b"half"),
    ],
)
def test_a_command_whose_end_nobody_tells(
    cluster: Fleet, api: type[Api], frames: list[tuple[int, bytes]], stdout: bytes
) -> None:
    api.frames = frames
    found = ask(cluster, INSIDE)
    assert found.exit_status is None
    assert found.lost or found.stdout == stdout


def test_a_command_that_hangs_in_a_pod(cluster: Fleet, api: type[Api]) -> None:
    api.frames = [(1, b"half"), (-3, b"")]
    began = time.monotonic()
    found = ask(cluster, INSIDE)
    assert time.monotonic() - began < 2
    assert (found.stdout, found.exit_status) == (b"half", None)
    assert found.lost == "railiance01: the program in the pod did not answer within 0.7 s"


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (
            403,
            {"kind": "Status", "message": 'pods "a" is forbidden: '},
            '403: pods "a" is forbidden: the account lacks `get pods/exec` or '
            "`create pods/exec` in activity-core",
        ),
        (404, {"kind": "Status", "message": 'pods "a" not found'}, '404: pods "a" not found'),
        (500, b'container not found ("c")', '500: container not found ("c")'),
        (503, b"", "503: no reason given"),
    ],
)
def test_an_exec_that_is_refused_is_one_cause_each_time(
    cluster: Fleet, api: type[Api], status: int, body: Any, says: str
) -> None:
    api.answers["*"] = (status, body)
    for _ in range(2):  # without the headers, which tell the moment and the one attempt
        assert ask(cluster, INSIDE).lost == f"railiance01: the API answered {says}"


@pytest.mark.parametrize(
    ("path", "answer", "says"),
    [
        (DEPLOYMENT, (404, {"message": "deployments not found"}), "404: deployments not found"),
        (DEPLOYMENT, (403, {"message": "forbidden"}), "403: forbidden"),
        (DEPLOYMENT, (200, b"no JSON"), "200: no JSON object"),
        (DEPLOYMENT, (200, {}), "cannot be told from the API's answers"),
        (
            DEPLOYMENT,
            (200, {"spec": {"selector": {"matchExpressions": []}}}),
            "cannot be told from the API's answers",
        ),
        (
            DEPLOYMENT,
            (200, {"spec": {"selector": {"matchExpressions": [{"key": "a", "operator": "~"}]}}}),
            "cannot be told from the API's answers",
        ),
        (PODS, (200, {"items": None}), "cannot be told from the API's answers"),
        (PODS, (200, {"items": [{"metadata": {}}]}), "cannot be told from the API's answers"),
        (PODS, (200, {"items": []}), "deploy/actcore-api has no running pod: no pod"),
        (
            PODS,
            (200, {"items": [{**POD, "status": {"phase": "Pending"}}]}),
            "has no running pod: actcore-api-1 Pending",
        ),
        (
            PODS,
            (200, {"items": [{**POD, "metadata": {"name": "a", "deletionTimestamp": "now"}}]}),
            "has no running pod: a Terminating",
        ),
    ],
)
def test_no_pod_to_ask_from(
    cluster: Fleet, api: type[Api], path: str, answer: tuple[int, Any], says: str
) -> None:
    api.answers[path] = answer
    found = ask(cluster, INSIDE)
    assert found.lost is not None
    assert found.lost.startswith("railiance01: ")
    assert says in found.lost


FINE = [(1, b"out\n"), (-4, b""), (3, json.dumps(SUCCESS).encode()), (-1, b"")]


def test_a_program_waits_in_its_pod_while_the_batches_run(
    cluster: Fleet, api: type[Api], events: list[str]
) -> None:
    api.frames = FINE
    talk = api.received

    def received(self: Api) -> bytes:
        heard = talk(self)
        events.append("told to end")
        return heard

    api.received = received  # type: ignore[method-assign]
    found = ask(cluster, INSIDE)
    assert (found.stdout, found.exit_status, found.lost) == (b"out\n", 0, None)
    assert api.heard == [b"\0\n"]
    ran = [index for index, event in enumerate(events) if event.startswith("coulombcore")]
    assert max(ran) < events.index("told to end")


def test_a_program_that_nobody_lets_end_is_left(cluster: Fleet, api: type[Api]) -> None:
    api.frames = [(1, b"out\n"), (-4, b""), (-4, b"")]
    cluster.inventory = cluster.inventory.model_copy(
        update={"limits": cluster.inventory.limits.model_copy(update={"http": 0.5})}
    )
    found = ask(cluster, INSIDE)
    assert found.lost == "railiance01: the program in the pod did not end within 0.5 s"
    assert found.stdout == b"out\n"


def test_what_arrives_together_with_the_end_is_read(
    cluster: Fleet, api: type[Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    from kubernetes.stream.ws_client import WSClient  # noqa: PLC0415 - heavy

    api.frames = [(-3, b"0.2"), (1, b"out\n"), (3, json.dumps(SUCCESS).encode()), (-1, b"")]
    read: Any = WSClient.read_channel

    def slowly(self: Any, channel: int, timeout: float = 0) -> Any:
        if channel == 2:
            time.sleep(0.4)
        return read(self, channel, timeout)

    monkeypatch.setattr(WSClient, "read_channel", slowly)
    monkeypatch.setattr(WSClient, "update", partialmethod(_brief, WSClient.update))
    found = ask(cluster, INSIDE)
    assert (found.stdout, found.exit_status) == (b"out\n", 0)


def _brief(self: Any, update: Any, **_: float) -> None:
    """Wait for nothing, so that all arrives between two looks."""
    update(self, timeout=0)


def test_a_program_that_cannot_be_started(cluster: Fleet, api: type[Api]) -> None:
    remedy = "name the Python of the pod's image as probe.python in the inventory"
    api.frames = [(3, json.dumps(NOT_STARTED).encode()), (-1, b"")]
    found = ask(cluster, INSIDE)
    assert found.lost == (
        "railiance01: python cannot be run in actcore-api-1: failed to start exec …: "
        f'exec: "python": executable file not found; {remedy}'
    )
    cause = {"reason": "ExitCode", "message": "127"}
    status = {**NONZERO, "details": {"causes": [cause]}}
    api.frames = [(2, b"no such file"), (3, json.dumps(status).encode()), (-1, b"")]
    found = ask(cluster, INSIDE)
    assert found.lost == (
        f"railiance01: python cannot be run in actcore-api-1: no such file; {remedy}"
    )


def pod(name: str, *, ready: bool = True, going: bool = False) -> Any:
    metadata: dict[str, Any] = {"name": name}
    if going:
        metadata["deletionTimestamp"] = "2026-11-24T00:00:00Z"
    containers = [{"name": "proxy"}, {"name": "api"}]
    status = READY if ready else {"phase": "Running"}
    return {"metadata": metadata, "spec": {"containers": containers}, "status": status}


@pytest.mark.parametrize(
    ("pods", "taken"),
    [
        ([pod("a", ready=False), pod("b")], "b"),
        ([pod("a", going=True), pod("b")], "b"),
        ([pod("a", going=True), pod("b", ready=False)], "b"),
        ([pod("a"), pod("b")], "a"),
    ],
)
def test_a_ready_pod_is_asked(cluster: Fleet, api: type[Api], pods: list[Any], taken: str) -> None:
    api.answers[PODS] = (200, {"items": pods})
    api.frames = FINE
    found = ask(cluster, INSIDE)
    assert found.details == {"pod": taken, "container": "proxy"}
    assert f"/pods/{taken}/exec?" in api.asked[0]
    assert "container=proxy" in api.asked[0]


@pytest.mark.parametrize(("wanted", "taken"), [("api", "api"), ("gone", "proxy")])
def test_the_container_is_the_one_that_kubectl_takes(
    cluster: Fleet, api: type[Api], wanted: str, taken: str
) -> None:
    named = pod("a")
    named["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": wanted}
    api.answers[PODS] = (200, {"items": [named]})
    api.frames = FINE
    assert ask(cluster, INSIDE).details["container"] == taken


def test_a_selector_of_expressions(cluster: Fleet, api: type[Api]) -> None:
    expressions = [
        {"key": "tier", "operator": "In", "values": ["web", "api"]},
        {"key": "track", "operator": "NotIn", "values": ["canary"]},
        {"key": "app", "operator": "Exists"},
        {"key": "old", "operator": "DoesNotExist"},
    ]
    selector = {"matchLabels": {"app": "api"}, "matchExpressions": expressions}
    api.answers[DEPLOYMENT] = (200, {"spec": {"selector": selector}})
    terms = "app=api,tier in (web,api),track notin (canary),app,!old"
    api.answers[PODS.partition("?")[0] + f"?labelSelector={quote(terms)}"] = (200, {"items": [POD]})
    api.answers[PODS] = (500, {})
    api.frames = FINE
    assert ask(cluster, INSIDE).exit_status == 0
