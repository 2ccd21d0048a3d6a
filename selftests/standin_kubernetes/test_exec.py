"""exec over WebSocket, frame by frame, against the recorded sessions."""

from __future__ import annotations

import base64
import json
import re
import struct
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import websocket

from .cluster import CHECKOUT

if TYPE_CHECKING:
    from .cluster import Cluster

SAMPLES = CHECKOUT / "selftests" / "kubernetes_samples"
RECORDED = {p.stem: json.loads(p.read_text()) for p in sorted(SAMPLES.glob("exec-*.json"))}
HANDSHAKES = [name for name, recorded in RECORDED.items() if "handshake_status" in recorded]
pytestmark = pytest.mark.root

RECORDED_POD = "actcore-api-7c4dd655cb-4qnl4"
RECORDED_USER = "system:serviceaccount:activity-core:drill"
# What the client of a recorded session sent after the handshake.
SENT = {
    "exec-stdin-v4-cat-line": [b"\0hello\n"],
    "exec-stdin-v4-cat-never-eof": [b"\0hello\n"],
    "exec-stdin-v5-cat-eof": [b"\0hello\n", b"\xff\0"],
}
SILENCE = 1.5  # seconds after which the stdin of v4 is taken for never ending (recorded: 8)
HEADERS = ("content-type", "cache-control", "x-content-type-options")


def connect(cluster: Cluster, recorded: Any, name: str) -> Any:
    """Offer what the sample offers; raises WebSocketBadStatusException for a refusal."""
    request = recorded["request"]
    pod = cluster.pod("activity-core", "actcore-api")["metadata"]["name"]
    token = cluster.token("restricted-getexec").encode()
    unpadded = base64.urlsafe_b64encode(token).decode().rstrip("=")
    offers = [o.replace("<token>", unpadded) for o in request["subprotocols_offered"]]
    socket: Any = websocket.WebSocket(sslopt={"context": cluster.tls(request["as"])})
    socket.settimeout(SILENCE if name.endswith("never-eof") else 10)
    with cluster.network():
        socket.connect(
            "wss://{}:{}".format(*cluster.address) + request["path"].replace(RECORDED_POD, pod),
            header=cluster.headers(request["as"]),
            subprotocols=offers,
            suppress_origin="origin" not in name,
        )
    return socket


def frames(socket: Any) -> list[dict[str, Any]]:
    """All frames to the close, as the samples write them."""
    received: list[dict[str, Any]] = []
    while True:
        try:
            frame = socket.recv_frame()
        except websocket.WebSocketTimeoutException:
            return [*received, {"exception": "timeout"}]
        if frame.opcode == websocket.ABNF.OPCODE_CLOSE:
            (code,) = struct.unpack("!H", frame.data[:2])
            return [*received, {"opcode": "close",
                    "fin": frame.fin, "close_code": code,
                                "close_reason": frame.data[2:].decode()}]  # fmt: skip
        received.append(
            {
                "opcode": "text" if frame.opcode == websocket.ABNF.OPCODE_TEXT else "binary",
                "fin": frame.fin,
                "channel": frame.data[0],
                "data": frame.data[1:].decode(),
            }
        )


