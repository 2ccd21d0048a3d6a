"""Which hosts are being waited for, and how long each has left."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Awaited:
    """What a fleet is asked at this moment, for whoever wants to look from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[object, tuple[str, float]] = {}

    @contextmanager
    def of(self, host: str, seconds: float) -> Iterator[None]:
        """Within the block an answer of `host` is awaited, and given up after so many seconds."""
        key = object()
        with self._lock:
            self._until[key] = (host, time.monotonic() + seconds)
        try:
            yield
        finally:
            with self._lock:
                del self._until[key]

    @property
    def left(self) -> dict[str, float]:
        """Seconds after which the last answer of each host is given up, by host; never negative."""
        now, found = time.monotonic(), dict[str, float]()
        with self._lock:
            for host, until in self._until.values():
                found[host] = max(found.get(host, 0.0), until - now)
        return found
