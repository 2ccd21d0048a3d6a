"""The process that judges the checks and keeps the record; fixtures/watched.py has its lines."""

import json
import socket
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from fleetmesh.inventory.suite import front_door
from fleetmesh.text.legible import last_line

_LEFT = 10.0
"""Seconds that it may take to end once it has said all."""


class CannotJudge(Exception):
    """The process does not begin, or has ended; the text says what it said last."""


class Judge:
    """Starts the process, and tells what it has said so far."""

    def __init__(self, fleet: Path, phases: Sequence[str], reports: str | None) -> None:
        self.folder: Path | None = None
        self.judged: dict[str, Any] | None = None
        """What it said of the last snapshot."""
        self.done: dict[str, Any] | None = None
        self.trouble: str | None = None
        """Why nothing is recorded any more."""
        self.news = threading.Event()
        """Set when it has said something."""
        ours, theirs = socket.socketpair()
        to_pytest = ["--", f"--watched={theirs.fileno()}"]
        where = [] if reports is None else [f"--reports={reports}"]
        command, environment = front_door([*phases, f"--fleet={fleet}", *where, *to_pytest])
        self._said = TemporaryFile()  # noqa: SIM115 - it lasts as long as the process
        self._process = subprocess.Popen(
            command,
            env=environment,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
            start_new_session=True,  # Ctrl-C is for the process that samples
        )
        theirs.close()
        self._socket = ours
        self._sending = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="judge", daemon=True)
        self._reader.start()

    def tell(self, **told: Any) -> None:
        """Tell it something; if it is gone, `trouble` says so."""
        with self._sending:
            try:
                self._socket.sendall(json.dumps(told).encode() + b"\n")
            except OSError:
                self.trouble = self.trouble or "the process that keeps the record has ended"

    @property
    def gone(self) -> bool:
        """Whether it has ended, as it should or not."""
        return not self._reader.is_alive()

    def wait(self, seconds: float) -> None:
        """Wait until it has ended."""
        self._reader.join(seconds)
        if self.gone:
            self._process.wait(_LEFT)

    def last_words(self) -> str:
        """What it printed last, where it ended before it should."""
        self._said.seek(0)
        return last_line(self._said.read(), "it said nothing")

    def close(self) -> None:
        """Let go of it: it ends by itself, if it has not."""
        self._socket.close()
        self._said.close()

    def _read(self) -> None:
        # It is gone at once if it cannot even begin.
        with suppress(OSError), self._socket.makefile("rb") as lines:
            for line in lines:
                told = json.loads(line)
                self.folder = Path(told["folder"]) if "folder" in told else self.folder
                self.judged = told.get("judged", self.judged)
                self.done = told.get("done", self.done)
                self.trouble = told.get("record", self.trouble)
                self.news.set()
        if self.trouble is None and self.done is None:
            self.trouble = "the process that judges and keeps the record has ended"
        self.news.set()
