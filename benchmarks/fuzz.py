"""Whatever hosts, files and bundles hold is understood, or refused in the suite's own words.

    .venv/bin/python benchmarks/fuzz.py [MINUTES]

The time is shared out among what reads what others wrote. Each example is the real thing, damaged.
An exception that is not the reader's own, or an example that takes more than SLOW, is a finding;
hypothesis shrinks it. Exits 1 where there is one. No seed is fixed: each run tries other damage.
"""

import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import yaml
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from fleetmesh.evidence.sums import Refused
from fleetmesh.facts import FACTS, NotUnderstood
from fleetmesh.gather.batch import Disordered, split
from fleetmesh.inventory import InventoryError, load
from fleetmesh.sealing.bundle import pack
from fleetmesh.sealing.seal import seal
from fleetmesh.sealing.verify import verify
from fleetmesh.sealing.vouched import Trust
from fleetmesh.text import ssh_command, yaml12
from selftests.evidence.sealing import Keys, record
from selftests.facts import cases
from selftests.facts.test_batch import NONCE, STREAMS
from selftests.facts.test_spoilt import PIECES, looked_at
from selftests.inventory.test_anything import CHANGES, PRODUCTION, change

SLOW = 5.0
"""Seconds of CPU that one example may take."""
ROUND = 300
"""Examples between two looks at the clock."""
READERS: dict[str, Callable[[Path], Callable[[st.DataObject], None]]] = {}
"""By name: what makes, in a folder of its own, a function that tries one example."""


def reader(
    make: Callable[[Path], Callable[[st.DataObject], None]],
) -> Callable[[Path], Callable[[st.DataObject], None]]:
    READERS[make.__name__.replace("_", " ")] = make
    return make


def damaged(data: st.DataObject, sound: bytes, most: int = 3) -> bytes:
    """`sound` with up to `most` stretches replaced."""
    for _ in range(data.draw(st.integers(1, most))):
        start = data.draw(st.integers(0, len(sound)))
        end = data.draw(st.integers(start, min(len(sound), start + 80)))
        put = data.draw(st.sampled_from(PIECES) | st.binary(max_size=12))
        sound = sound[:start] + put + sound[end:]
    return sound


@reader
def parsers_of_answers(_: Path) -> Callable[[st.DataObject], None]:
    known = cases.load()

    def one(data: st.DataObject) -> None:
        case = data.draw(st.sampled_from(known))
        said = replace(case.transcript, stdout=damaged(data, case.transcript.stdout))
        with suppress(NotUnderstood):
            looked_at(FACTS[case.fact].read(said))

    return one


@reader
def splitter_of_batches(_: Path) -> Callable[[st.DataObject], None]:
    def one(data: st.DataObject) -> None:
        stdout, stderr = (damaged(data, stream) for stream in STREAMS)
        with suppress(Disordered):
            split(stdout, stderr, NONCE, 3, broken=data.draw(st.booleans()))

    return one


@reader
def inventory(place: Path) -> Callable[[st.DataObject], None]:
    file = place / "fleet.yaml"
    text = yaml.safe_dump(PRODUCTION, allow_unicode=True).encode()

    def one(data: st.DataObject) -> None:
        if data.draw(st.booleans()):
            document = deepcopy(PRODUCTION)
            for at, how, value in data.draw(CHANGES):
                change(document, at, how, deepcopy(value))
            file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        else:
            file.write_bytes(damaged(data, text))
        with suppress(InventoryError):
            load(file)

    return one


@reader
def verify_of_records(place: Path) -> Callable[[st.DataObject], None]:
    keys = Keys.make(place)
    trust = Trust(keys.allowed, datetime.now(UTC))
    folder = record(place / "reports")
    bundle = seal(folder, keys["operator"]).bundle
    sealed = bundle.read_bytes()
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    scratch = place / "scratch"

    def one(data: st.DataObject) -> None:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        target = scratch / bundle.name
        if data.draw(st.integers(0, 3)) == 0:
            content = damaged(data, sealed)
            target.write_bytes(content)
            changed = content != sealed
        else:
            copy = Path(shutil.copytree(folder, scratch / folder.name))
            file = copy / data.draw(st.sampled_from(files)).relative_to(folder)
            content = file.read_bytes()
            file.write_bytes(damaged(data, content))
            changed = file.read_bytes() != content
            if data.draw(st.booleans()):
                target = copy
            else:
                try:
                    pack(copy, target)
                except Refused:
                    return
        told = verify(target, trust)
        assert told.amiss or not changed, "holds, although it was changed"

    return one


@reader
def yaml_of_kubeconfigs(_: Path) -> Callable[[st.DataObject], None]:
    sound = (
        b"apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters:\n- name: a\n"
        b"  cluster: {server: 'https://127.0.0.1:6443', certificate-authority-data: YWJj}\n"
        b"users:\n- name: a\n  user: {token: abc}\ncontexts:\n- name: a\n  context: &b {user: a}\n"
    )

    def one(data: st.DataObject) -> None:
        with suppress(yaml12.Malformed):
            yaml12.load(damaged(data, sound).decode("utf-8", "replace"))

    return one


@reader
def arguments_of_ssh(_: Path) -> Callable[[st.DataObject], None]:
    words = "-N -o -T -L -R -D -W -J -F -i -p -l -v -- %h %% = : [::1]:1:[::1]:2 1:a:2 *:1:b:2"
    options = st.sampled_from(words.split()) | st.text(max_size=12)

    def one(data: st.DataObject) -> None:
        words = ["ssh", *data.draw(st.lists(options, max_size=8))]
        looked_at(ssh_command.parse(words))
        ssh_command.unresolved(words)

    return one


def fuzz(name: str, minutes: float) -> bool:
    """Try one reader for so long; print what came of it, and return whether nothing was found."""
    tried, slowest, end = 0, 0.0, time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory() as place:
        one = READERS[name](Path(place))

        def timed(data: st.DataObject) -> None:
            nonlocal tried, slowest
            tried, start = tried + 1, time.process_time()
            one(data)
            took = time.process_time() - start
            slowest = max(slowest, took)
            assert took < SLOW, f"took {took:.1f} s"

        while time.monotonic() < end:
            try:
                seed(random.getrandbits(64))(
                    settings(
                        max_examples=ROUND, deadline=None, database=None,
                        suppress_health_check=list(HealthCheck),
                    )(given(st.data())(timed))
                )()  # fmt: skip
            except Exception:  # noqa: BLE001 - whatever it is, it is a finding
                traceback.print_exc()
                print(f"{name}: a finding, after {tried} examples")
                return False
    print(f"{name}: {tried} examples, nothing found; the slowest took {slowest:.2f} s", flush=True)
    return True


def main() -> int:
    """Fuzz every reader in turn; 1 where one has a finding."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    sound = [fuzz(name, minutes / len(READERS)) for name in READERS]
    return int(not all(sound))


if __name__ == "__main__":
    sys.exit(main())
