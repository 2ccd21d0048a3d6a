"""The one place from which `python -m fleetmesh` writes to a terminal."""

import sys
from argparse import ArgumentParser
from typing import NoReturn

from fleetmesh.text.legible import one_line


def say(text: str) -> None:
    """Print one line. Whatever is in it, it stays one line and moves, colours or hides nothing."""
    _write(text, error=False)


def complain(text: str) -> None:
    """Like `say`, but to standard error."""
    _write(text, error=True)


def _write(text: str, *, error: bool) -> None:
    stream = sys.stderr if error else sys.stdout
    encoding = stream.encoding or "ascii"
    told = one_line(text).encode(encoding, "backslashreplace").decode(encoding)
    print(told, file=stream, flush=True)


class Parser(ArgumentParser):
    """An ArgumentParser whose complaints are also one legible line."""

    def error(self, message: str) -> NoReturn:
        """Say what was wrong with the arguments, and exit with 2."""
        super().error(one_line(message))
