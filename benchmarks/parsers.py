"""How long each parser takes of a megabyte that is made to be slow.

    .venv/bin/python benchmarks/parsers.py [MEGABYTES]

Each parser gets its own data files, with lines repeated, and with each of FILLINGS put into them,
until the answer has the size. Short answers choose the slowest; those are timed at full size. The
time is this process's own, so that others beside it count for little. Exits 1 where a megabyte
takes a second or more.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from fleetmesh.facts import FACTS, NotUnderstood
from fleetmesh.gather.batch import Disordered, split
from selftests.facts import cases
from selftests.facts.test_batch import NONCE, STREAMS

TARGET = 1.0
"""Seconds of CPU for a megabyte."""
MEGABYTE = 1_000_000
LINES = 6
"""How many of an answer's first lines are tried."""
CASES = 4
"""How many of a parser's data files, the longest of them."""
FILLINGS = (
    *(b"a", b"9", b" ", b"\t", b",", b":", b"=", b'"', b"'", b"\\", b"$", b"%", b"/", b"-", b";"),
    *(b"\r", b"\0", b"\xff", b"(", b"[", b"{", b"a ", b"a,", b"a=", b'"a",', b"a;", b"-o ", b"1."),
    *(b" -L1:a:2", b"%%", b"${A}", b"*", b"!", b"{ argv[]=ssh ; }", b'users:(("a",pid=1,fd=2))'),
)


def filled(unit: bytes, size: int) -> bytes:
    """`unit` again and again."""
    return (unit * (size // len(unit) + 1))[:size]


def lines(stdout: bytes, size: int) -> Iterator[tuple[str, bytes]]:
    """Each line again and again, and filled at its middle and its end."""
    said = stdout.splitlines(keepends=True)
    yield "all of it", b"".join(said * (size // max(len(stdout), 1) + 1))
    for number, line in enumerate(said[:LINES]):
        before, after = b"".join(said[:number]), b"".join(said[number + 1 :])
        yield f"line {number}", before + filled(line, size) + b"\n" + after
        text = line.rstrip(b"\n")
        for filling in FILLINGS:
            put = text[: len(text) // 2] + filled(filling, size) + text[len(text) // 2 :]
            yield f"{filling!r} in line {number}", before + put + b"\n" + after


def lists(stdout: bytes, size: int) -> Iterator[tuple[str, bytes]]:
    """Each list of a JSON answer with its members again and again."""
    try:
        body = json.loads(stdout)
    except ValueError:
        return

    def within(node: Any) -> Iterator[list[Any]]:
        for value in node.values() if isinstance(node, dict) else node:
            if isinstance(value, list) and value:
                yield value
            if isinstance(value, dict | list):
                yield from within(value)

    if not isinstance(body, dict):
        return
    for number, found in enumerate(within(body)):
        sound = list(found)
        found[:] = sound * (size // max(len(json.dumps(sound)), 1) + 1)
        yield f"list {number}", json.dumps(body).encode()
        found[:] = sound


def answers(stdout: bytes, size: int) -> Iterator[tuple[str, bytes]]:
    """What a parser gets instead of `stdout`."""
    in_json = list(lists(stdout, size))
    yield from in_json or lines(stdout, size)


def seconds(case: cases.Case, stdout: bytes) -> float:
    """CPU time of this process."""
    said = replace(case.transcript, stdout=stdout)
    start = time.process_time()
    with suppress(NotUnderstood):
        FACTS[case.fact].read(said)
    return time.process_time() - start


def splitting(size: int) -> float:
    """Streams of one batch: a long answer, and many markers of somebody else."""
    worst = 0.0
    for unit in (b"a", b"\n", b"\n" + NONCE.encode()[:-1], b"\n%s end 1\n" % NONCE.encode()):
        stdout = STREAMS[0].replace(b"\nout\n", filled(unit, size))
        start = time.process_time()
        with suppress(Disordered):
            split(stdout, STREAMS[1], NONCE, 3, broken=False)
        worst = max(worst, time.process_time() - start)
    return worst


def longest() -> Iterator[cases.Case]:
    """The data files to be filled: each parser's longest."""
    by_fact: dict[str, list[cases.Case]] = {}
    for case in cases.load():
        by_fact.setdefault(case.fact, []).append(case)
    for found in by_fact.values():
        sound = [case for case in found if not case.refused]
        yield from sorted(sound, key=lambda case: -len(case.transcript.stdout))[:CASES]


def main() -> int:
    """Measure and print the slowest of each parser; 1 where one misses the target."""
    size = int(float(sys.argv[1] if len(sys.argv) > 1 else 1) * MEGABYTE)
    slowest: dict[str, list[tuple[float, str, cases.Case]]] = {}
    for case in longest():
        for label, stdout in answers(case.transcript.stdout, size // 100):
            tried = slowest.setdefault(case.fact, [])
            tried.append((seconds(case, stdout), label, case))
            tried.sort(key=lambda one: -one[0])
            del tried[4:]
    worst = {"split": (splitting(size), "markers and lookalikes")}
    for fact, tried in slowest.items():
        for _, label, case in tried:
            took = seconds(case, dict(answers(case.transcript.stdout, size))[label])
            worst[fact] = max(worst.get(fact, (0.0, "")), (took, f"{case.name}: {label}"))
    for fact, (took, label) in sorted(worst.items(), key=lambda one: -one[1][0]):
        print(f"{took:7.2f} s  {fact}: {label}")
    missing = sorted(FACTS.keys() - slowest.keys())
    print(f"{len(worst)} parsers; without a data file: {', '.join(missing) or 'none'}")
    return int(max(took for took, _ in worst.values()) >= TARGET * size / MEGABYTE)


if __name__ == "__main__":
    sys.exit(main())
