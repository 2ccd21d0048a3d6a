"""Sends the courier with errands, and hears from it which are done."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

_COURIER = Path(__file__).with_name("courier.py")
_GRACE = 5.0  # seconds to end in, once it has said all; its own alarm comes before
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
"""What the courier's libraries need of the environment: no proxies, and none of its secrets."""


@dataclass(frozen=True)
class Ping:
    """A message to a dead man's switch."""

    to: str
    url: str
    text: str
    attempts: int = 3
    kind: str = "ping"


@dataclass(frozen=True)
class Notice:
    """A notification; without `text`, nothing is sent but the URL is tried out."""

    to: str
    url: str
    title: str = ""
    text: str = ""
    kind: str = "notify"


Errand = Ping | Notice


class Courier:
    """A courier on its way. It ends by itself: `seconds` after it has set out at the latest."""

    def __init__(self, errands: Sequence[Errand], seconds: int) -> None:
        """Raises OSError where no process can be started."""
        self._errands, self._seconds = errands, seconds
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", _COURIER, str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(os.environ),
            cwd="/",
            text=True,
            encoding="utf-8",
            start_new_session=True,  # a Ctrl-C is meant for the run, which waits
        )
        assert self._process.stdin
        try:
            with self._process.stdin as given:
                json.dump([asdict(errand) for errand in errands], given)
        except BrokenPipeError:
            pass  # it has ended already, and says nothing

    def heard(self) -> Iterator[tuple[Errand, str | None]]:
        """Each errand with why it is not done, None if it is, as soon as the courier says so.

        What was kept back behind another is left out.
        """
        open_ = dict(enumerate(self._errands))
        shut = set()
        assert self._process.stdout
        for line in self._process.stdout:
            number, why = json.loads(line)
            errand = open_.pop(number)
            if why is not None:
                shut.add(errand.to)
            yield errand, why
        self.end()
        status = self._process.returncode
        late = status in (-signal.SIGALRM, -signal.SIGKILL)
        why = f"no answer within {self._seconds} s" if late else f"the courier broke ({status})"
        for errand in open_.values():
            if errand.to not in shut:
                shut.add(errand.to)
                yield errand, why

    def end(self) -> None:
        """End it, if it has not; what it has not said by now, nobody hears."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    return {
        **{name: given[name] for name in _PASSED_ON if name in given},
        "NETRC": os.devnull,
    }
