"""How much memory a run takes whose every host, API and service sends without end.

    .venv/bin/python benchmarks/flood.py

Real sshd, HTTP and TLS on loopback, and the whole of `pytest` with all checks. Exits 1 where the
largest process of a run took more than it may, or where something that was cut off counted.
"""

import base64
import contextlib
import gzip
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import yaml

from selftests.inventory import RUNBOOK
from selftests.sessions.conftest import USER, Sshd, key_line, launch

ROOT = Path(__file__).parents[1]
MOST = 400
"""MB that the largest process of a run may take."""
HOSTS = ("railiance01", "coulombcore", "workstation")

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LINE = b'{"status": "ok", "state": "' + b"x" * 4000 + b'"}\n'
BOMB = gzip.compress(b" " * 2**24) * 256

FLOODS: dict[str, Callable[[], Iterator[bytes]]] = {}
"""What services and APIs answer, by name."""


def flood(answer: Callable[[], Iterator[bytes]]) -> Callable[[], Iterator[bytes]]:
    FLOODS[answer.__name__.replace("_", " ")] = answer
    return answer


@flood
def a_body() -> Iterator[bytes]:
    yield HEAD + b"Connection: close\r\n\r\n"
    while True:
        yield LINE * 64


@flood
def a_chunk() -> Iterator[bytes]:
    yield HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffff\r\n"
    while True:
        yield LINE * 64


@flood
def a_header() -> Iterator[bytes]:
    yield HEAD + b"X: "
    while True:
        yield b"x" * 2**18


@flood
def compressed() -> Iterator[bytes]:
    yield HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB


# What the hosts' programs print: one line without end, and lines without end, on both streams.
PROGRAM = """#!/bin/sh
case $0 in
*/ss) exec cat /dev/zero ;;
*/systemctl) exec yes 'Id=x.service' ;;
*/loginctl) exec yes 'token: }}}}}}}}}}}}}}}}}}}}}}}}' ;;
*/crontab) yes "@reboot bridge up state-hub-railiance01" >&2 ;;
*) exec yes 'state-hub {"a": "b"}' ;;
esac
"""


@contextmanager
def serving(answer: Callable[[], Iterator[bytes]], certificate: Path | None) -> Iterator[int]:
    """A server on loopback that answers so, whatever it is asked."""
    listener = socket.create_server(("127.0.0.1", 0))
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(60)
            spoken = context.wrap_socket(connection, server_side=True) if context else connection
            with spoken:
                spoken.recv(65536)
                for part in answer():
                    spoken.sendall(part)

    def listen() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=talk, args=[listener.accept()[0]], daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.close()


def certified(folder: Path) -> Path:
    """A file with the key and the certificate of 127.0.0.1."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "1", "-subj", "/CN=api", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", f"{folder}/key", "-out", f"{folder}/crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    both = folder / "both"
    both.write_text((folder / "key").read_text() + (folder / "crt").read_text())
    return both


def programs(folder: Path) -> Path:
    """A folder of programs that print without end."""
    place = folder / "bin"
    place.mkdir()
    for name in ("ss", "systemctl", "loginctl", "crontab", "bridge", "ssh-keygen", "kubectl", "ip"):
        (place / name).write_text(PROGRAM)
        (place / name).chmod(0o755)
    return place


def kubeconfig(folder: Path, certificate: Path, port: int) -> Path:
    authority = base64.b64encode((certificate.with_name("crt")).read_bytes()).decode()
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": authority}
    text = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "s3cret-t0ken"}}],
    }
    file = folder / "kubeconfig"
    file.write_text(json.dumps(text))
    return file


def inventory(folder: Path, sshds: dict[str, Sshd], service: int, config: Path) -> Path:
    """The production inventory, with everything in it on loopback."""
    document: dict[str, Any] = yaml.safe_load(RUNBOOK.read_text())
    blocks = []
    for name, sshd in sshds.items():
        host = document["hosts"][name]
        host |= {"ssh": name, "addresses": ["127.0.0.1"], "host_keys": [key_line(sshd.host_key)]}
        host.pop("user", None)
        blocks.append(
            f"Host {name}\n HostName 127.0.0.1\n Port {sshd.port}\n User {USER}\n"
            f" IdentityFile {sshd.user_key}\n IdentityAgent none\n IdentitiesOnly yes\n"
        )
    (folder / "ssh_config").write_text("".join(blocks))
    document["ssh_config"] = str(folder / "ssh_config")
    document["reference"] = str(ROOT / "infra/fleet-mesh")
    for cluster in document["clusters"].values():
        cluster |= {"kubeconfig": str(config), "service_cidr": "127.0.0.0/8"}
    for each in document["services"].values():
        each |= {"cluster_ip": "127.0.0.1", "port": service}
    for number, tunnel in enumerate(document["tunnels"].values()):
        tunnel["listen"] = f"127.0.0.{number + 1}:{service + number}"
    for number, retired in enumerate(document["workstation"]["retired"].values()):
        retired["listen"] = f"127.0.0.1:{service + number}"
    document["limits"] |= {"command": 2, "http": 2, "connect": 10}
    file = folder / "flood.yaml"
    file.write_text(json.dumps(document))
    return file


def run(name: str, answer: Callable[[], Iterator[bytes]], folder: Path) -> bool:
    """One run of all checks; tells whether it stayed below MOST and believed nothing."""
    folder.mkdir()
    with ExitStack() as stack:
        certificate, place = certified(folder), programs(folder)
        service = stack.enter_context(serving(answer, None))
        api = stack.enter_context(serving(answer, certificate))
        sshds = {}
        for host in HOSTS:
            sshds[host] = launch(folder / host, f"SetEnv PATH={place}:{os.environ['PATH']}")
            stack.callback(sshds[host].stop)
        file = inventory(folder, sshds, service, kubeconfig(folder, certificate, api))
        pytest = [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest"]
        command = [*pytest, f"--fleet={file}", f"--reports={folder}/reports"]
        start = time.monotonic()
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(process.pid, 0)  # the usage of this one process
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            said = output.read().decode("utf-8", "replace")
    took = usage.ru_maxrss / 1024
    print(
        f"{name:20} {took:6.0f} MB {time.monotonic() - start:6.1f} s   {said.splitlines()[-1][:90]}"
    )
    if process.returncode not in (1, 6):
        print(said)
    return took < MOST and process.returncode in (1, 6)


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as place:
        held = [
            run(name, answer, Path(place) / name.replace(" ", "-"))
            for name, answer in FLOODS.items()
            if len(sys.argv) < 2 or name in sys.argv[1:]
        ]
    print(f"{'below' if all(held) else 'NOT below'} {MOST} MB")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
