"""State Hub and issue-core as the checks meet them."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.paths import PROJECT
from selftests.rehearsal.ports import free_port


@pytest.fixture(params=["state_hub", "issue_core"])
def service(request: pytest.FixtureRequest) -> Iterator[http.client.HTTPConnection]:
    """One kept-alive connection to the stand-in."""
    port = free_port()
    command = [sys.executable, "-m", f"standins.{request.param}", "--port", str(port)]
    process = subprocess.Popen(command, cwd=PROJECT / "rehearsal", stderr=subprocess.DEVNULL)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.auto_open = 0  # one connection for the whole test
    try:
        for _ in range(100):
            try:
                connection.connect()
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        yield connection
    finally:
        connection.close()
        process.kill()
        process.wait()


state_hub = pytest.mark.parametrize("service", ["state_hub"], indirect=True)
issue_core = pytest.mark.parametrize("service", ["issue_core"], indirect=True)
Answer = tuple[int, Any]


def ask(service: http.client.HTTPConnection, path: str, body: str | None = None) -> Answer:
    service.request("GET" if body is None else "POST", path, body)
    answer = service.getresponse()
    assert answer.headers["Content-Type"] == "application/json"
    return answer.status, json.loads(answer.read())


@state_hub
def test_state_hub_keeps_progress_events(service: http.client.HTTPConnection) -> None:
    status, health = ask(service, "/state/health")
    assert (status, health["status"], health["service"]) == (200, "ok", "state-hub")
    status, written = ask(service, "/progress", '{"kind": "smoke"}')
    assert (status, written["kind"]) == (201, "smoke")
    assert ask(service, f"/progress/{written['id']}") == (200, written)


@issue_core
def test_issue_core_takes_the_safe_label_and_no_other(service: http.client.HTTPConnection) -> None:
    assert ask(service, "/healthz") == (200, {"status": "ok", "service": "issue-core"})
    status, run = ask(service, "/runs", '{"label": "fleet-mesh-safe"}')
    assert (status, run["label"]) == (201, "fleet-mesh-safe")
    assert ask(service, f"/runs/{run['id']}") == (200, run)
    for body in ('{"label": "deploy"}', "{}", "[]"):
        assert ask(service, "/runs", body)[0] == 422


def test_what_is_not_there_is_404_and_what_is_not_json_400(
    service: http.client.HTTPConnection,
) -> None:
    for path in ("/", "/progress/none", "/runs/none", "/health"):
        assert ask(service, path)[0] == 404
    assert ask(service, "/elsewhere", "{}")[0] == 404
    assert ask(service, "/runs", "not json")[0] == 400
