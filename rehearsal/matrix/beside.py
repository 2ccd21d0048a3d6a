"""The live matrix on several fleets side by side, each with a share of the faults.

A fault takes a machine more waiting than work. Each fleet is `rehearsal.apart`, with a process that
runs its share as if there were no other, and sends back each row and the matrix at last.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict
from itertools import groupby
from math import inf
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal import apart, cgroup, host, image, lock
from rehearsal.errors import RehearsalError
from rehearsal.faults import FAULTS
from rehearsal.matrix.rows import Matrix, Row
from rehearsal.matrix.run import in_order, live
from rehearsal.outfit import Outfit
from rehearsal.paths import PROJECT
from rehearsal.signals import end_with, undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

_SMALL = 20
"""A ground with fewer faults is not worth bringing more than one fleet to it."""


def live_on(
    fleets: int,
    names: Collection[str],
    made: Outfit | None,
    folder: Path,
    say: Callable[[str], None],
    seen: Callable[[Row], None],
    *,
    until: float = inf,
) -> Matrix:
    """As `live`, on so many fleets of their own; one that is up is left alone.

    Raises RehearsalError.
    """
    start = time.monotonic()
    host.require()
    matrix = Matrix(every=set(names) >= FAULTS.keys())
    with lock.held("rehearsal faults"):
        for kind in sorted(set(made.generations.values() if made else [image.DEFAULT])):
            image.ensure(kind, say)
        dealt = [share for share in shares(names, fleets) if share]
        say(f"{len(dealt)} fleets boot")
        with _running(dealt, made, folder, until) as readers:
            while readers:
                ready = wait(readers)
                for reader in [reader for reader in readers if reader in ready]:
                    found = _received(reader)
                    if isinstance(found, Row):
                        seen(found)
                        continue
                    matrix.rows += found.rows
                    matrix.checks |= found.checks
                    matrix.impossible |= found.impossible
                    matrix.untried += found.untried
                    readers.remove(reader)
    matrix.rows = in_order(matrix.rows)
    matrix.seconds = time.monotonic() - start
    return matrix


def shares(names: Collection[str], fleets: int) -> list[list[str]]:
    """The names dealt out to so many fleets, to each as many."""
    dealt: list[list[str]] = [[] for _ in range(fleets)]
    chosen = sorted((FAULTS[name] for name in names), key=lambda fault: fault.ground.name)
    grounds = [[f.title() for f in of] for _, of in groupby(chosen, key=lambda f: f.ground)]
    for ground in sorted(grounds, key=len):
        size = len(ground) if len(ground) < _SMALL else 1
        for first in range(0, len(ground), size):
            min(dealt, key=len).extend(ground[first : first + size])
    return dealt


@contextmanager
def _running(
    shares: Sequence[Sequence[str]], made: Outfit | None, folder: Path, until: float
) -> Iterator[list[Connection]]:
    """A process for each share; what it sends can be read. Nothing of them is left afterwards."""
    processes: dict[str, subprocess.Popen[bytes]] = {}
    readers = []
    try:
        for number, share in enumerate(shares, 1):
            name = f"{cgroup.name()}-{os.getpid()}-{number}"
            reader, writer = Pipe(duplex=False)
            with writer:
                processes[name] = subprocess.Popen(
                    [
                        *(sys.executable, "-m", __spec__.name, str(os.getpid()), name),
                        *(str(writer.fileno()), str(folder / f"fleet-{number}")),
                        *(str(until), json.dumps(asdict(made) if made else None), *share),
                    ],
                    cwd=PROJECT,
                    stdin=subprocess.DEVNULL,
                    pass_fds=[writer.fileno()],
                )
            readers.append(reader)
        yield list(readers)
    finally:
        with undisturbed():
            for process in processes.values():
                process.terminate()
            for name, process in processes.items():
                process.wait()
                cgroup.kill(cgroup.hierarchy() / name)  # if it did not come to clean up itself
                cgroup.remove(cgroup.hierarchy() / name)
        for reader in readers:
            reader.close()


def _received(reader: Connection) -> Row | Matrix:
    try:
        found: Row | Matrix | RehearsalError = reader.recv()
    except EOFError:
        raise RehearsalError("the process of one of the fleets has ended") from None
    if isinstance(found, RehearsalError):
        raise found
    return found


def main() -> int:
    """Run a share, as `_running` has it started."""
    starter, name, file, folder, until, outfit, *names = sys.argv[1:]
    made = Outfit(**given) if (given := json.loads(outfit)) else None
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    end_with(int(starter), signal.SIGTERM)
    with Connection(int(file), readable=False) as writer:
        try:
            apart.settle(name)
            found = live(names, made, Path(folder), lambda _: None, writer.send, until=float(until))
            writer.send(found)
        except RehearsalError as error:
            writer.send(error)
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
