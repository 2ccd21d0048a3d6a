"""How long redaction takes of a megabyte that is made to be slow, whole and by each rule.

    .venv/bin/python benchmarks/redaction.py [MEGABYTES]

Each rule gets runs of what its beginning, its middle and its end accept, taken from the pattern by
which it is known; the whole redactor gets those that were slowest, and what defeats a backtracking
or a repeated search. The time is this process's own, so that others beside it count for little.
The target is a second for each megabyte, and twice the time for twice the text.
"""

import base64
import random
import string
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fleetmesh.evidence.redacted import RecordRedactor
from fleetmesh.gather.transcript import Transcript
from fleetmesh.redaction.rules import RULES
from fleetmesh.redaction.shape import Rule
from selftests.evidence.secrets import HARMLESS, SECRETS

TARGET = 1.0
"""Seconds of CPU for a megabyte."""
MEGABYTE = 1_000_000
ENDS = (
    b"",
    b" ",
    b"=",
    b": ",
    b'"',
    b"a",
    b"0",
    b"-",
    b"\n",
    b"\0",
    b"\\",
    b"}",
    b"|",
    b"a1B2c3D4e5",
)


def filled(unit: bytes, size: int) -> bytes:
    """`unit` again and again."""
    return (unit * (size // len(unit) + 1))[:size]


def by_rule(size: int) -> Iterator[tuple[float, str, Rule, bytes]]:
    """For each rule, its own words followed by whatever may go on, or end, a match."""
    for number, rule in enumerate(RULES):
        for word in rule.needs:
            for end in ENDS:
                unit = word + end
                took = seconds(lambda text: list(rule.find(text)), filled(unit, size))  # noqa: B023
                yield took, f"{rule.name} ({number}): {unit!r}", rule, unit


def of_all(size: int) -> Iterator[tuple[str, bytes]]:
    """What the whole redactor gets."""
    dice = random.Random(0)
    words = [word for rule in RULES for word in rule.needs]
    yield "token: }}}}…x", b"token: " + b"}" * size + b"x"
    yield "random bytes", dice.randbytes(size)
    yield "random letters", bytes(dice.choices(b"abcXYZ019+/=_-.:\"'\\ \n{}\0", k=size))
    mixed = (dice.choice(words) + dice.choice(ENDS) * dice.randrange(9) for _ in iter(int, 1))
    text = b""
    while len(text) < size:
        text += b"".join(next(mixed) for _ in range(1000))
    yield "random words of all rules", text[:size]
    yield "all words of all rules", filled(b" ".join(sorted(set(words))), size)
    for printed, _ in SECRETS.values():
        yield f"secrets: {printed[:30]!r}", filled(printed.encode(), size)
        yield f"secrets, on lines: {printed[:30]!r}", filled(printed.encode() + b"\n", size)
    yield "what only looks like secrets", filled("\n".join(HARMLESS).encode(), size)
    for unit in (b"a-", b"eyJ", b'"data": {', b"kind: Secret\n", b'"kind": "Secret", "', b"Aa0+",
                 b"kind: Secret\ndata:\n  a: b\n", b'\\"token\\": \\"', b"mysql -p;"):  # fmt: skip
        yield f"units: {unit!r}", filled(unit, size)
    deep = b"token=abc "
    for _ in range(3):
        deep = base64.b64encode(filled(deep, size * 3 // 4))
        yield "base64 of the above", deep
    for inside in (b'{"kind": "Secret\\n"}', b"token=abcdefg", b"nothing to be seen"):
        yield f"base64 words: {inside!r}", filled(base64.b64encode(inside) + b" ", size)


def seconds(work: Callable[[bytes], object], text: bytes) -> float:
    """CPU time of this process."""
    start = time.process_time()
    work(text)
    return time.process_time() - start


def redacted(text: bytes) -> bytes:
    """What a redactor that knows nothing yet makes of it."""
    return RecordRedactor({}).data(text)


def quoting(size: int) -> float:
    """A host says one endless secret, and a reason quotes all of it."""
    dice = random.Random(1)
    secret = "".join(dice.choices(string.ascii_letters, k=size))
    heard = Transcript(
        fact="", subject="", host="", command="", seconds=0, started=datetime.now(UTC),
        stdout=f'token: "{secret}'.encode(),
    )  # fmt: skip
    redactor = RecordRedactor({})
    took = max(
        seconds(lambda _: redactor.transcript(heard), b""),
        seconds(lambda _: redactor.told(f"is {secret}"), b""),
    )
    print(f"{took:7.2f} s  one secret, and what quotes it")
    return took


def main() -> int:
    """Measure and print the slowest; 1 where one misses the target."""
    size = int(float(sys.argv[1] if len(sys.argv) > 1 else 1) * MEGABYTE)
    slowest = sorted(by_rule(size // 20), key=lambda one: -one[0])
    print(f"{len(slowest)} texts for {len(RULES)} rules; the slowest, of {size} bytes:")
    worst = 0.0
    for _, label, rule, unit in slowest[:20]:
        took = seconds(lambda text: list(rule.find(text)), filled(unit, size))  # noqa: B023
        worst = max(worst, took)
        print(f"{took:7.2f} s  {label[:90]}")
    print("the whole redactor; the slowest:")
    whole = sorted(((seconds(redacted, text), label) for label, text in of_all(size)), reverse=True)
    for took, label in whole[:20]:
        print(f"{took:7.2f} s  {label}")
    worst = max(worst, whole[0][0], quoting(size))
    once, twice = (seconds(redacted, filled(b"token: } ", size * n)) for n in (1, 2))
    print(f"twice the text takes {twice / once:.1f} times as long")
    print(f"worst {worst:.2f} s, target < {TARGET * size / MEGABYTE:.2f} s")
    return int(worst > TARGET * size / MEGABYTE)


if __name__ == "__main__":
    sys.exit(main())
