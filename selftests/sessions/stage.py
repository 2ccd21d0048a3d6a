"""A stage for one configuration: servers, agents and an ssh_config, and what ssh makes of them."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from fleetmesh.gather import batch
from fleetmesh.gather.commands import answers_of, new_nonce, why
from fleetmesh.sessions import Target, Unreachable, connect

from . import servers
from .conftest import Sshd, key_line, keygen, launch

HOST = "coulombcore"
PATIENCE = 30.0
"""Seconds, of which a busy machine may need many."""


@dataclass
class Stage:
    """What one configuration is made of; `close` ends all of it."""

    folder: Path
    stack: ExitStack = field(default_factory=ExitStack)
    environment: dict[str, str] = field(default_factory=dict)
    patience: float = PATIENCE
    _number: int = 0

    @property
    def config(self) -> Path:
        return self.folder / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def close(self) -> None:
        self.stack.close()

    def sshd(
        self, *lines: str, release: str = servers.NEWEST, files: Mapping[str, str] | None = None
    ) -> Sshd:
        """A server of a release of Debian, with more lines of sshd_config and files in its root."""
        self._number += 1
        folder = self.folder / f"sshd{self._number}"
        sshd = launch(folder, *lines, within=servers.within(release, folder, files or {}))
        self.stack.callback(sshd.stop)
        return sshd

    def dropbear(self, release: str = servers.NEWEST, *options: str) -> Sshd:
        """A dropbear that root may log in to."""
        self._number += 1
        folder = self.folder / f"dropbear{self._number}"
        folder.mkdir()
        keygen(folder / "host_key")
        line = key_line(keygen(folder / "user_key")) + "\n"
        within = servers.within(release, folder, {"root/.ssh/authorized_keys": line})
        upper = folder.with_name(f"{folder.name}-upper")
        (upper / "root").chmod(0o700)
        (upper / "root/.ssh").chmod(0o700)
        (upper / "root/.ssh/authorized_keys").chmod(0o600)
        port = free_port()
        convert = f"dropbearconvert openssh dropbear {folder}/host_key {folder}/host_key.db"
        serve = f"dropbear -F -E -p 127.0.0.1:{port} -r {folder}/host_key.db {' '.join(options)}"
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*within, "sh", "-c", f"{convert} && exec {serve}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        sshd = Sshd(folder, port, process)
        self.stack.callback(sshd.stop)
        wait_for(lambda: answers(port))
        return sshd

    def host(self, sshd: Sshd, *lines: str, name: str = HOST, user: str = "root") -> None:
        """Describe a host in ssh_config; `lines` come first and so win."""
        if not self.known_hosts.exists():
            self.known_hosts.touch()
        if "known" not in name:
            with self.known_hosts.open("a") as file:
                file.write(f"[127.0.0.1]:{sshd.port} {key_line(sshd.host_key)}\n")
        block = [
            f"Host {name}",
            *lines,
            "HostName 127.0.0.1",
            f"Port {sshd.port}",
            f"User {user}",
            f"IdentityFile {sshd.user_key}",
            f"UserKnownHostsFile {self.known_hosts}",
            "GlobalKnownHostsFile none",
            "IdentityAgent none",
        ]
        with self.config.open("a") as file:
            file.write("\n  ".join(block) + "\n")

    def agent(self, *adds: tuple[str | Path, ...], askpass: str = "false") -> Path:
        """An ssh-agent; each of `adds` are the arguments of one ssh-add."""
        self._number += 1
        path = self.folder / f"agent{self._number}"
        environment = {
            **os.environ,
            "SSH_AUTH_SOCK": str(path),
            "SSH_ASKPASS": askpass,
            "SSH_ASKPASS_REQUIRE": "force",
            "DISPLAY": ":9",
        }
        process = subprocess.Popen(
            ["ssh-agent", "-D", "-a", str(path)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.stack.callback(process.wait)
        self.stack.callback(process.terminate)
        wait_for(path.exists)
        for add in adds:
            done = subprocess.run(
                ["ssh-add", "-q", *map(str, add)],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
        return path

    def key(self, name: str, *options: str, kind: str = "ed25519") -> Path:
        return keygen(self.folder / name, *options, kind=kind)

    def script(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        return file

    def ssh(self) -> tuple[bool, str]:
        """Whether `ssh HOST true` goes well, and the last line that it says."""
        try:
            done = subprocess.run(
                ["ssh", "-F", str(self.config), HOST, "true"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=self.patience,
                env={**os.environ, **self.environment, "SSH_ASKPASS_REQUIRE": "never"},
            )
        except subprocess.TimeoutExpired:
            return False, f"no end within {self.patience:g} s"
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        return done.returncode == 0, said[-1].strip() if said else ""

    def suite(self) -> tuple[bool, str]:
        """Whether the suite has `true` run on the host, as it asks all, and what it says if not."""
        target = Target(HOST, HOST, connect_deadline=self.patience, ssh_config=self.config)
        try:
            session = connect(target)
        except Unreachable as unreachable:
            return False, unreachable.cause
        try:
            nonce = new_nonce()
            asked = batch.compose([("true", PATIENCE)], nonce)
            done = session.run(batch.COMMAND, stdin=asked, deadline=PATIENCE)
            answer = answers_of(done, nonce, 1).get(0)
            if answer is None:
                return False, why(HOST, done)
            return answer.exit_status == 0, session.identity.login or ""
        finally:
            session.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
