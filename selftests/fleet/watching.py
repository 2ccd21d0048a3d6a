"""`fleetmesh watch` as a process of its own, and what it says meanwhile."""

import json
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from rehearsal import fleet

ROOT = Path(__file__).parents[2]


class Watching:
    """Starts it, and reads its lines, each with the moment at which it came."""

    def __init__(
        self, reports: Path, *arguments: str, phases: tuple[str, ...] = ("cutover",)
    ) -> None:
        words = ("-m", "fleetmesh", "watch", *phases, "--fleet=rehearsal", f"--reports={reports}")
        self.reports = reports
        self.lines: list[tuple[float, str]] = []
        self.process = subprocess.Popen(
            [sys.executable, *words, *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout:
            for line in self.process.stdout:
                self.lines.append((time.monotonic(), line.rstrip("\n")))

    @property
    def said(self) -> str:
        """All that it has printed."""
        return "\n".join(line for _, line in self.lines)

    def until(self, pattern: str, deadline: float = 60, since: float = 0.0) -> tuple[float, str]:
        """Wait for a line, and return when it came, and it."""
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            for at, line in list(self.lines):
                if at >= since and re.search(pattern, line):
                    return at, line
            assert self._reader.is_alive(), f"it has ended:\n{self.said}"
            time.sleep(0.05)
        raise AssertionError(f"no line like {pattern!r} in {deadline} s:\n{self.said}")

    def ready(self) -> "Watching":
        """Wait until all is watched, and judged once."""
        self.until("all hops are watched")
        self.until("Cutover 2: ", 90)
        return self

    def end(self, number: signal.Signals | None = signal.SIGINT) -> int:
        """End it, and return its exit status."""
        if number:
            self.process.send_signal(number)
        try:
            status = self.process.wait(90)
        finally:
            self.process.kill()
            self._reader.join()
        return status

    @property
    def folder(self) -> Path:
        """The run's."""
        (events,) = self.reports.glob("*/events.jsonl")
        return events.parent

    def record(self) -> dict[str, Any]:
        """What watch.json says."""
        found: dict[str, Any] = json.loads((self.folder / "watch.json").read_text())
        return found

    def sealed(self) -> str:
        """Seal what is left, and say what `verify` says of it."""
        self._fleetmesh("seal", str(self.folder))
        return self._fleetmesh("verify", "--unsigned", f"{self.folder}.tar.gz")

    @staticmethod
    def _fleetmesh(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "fleetmesh", *words], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout


def samplers_in_the_pod() -> int:
    """How many of our programs run in pods of railiance01."""
    done = fleet.run("railiance01", "pgrep -fc '[l]en.text. < int.sys.argv' || true", user="root")
    return int(done.stdout or 0)
