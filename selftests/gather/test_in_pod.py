"""The program that asks from inside a pod, as a Python of the pod runs it."""

import json
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from fleetmesh.facts.asking_inside import IN_POD
from fleetmesh.facts.in_pod import NO_ANSWER
from selftests.gather.conftest import Serve

HANGS = """
import socket, time
socket.getaddrinfo = lambda *_, **__: time.sleep(60)
"""
NO_DNS = """
import socket
def refuse(*_, **__): raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure")
socket.getaddrinfo = refuse
"""


class Service(BaseHTTPRequestHandler):
    """Answers as its path says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b"x" * 300_000 if self.path == "/much" else b'{"status": "ok\xff"}'
        if self.path == "/hangs":
            time.sleep(3)
        self.send_response(503 if self.path == "/broken" else 200)
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/closes":
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Be quiet."""


def asked(port: int, path: str = "/", **given: Any) -> list[str]:
    """The argument vector of the program."""
    values = {"host": "127.0.0.1", "port": port, "path": path, "size": 1000, "limit": 65536}
    values |= {"within": 1.0, "hold": 5.0, **given}
    return [sys.executable, "-c", IN_POD, json.dumps(values)]


def start(*command: str, path: Path | None = None) -> "subprocess.Popen[str]":
    env = {"PYTHONPATH": str(path)} if path else {}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=env)


def run(*command: str, path: Path | None = None) -> tuple[int, str, str]:
    """Exit status and both streams, of a program whose input has ended from the start."""
    program = start(*command, path=path)
    out, err = program.communicate(timeout=20)
    return program.returncode, out, err


def test_the_answer_the_bytes_and_the_ends_are_told(serve: Serve) -> None:
    port = serve(Service)
    status, out, err = run(*asked(port))
    first, last = map(json.loads, out.splitlines())
    assert (status, err) == (0, "")
    assert (first["status"], first["body"].encode("latin-1")) == (200, b'{"status": "ok\xff"}')
    assert 1000 <= first["sent"] < 1100
    assert first["received"] > len(first["body"])
    assert first["peer"] == ["127.0.0.1", port]
    assert first["local"][0] == "127.0.0.1"
    assert last == {"kept": True}


def test_the_bytes_are_those_that_ss_counts_while_it_waits(serve: Serve) -> None:
    program = start(*asked(serve(Service)))
    assert program.stdout is not None
    told = json.loads(program.stdout.readline())
    sport = f"sport = :{told['local'][1]}"
    shown = subprocess.run(["ss", "-Htni", sport], capture_output=True, text=True, check=True)
    assert f"bytes_sent:{told['sent']} " in shown.stdout
    assert f"bytes_received:{told['received']} " in shown.stdout
    out, _ = program.communicate("\n", timeout=5)
    assert (json.loads(out), program.returncode) == ({"kept": True}, 0)


def test_it_ends_by_itself(serve: Serve) -> None:
    program = start(*asked(serve(Service), hold=0.3))
    assert program.wait(10) == 0
    program.communicate()


def test_nothing_keeps_it_beyond_its_time(serve: Serve) -> None:
    program = start(*asked(serve(Service), "/much", limit=400_000, hold=0))  # a pipe holds less
    assert program.wait(20) == -signal.SIGALRM
    program.communicate()


def test_a_connection_that_the_service_closes_is_not_called_kept(serve: Serve) -> None:
    program = start(*asked(serve(Service), "/closes"))
    assert program.stdout is not None
    assert json.loads(program.stdout.readline())["status"] == 200
    time.sleep(0.2)
    out, _ = program.communicate("\n", timeout=5)
    assert json.loads(out) == {"kept": False}


def test_whatever_the_service_answers_is_its_answer(serve: Serve) -> None:
    status, out, _ = run(*asked(serve(Service), "/broken"))
    assert (status, json.loads(out.splitlines()[0])["status"]) == (0, 503)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/hangs", "no complete answer within 1 s\n"),
        ("/much", "more than 65536 bytes of body\n"),
    ],
)
def test_what_is_no_answer_is_a_sentence(serve: Serve, path: str, said: str) -> None:
    assert run(*asked(serve(Service), path)) == (NO_ANSWER, "", said)


def test_a_port_where_nobody_listens() -> None:
    refused = "127.0.0.1:1: [Errno 111] Connection refused\n"
    assert run(*asked(1)) == (NO_ANSWER, "", refused)


@pytest.mark.parametrize(
    ("dns", "said"),
    [
        (HANGS, "DNS did not answer for hub within 1 s\n"),
        (NO_DNS, "DNS did not answer for hub: [Errno -3] Temporary failure\n"),
    ],
)
def test_dns_that_is_silent(tmp_path: Path, dns: str, said: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(dns)
    assert run(*asked(1, host="hub"), path=tmp_path) == (NO_ANSWER, "", said)