def merged(received: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Consecutive frames of a channel as one: how a stream is cut into frames is up to the pipe.

    The first frame, which is empty and opens the stream, stays by itself.
    """
    result = [dict(received[0])]
    for frame in received[1:]:
        last = result[-1]
        if len(result) > 1 and "channel" in frame and frame["channel"] == last.get("channel"):
            last["data"] += frame["data"]
        else:
            result.append(dict(frame))
    return result


def normal(frame: dict[str, Any]) -> dict[str, Any]:
    """Lengths left out; a status as an object, without the random id of a failed exec."""
    kept = {key: value for key, value in frame.items() if key != "len"}
    if "exception" in kept:
        return {"exception": "timeout"}
    if kept.get("channel") == 3:
        text = re.sub(r"[0-9a-f]{64}", "ID", kept["data"])
        try:
            kept["data"] = json.loads(text)
        except ValueError:  # samples keep the first 400 characters only
            kept["data"] = text
    return kept


@pytest.mark.parametrize("name", [n for n in HANDSHAKES if RECORDED[n]["handshake_status"] == 101])
def test_sessions(cluster: Cluster, name: str) -> None:
    recorded = RECORDED[name]
    socket = connect(cluster, recorded, name)
    try:
        assert socket.getsubprotocol() == recorded["subprotocol_chosen"]
        for data in SENT.get(name, []):
            socket.send_binary(data)
        received = frames(socket)
    finally:
        socket.shutdown()
    expected = [normal(frame) for frame in recorded["frames"]]
    mine = [normal(frame) for frame in merged(received)]
    if name == "exec-large-output-1MB":
        assert mine[1]["data"] == "x" * 1_000_000
        assert max(len(f.get("data", "")) for f in received) <= 32 * 1024
        del mine[1], expected[1:-2]
    for frame, theirs in zip(mine, expected, strict=True):
        if isinstance(theirs.get("data"), str) and theirs.get("channel") == 3:
            text = json.dumps(frame.pop("data"), separators=(",", ":"))
            assert text.startswith(theirs.pop("data"))
        assert frame == theirs


@pytest.mark.parametrize("name", [n for n in HANDSHAKES if RECORDED[n]["handshake_status"] != 101])
def test_refused_handshakes(cluster: Cluster, name: str) -> None:
    recorded = RECORDED[name]
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        connect(cluster, recorded, name)
    refusal = caught.value
    assert refusal.status_code == recorded["handshake_status"]
    headers = refusal.resp_headers or {}
    for header in HEADERS:
        assert headers.get(header) == recorded["response_headers"].get(header), header
    pod = cluster.pod("activity-core", "actcore-api")["metadata"]["name"]
    user = f"system:serviceaccount:activity-core:{recorded['request']['as']}"
    text = json.dumps(recorded["body"]).replace(RECORDED_POD, pod).replace(RECORDED_USER, user)
    body = (refusal.resp_body or b"").decode()
    expected = json.loads(text)
    assert (json.loads(body) if isinstance(expected, dict) else body) == (expected or "")


def leave(cluster: Cluster, *command: str, stdin: bool = False) -> None:
    """Start a command in the application's pod, and leave as soon as it runs."""
    recorded = json.loads(json.dumps(RECORDED["exec-exit-0-v5"]))
    query = "&".join(f"command={quote(word)}" for word in command) + "&stdout=true"
    query += "&stdin=true" if stdin else ""
    recorded["request"]["path"] = recorded["request"]["path"].partition("?")[0] + f"?{query}"
    socket = connect(cluster, recorded, "left")
    try:
        cluster.wait_for(lambda: _runs(cluster, " ".join(command)), "the command")
    finally:
        socket.shutdown()


def test_a_command_goes_on_in_the_pod_when_its_client_leaves(cluster: Cluster) -> None:
    leave(cluster, "sleep", "3.21")
    assert _runs(cluster, "sleep 3.21")
    cluster.wait_for(lambda: not _runs(cluster, "sleep 3.21"), "the end of the command")


def test_a_client_that_leaves_closes_the_commands_input(cluster: Cluster) -> None:
    leave(cluster, "cat", "-", "/dev/null", stdin=True)
    cluster.wait_for(lambda: not _runs(cluster, "cat - /dev/null"), "the end of the command")


@pytest.mark.parametrize("network", ["hostNetwork", "a network of its own"])
def test_a_command_is_in_the_control_group_that_names_its_pod(
    cluster: Cluster, network: str
) -> None:
    deployment = "actcore-state-hub-bridge" if network == "hostNetwork" else "actcore-api"
    uid = cluster.pod("activity-core", deployment)["metadata"]["uid"].replace("-", "_")
    show = ["--", "cat", "/proc/self/cgroup"]
    listed = cluster.kubectl("-n", "activity-core", "exec", f"deploy/{deployment}", *show)
    (group,) = [line for line in listed.stdout.splitlines() if line.startswith("0::")]
    assert re.fullmatch(
        r"0::(/\.\.)*/kubepods\.slice/kubepods-besteffort\.slice/"
        rf"kubepods-besteffort-pod{uid}\.slice/cri-containerd-[0-9a-f]{{64}}\.scope",
        group,
    )


def test_ss_on_the_node_shows_the_pod_of_a_socket_on_its_network(cluster: Cluster) -> None:
    uid = cluster.pod("activity-core", "actcore-state-hub-bridge")["metadata"]["uid"]
    listed = cluster.run("ss", "-HOtlne", "sport = :8000").stdout.splitlines()
    pods = [line for line in listed if f"pod{uid.replace('-', '_')}.slice" in line]
    assert len(pods) == 1, listed


def _runs(cluster: Cluster, command: str) -> bool:
    listed = cluster.kubectl(
        "-n", "activity-core", "exec", "deploy/actcore-api", "--", "ps", "-eo", "args"
    )
    return command in listed.stdout.splitlines()
