"""Lines of a host's journal, as `journalctl -o short-iso --no-hostname` prints them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

NOW = "date '+now %Y-%m-%dT%H:%M:%S%z'\n"
"""Shell: the host's clock, in front of its journal."""
JOURNALCTL = "journalctl --no-pager -o short-iso --no-hostname"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:?\d\d"
_NOW = re.compile(rf"^now ({_TIME})$", re.MULTILINE)
_LINE = re.compile(rf"^({_TIME}) ([^\s\[:]+)(?:\[\d+\])?: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """One line: when, by which program, and what it said."""

    time: datetime
    program: str
    message: str
    line: str

    @property
    def by_systemd(self) -> bool:
        """Whether systemd says it of the unit."""
        return self.program == "systemd"


@dataclass(frozen=True)
class Journal:
    """The last lines, the oldest first, and the host's clock when they were read."""

    now: datetime | None
    entries: tuple[Entry, ...]

    def since(self, seconds: float) -> Iterator[Entry]:
        """Those that are not older."""
        if self.now:
            begin = self.now - timedelta(seconds=seconds)
            yield from (entry for entry in self.entries if entry.time >= begin)


def read(text: str) -> Journal:
    """What NOW and JOURNALCTL have printed; lines of another form (hints, boots) fall away."""
    now = _NOW.search(text)
    return Journal(
        datetime.fromisoformat(now[1]) if now else None,
        tuple(
            Entry(datetime.fromisoformat(found[1]), found[2], found[3], found[0])
            for found in _LINE.finditer(text)
        ),
    )
