"""A box with the locked-down key verifies the fleet, and the key is good for nothing else."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
import pytest
import yaml

from fleetmesh.gather.batch import COMMAND, compose
from fleetmesh.gather.cluster_api import kubeconfig_text
from fleetmesh.inventory import load
from rehearsal import fleet
from rehearsal.paths import INVENTORY, SSH_CONFIG
from selftests.fleet.conftest import Checks
from selftests.fleet.locked_down import DROP_IN, HOSTS, LIMITS, prepared

pytestmark = [pytest.mark.root, pytest.mark.fleet]

MARK = "/tmp/fleet-verify-was-here"


@dataclass(frozen=True)
class Box:
    """The box that verifies: its inventory, its ssh configuration, and its key."""

    inventory: Path
    config: Path
    key: Path

    def ssh(self, *words: str, program: str = "ssh", stdin: str = "") -> tuple[int, str, str]:
        """Run ssh with the key and nothing else; its exit status and both streams."""
        done = subprocess.run(
            [program, "-F", str(self.config), "-o", "ConnectTimeout=5", *words],
            input=stdin, capture_output=True, text=True, timeout=20,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def connection(self, host: str) -> paramiko.Transport:
        """A connection of a client that asks for what it likes."""
        address = fleet.machine(host).address
        transport = paramiko.Transport(socket.create_connection((address, 22), timeout=5))
        transport.connect(
            username="tegwick", pkey=paramiko.Ed25519Key.from_private_key_file(str(self.key))
        )
        return transport


@pytest.fixture(scope="module")
def box(standing: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:  # noqa: ARG001
    """The hosts prepared for the key as docs/operating.md says, and undone afterwards."""
    folder = tmp_path_factory.mktemp("box")
    key, config, file = folder / "key", folder / "config", folder / "fleet.yaml"
    keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "fleet-verify", "-f", str(key)]
    subprocess.run(keygen, check=True, timeout=10)
    known = re.sub(r"(IdentityFile) .*", rf"\1 {key}", SSH_CONFIG.read_text())
    config.write_text(known)
    assert "/suite" not in known, "the rehearsal's own key"
    document = yaml.safe_load(INVENTORY.read_text())
    document["limits"] |= LIMITS
    file.write_text(yaml.safe_dump(document | {"ssh_config": str(config)}))
    with prepared(file, key.with_suffix(".pub"), folder / "permit"):
        yield Box(file, config, key)


@pytest.mark.parametrize("phase", ["production", "prereqs", "cutover", "not own"])
def test_it_verifies(checks: Checks, box: Box, phase: str) -> None:
    run = checks(f"--fleet={box.inventory}", "-m", phase)
    assert (run.exit_status, run.verdict) == (0, "READY"), run.terminal


def test_what_own_checks_run_is_on_no_list(checks: Checks, box: Box) -> None:
    run = checks(f"--fleet={box.inventory}", "-m", "own")
    assert run.verdict == "INCONCLUSIVE", run.terminal
    assert len(run.results) == len(HOSTS)
    assert all("not one of the questions on the list" in r["reason"] for r in run.results)


TOUCH = compose([(f"touch {MARK}", 5)], "fleetmesh-0123456789abcdef").decode()


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        ([], f"touch {MARK}\n"),
        ([f"touch {MARK}"], ""),
        (["true"], ""),
        (["cat ~/.ssh/id_ops"], ""),
        (["systemctl --user stop fleet-state-hub-coulombcore"], ""),
        ([f"exec sh -c 'touch {MARK}'"], ""),
        ([COMMAND], ""),
        ([COMMAND], TOUCH),
        ([COMMAND], f"touch {MARK}\n"),
        ([f"{COMMAND}; touch {MARK}"], TOUCH),
        (["sh"], f"touch {MARK}\n"),
    ],
    ids=str,
)
def test_other_commands_are_refused(box: Box, words: list[str], stdin: str) -> None:
    status, out, err = box.ssh("railiance01", *words, stdin=stdin)
    assert (status, out) == (126, "")
    assert "fleetmesh gate: refused" in err
    assert fleet.run("railiance01", f"test -e {MARK}", check=False).returncode == 1


def test_what_may_be_asked_is_answered_and_nothing_more(box: Box) -> None:
    """The kubeconfig's own question, whole, cut off, and with something after it."""
    inventory = load(box.inventory)
    nonce, cluster = "fleetmesh-0123456789abcdef", inventory.clusters["railiance01"]
    text = kubeconfig_text(cluster, nonce, inventory.limits.command).decode()
    status, out, _ = box.ssh("railiance01", COMMAND, stdin=text)
    assert (status, "clusters" in out) == (0, True)
    for other in (text[:-1], text + "\n", f"{text}; touch {MARK}", f"{text}\ntouch {MARK}"):
        assert box.ssh("railiance01", COMMAND, stdin=other)[:2] == (126, "")
    assert fleet.run("railiance01", f"test -e {MARK}", check=False).returncode == 1


@pytest.mark.parametrize("host", HOSTS)
def test_no_shell_is_opened(box: Box, host: str) -> None:
    status, out, err = box.ssh(host, stdin="echo shell\n")
    assert (status, out) == (126, "")
    assert "this key opens no shell" in err


