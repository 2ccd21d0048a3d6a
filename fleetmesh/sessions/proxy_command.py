"""A ProxyCommand: the shell command that carries a connection over its standard streams."""

import os
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from typing import IO

from fleetmesh.sessions.target import Deadline
from fleetmesh.text.legible import last_line


class Proxy:
    """A running ProxyCommand and our end of its stream."""

    def __init__(
        self, process: subprocess.Popen[bytes], stream: socket.socket, log: IO[bytes]
    ) -> None:
        self.stream = stream
        self._process = process
        self._log = log

    def passed(self, deadline: Deadline) -> socket.socket | None:
        """The connection that the command hands over (ProxyUseFdpass), in place of carrying it."""
        try:
            self.stream.settimeout(max(deadline.left, 0.01))
            _, passed, _, _ = socket.recv_fds(self.stream, 1, 1)
        except OSError:
            return None
        return socket.socket(fileno=passed[0]) if passed else None

    def failure(self) -> str | None:
        """How it ended and the last line it said, if it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)
            self._log.seek(0)
            said = last_line(self._log.read(4096), "it said nothing")
            return f"ended with status {self._process.returncode}: {said}"
        return None

    def close(self) -> None:
        """End it and everything it started."""
        self.stream.close()
        for how in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, how)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
                break
        self._log.close()


def start(command: str) -> Proxy:
    """Run `command` as ssh does: by the user's shell, in place of it."""
    ours, theirs = socket.socketpair()
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the proxy
    shell = os.environ.get("SHELL") or "/bin/sh"
    try:
        process = subprocess.Popen(
            [shell, "-c", f"exec {command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=log,
            start_new_session=True,
        )
    except BaseException:
        ours.close()
        log.close()
        raise
    finally:
        theirs.close()
    return Proxy(process, ours, log)
