"""What a process of the rehearsal does about signals."""

from __future__ import annotations

import ctypes
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PR_SET_PDEATHSIG = 1  # prctl(2)


def end_with(starter: int, how: signal.Signals) -> None:
    """Have the kernel send this process a signal once the one that started it is gone."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, how, 0, 0, 0)
    if os.getppid() != starter:  # it was killed before it could be told
        os._exit(1)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let the block come to its end, whoever is impatient."""
    # A handler, since what is ignored would stay ignored in every process that is started here.
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: None) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
