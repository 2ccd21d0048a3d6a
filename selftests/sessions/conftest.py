"""A real sshd on a loopback port, with keys and configuration of its own for every test."""

import contextlib
import getpass
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleetmesh.sessions import Session, Target, connect
from selftests.processes import family, started

SSHD = "/usr/sbin/sshd"
USER = getpass.getuser()


def keygen(file: Path, *options: str, kind: str = "ed25519") -> Path:
    """A new key pair in `file` and `file`.pub."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", file.name, "-f", str(file)]
    subprocess.run([*command, *options], check=True, stdin=subprocess.DEVNULL)
    return file


def key_line(file: Path) -> str:
    """Type and key of a public key file, without its comment."""
    return " ".join(file.with_name(file.name + ".pub").read_text().split()[:2])


def alive(pid_file: Path) -> bool:
    """Whether the process whose id a command wrote into a file still runs."""
    return started(int(pid_file.read_text())) is not None


@dataclass
class Sshd:
    """One running sshd: its folder holds what logs in to it."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def user_key(self) -> Path:
        return self.folder / "user_key"

    @property
    def host_key(self) -> Path:
        return self.folder / "host_key"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def send(self, what: signal.Signals) -> None:
        """Signal every process that it has started, down to the commands."""
        for pid in [*family(self.process.pid)][1:]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, what)

    def stop(self) -> None:
        for pid in family(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


def launch(folder: Path, *lines: str, within: Sequence[str] = ()) -> Sshd:
    """Run an sshd with a host key and a user's key of its own, and more lines of sshd_config.

    `within` is a command that runs it in surroundings of its own.
    """
    folder.mkdir()
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    keygen(folder / "host_key")
    (folder / "authorized_keys").write_text(key_line(keygen(folder / "user_key")) + "\n")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = [
        *lines,
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {folder}/host_key",
        f"AuthorizedKeysFile {folder}/authorized_keys",
        "PidFile none",
        "StrictModes no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin yes",
        "UsePAM no",
        "LogLevel VERBOSE",
        # bash takes itself for a login otherwise, and reads what the developer has in .bashrc.
        "SetEnv SHLVL=1",
    ]
    (folder / "sshd_config").write_text("\n".join(config) + "\n")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*within, SSHD, "-D", "-e", "-f", str(folder / "sshd_config")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    sshd = Sshd(folder, port, process)
    end = time.monotonic() + 5
    while "Server listening" not in sshd.log:
        if time.monotonic() > end or process.poll() is not None:
            sshd.stop()
            raise AssertionError(sshd.log)
        time.sleep(0.01)
    return sshd


@pytest.fixture
def start_sshd(tmp_path: Path) -> Iterator[Callable[..., Sshd]]:
    """Start an sshd with more lines of sshd_config; ends with the test."""
    running: list[Sshd] = []

    def start(*lines: str, name: str = "sshd") -> Sshd:
        running.append(launch(tmp_path / name, *lines))
        return running[-1]

    yield start
    for sshd in running:
        sshd.stop()


@pytest.fixture
def sshd(start_sshd: Callable[..., Sshd]) -> Sshd:
    return start_sshd()


@pytest.fixture
def target_for(tmp_path: Path) -> Callable[..., Target]:
    """A Target that reaches an sshd; `lines` go into its Host block in ssh_config."""

    def make(sshd: Sshd, *lines: str, name: str = "coulombcore", **fields: object) -> Target:
        known = tmp_path / "known_hosts"
        if not known.exists():
            known.write_text(f"[127.0.0.1]:{sshd.port} {key_line(sshd.host_key)}\n")
        config = tmp_path / "ssh_config"
        block = [
            f"Host {name}",
            *lines,
            "HostName 127.0.0.1",
            f"Port {sshd.port}",
            f"User {USER}",
            f"IdentityFile {sshd.user_key}",
            f"UserKnownHostsFile {known}",
            "GlobalKnownHostsFile none",
            "IdentityAgent none",
        ]
        before = config.read_text() if config.exists() else ""
        config.write_text(before + "\n  ".join(block) + "\n")
        values: dict[str, object] = {"connect_deadline": 5.0, "ssh_config": config, **fields}
        return Target(name=name, ssh=name, **values)  # type: ignore[arg-type]

    return make


@pytest.fixture
def frail(sshd: Sshd, target_for: Callable[..., Target]) -> Iterator[Session]:
    """A session with an sshd that the test may do harm to."""
    opened = connect(target_for(sshd))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def _common_sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    sshd = launch(tmp_path_factory.mktemp("common") / "sshd")
    yield sshd
    sshd.stop()


@pytest.fixture
def session(_common_sshd: Sshd, target_for: Callable[..., Target]) -> Iterator[Session]:
    """A session of the test's own, with an sshd that other tests use too."""
    opened = connect(target_for(_common_sshd))
    yield opened
    opened.close()


@pytest.fixture(params=["ssh", "local"])
def either(request: pytest.FixtureRequest) -> Iterator[Session]:
    """A session of each transport: they are held to the same."""
    if request.param == "ssh":
        yield request.getfixturevalue("session")
    else:
        yield connect(Target("workstation", "workstation", transport="local"))


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """Every test ends with the threads it began with: a session's must not outlive it."""
    before = set(threading.enumerate())
    yield
    end = time.monotonic() + 3
    while left := set(threading.enumerate()) - before:
        assert time.monotonic() < end, f"threads are left: {left}"
        time.sleep(0.02)
