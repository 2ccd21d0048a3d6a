"""A Session on this machine itself: what sshd would run, run without it."""

import getpass
import os
import pwd
import selectors
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from fleetmesh.sessions.command import LEFT, LIMIT, PERIOD, Capture, Completed, Follow
from fleetmesh.sessions.forward import HERE, Forwarder, Origin
from fleetmesh.sessions.target import Deadline, Identity, NotAnswered, NotConnected, Target

CHUNK = 64 * 1024


class LocalSession:
    """A Session without SSH; `channels` counts its commands."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.identity = Identity(address="local", user=getpass.getuser())
        self.channels = 0
        self._counting = threading.Lock()
        self.lost: str | None = None

    def run(
        self,
        command: str,
        *,
        deadline: float,
        limit: int = LIMIT,
        stdin: bytes = b"",
        follow: Follow | None = None,
    ) -> Completed:
        """See Session.run. Like sshd: the login shell with -c, in the home directory."""
        started, clock = datetime.now(UTC), time.monotonic()
        capture, exit_status = Capture(limit), None
        if self.lost:
            lost: str | None = self.lost
        else:
            with self._counting:
                self.channels += 1
            try:
                process = _start(command)
            except OSError as error:
                lost = f"{self.target.name} could not start a shell: {error}"
            else:
                with process:
                    lost = self._talk(process, stdin, capture, Deadline(deadline), follow)
                    if lost:
                        with suppress(ProcessLookupError):
                            os.killpg(process.pid, signal.SIGKILL)
                    returned = process.wait()
                if returned >= 0:
                    exit_status = returned
                elif not lost:
                    lost = f"the command was ended by {signal.Signals(-returned).name}"
        return Completed(
            command=command,
            exit_status=None if lost else exit_status,
            stdout=bytes(capture.stdout),
            stderr=bytes(capture.stderr),
            started=started,
            seconds=time.monotonic() - clock,
            truncated=capture.truncated,
            lost=lost,
        )

    def prepare(self, command: str) -> None:
        """See Session.prepare. Nothing takes time here."""

    def forward(
        self,
        host: str,
        port: int,
        *,
        deadline: float | None = None,
        patience: float | None = None,
        limit: int | None = None,
        ahead: int = 0,
    ) -> Forwarder:
        """See Session.forward; connects directly."""
        seconds = self.target.connect_deadline if deadline is None else deadline

        def dial(origin: Origin) -> socket.socket:  # noqa: ARG001
            connection = socket.create_connection((host, port), timeout=seconds)
            connection.settimeout(None)
            return connection

        return Forwarder(dial, patience, limit, ahead)

    def dial(
        self,
        host: str,
        port: int,
        *,
        deadline: float,
        origin: Origin = HERE,  # noqa: ARG002
    ) -> socket.socket:
        """See Session.dial."""
        try:
            return socket.create_connection((host, port), timeout=deadline)
        except TimeoutError:
            raise NotAnswered(f"no answer within {deadline:g} s") from None
        except OSError as error:
            raise NotConnected(error.strerror or str(error)) from None

    def answers(self, deadline: float) -> bool:  # noqa: ARG002
        """See Session.answers; it is this machine."""
        return True

    def close(self) -> None:
        """See Session.close."""
        self.lost = f"the session with {self.target.name} is closed"

    def _talk(
        self,
        process: subprocess.Popen[bytes],
        stdin: bytes,
        capture: Capture,
        deadline: Deadline,
        follow: Follow | None,
    ) -> str | None:
        """Feed the input and drain both streams to their end; returns why that did not work out."""
        assert process.stdin
        assert process.stdout
        assert process.stderr
        left = memoryview(stdin)
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ, capture.stdout)
            selector.register(process.stderr, selectors.EVENT_READ, capture.stderr)
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE)
            while selector.get_map():
                if self.lost:
                    return self.lost
                if deadline.passed:
                    return f"the command did not finish within {deadline}"
                if follow and follow(bytes(capture.stdout), bytes(capture.stderr)):
                    return LEFT
                for key, _ in selector.select(min(deadline.left, PERIOD)):
                    if key.fileobj is process.stdin:
                        with suppress(BlockingIOError):
                            try:
                                left = left[os.write(key.fd, left[:CHUNK]) :] if left else left
                            except BrokenPipeError:
                                left = memoryview(b"")
                        if not left:
                            selector.unregister(process.stdin)
                            process.stdin.close()
                    elif data := os.read(key.fd, CHUNK):
                        capture.add(key.data, data)
                    else:
                        selector.unregister(key.fileobj)
                if capture.truncated:
                    return f"the command printed more than {capture.limit} bytes"
        try:
            process.wait(deadline.left)
        except subprocess.TimeoutExpired:
            return f"the command did not finish within {deadline}"
        return None


def _start(command: str) -> subprocess.Popen[bytes]:
    me = pwd.getpwuid(os.getuid())
    # What pam_systemd sets for a login over SSH; systemctl --user needs it, and cron lacks it.
    runtime = Path(f"/run/user/{me.pw_uid}")
    environment = {"XDG_RUNTIME_DIR": str(runtime)} if runtime.is_dir() else {}
    return subprocess.Popen(
        [me.pw_shell or "/bin/sh", "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd=me.pw_dir,
        env=environment | os.environ,
        start_new_session=True,
    )