def test_no_terminal_is_given(box: Box) -> None:
    status, out, err = box.ssh("-tt", "railiance01")
    assert (status != 0, out) == (True, "")
    assert "PTY allocation request failed" in err


@pytest.mark.parametrize("program", ["scp", "sftp"])
def test_no_file_is_written(box: Box, program: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    words = [str(file), f"railiance01:{MARK}"] if program == "scp" else ["railiance01"]
    status, _, err = box.ssh(*words, program=program, stdin=f"put {file} {MARK}\n")
    assert status != 0, err
    assert fleet.run("railiance01", f"test -e {MARK}", check=False).returncode == 1


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("railiance01", ("127.0.0.1", 22)),
        ("railiance01", ("127.0.0.1", 18001)),
        ("railiance01", ("localhost", 18000)),
        ("railiance01", ("198.18.77.12", 22)),
        ("coulombcore", ("127.0.0.1", 18000)),
        ("coulombcore", ("198.19.43.94", 22)),
        ("workstation", ("127.0.0.1", 8000)),
    ],
)
def test_other_ports_are_refused(box: Box, host: str, address: tuple[str, int]) -> None:
    transport = box.connection(host)
    try:
        with pytest.raises(paramiko.ChannelException) as refused:
            transport.open_channel("direct-tcpip", address, ("127.0.0.1", 1), timeout=5)
        assert refused.value.code == paramiko.common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
    finally:
        transport.close()


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("port", [0, 1, 28000])
def test_nothing_listens_for_it(box: Box, host: str, port: int) -> None:
    transport = box.connection(host)
    try:
        with pytest.raises(paramiko.SSHException, match="denied"):
            transport.request_port_forward("127.0.0.1", port)
    finally:
        transport.close()


def test_no_unix_socket_is_reached(box: Box) -> None:
    """Over that of the user's systemd any program could be started."""
    assert _from_the_bus(box.config, box.key.with_name("bus")) == b""


def _from_the_bus(config: Path, local: Path) -> bytes:
    command = ["ssh", "-F", str(config), "-N", "-L", f"{local}:/run/user/1000/bus", "railiance01"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as held:
        try:
            end = time.monotonic() + 10
            while not local.exists() and time.monotonic() < end:
                time.sleep(0.02)
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(5)
                client.connect(str(local))
                client.sendall(b"\0AUTH EXTERNAL 31303030\r\n")
                return client.recv(100)
        except ConnectionError:
            return b""
        finally:
            held.kill()
            local.unlink(missing_ok=True)


def test_no_unix_socket_is_made(box: Box) -> None:
    """It would be a file of the user's; and only the drop-in keeps it from being made."""
    forward = ["-o", "ExitOnForwardFailure=yes", "-R", "/home/tegwick/made:127.0.0.1:1"]
    status, _, err = box.ssh(*forward, "railiance01", "true")
    assert status == 255
    assert "remote port forwarding failed" in err
    fleet.run("railiance01", f"mv {DROP_IN} {DROP_IN}.kept; systemctl restart ssh", user="root")
    try:
        status, _, err = box.ssh(*forward, "railiance01", "true")
        assert status == 126, f"the drop-in is not needed: {err}"
        assert _from_the_bus(SSH_CONFIG, box.key.with_name("bus")).startswith(b"OK "), "it is there"
        assert _from_the_bus(box.config, box.key.with_name("bus")) == b""
    finally:
        healing = f"mv {DROP_IN}.kept {DROP_IN}; systemctl restart ssh; rm -f /home/tegwick/made"
        fleet.run("railiance01", healing, user="root")


def test_another_inventory_is_refused(checks: Checks, box: Box, tmp_path: Path) -> None:
    """What the list was not made for is inconclusive, never green."""
    document = yaml.safe_load(box.inventory.read_text())
    document["limits"]["command"] = 9
    other = tmp_path / "fleet.yaml"
    other.write_text(yaml.safe_dump(document))
    run = checks(f"--fleet={other}", "-m", "production")
    assert run.verdict in ("INCONCLUSIVE", "INCOMPLETE"), run.terminal
    assert any("not one of the questions on the list" in r["reason"] for r in run.results)


def test_what_fails_is_diagnosed(checks: Checks, box: Box) -> None:
    """Each subject's questions are on the list; nothing of the answers is refused."""
    unit = "systemctl --user {} fleet-state-hub-coulombcore"
    fleet.run("railiance01", unit.format("stop"))
    try:
        run = checks(f"--fleet={box.inventory}", "-m", "cutover")
    finally:
        fleet.run("railiance01", unit.format("start"))
    assert run.verdict == "NOT READY", run.terminal
    said = "status of fleet-state-hub-coulombcore.service: Active: inactive (dead) since"
    assert said in run.terminal, run.terminal
    assert "may not" not in run.page, "a right is lacking"
    for asked in ("unit status of", "unit journal of", "sockets of", "sshd journal"):
        assert f"diagnostics.{asked}" in run.page, asked
