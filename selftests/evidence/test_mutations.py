"""More than 500 single changes to a sealed run, by seeded chance: none holds, and each is named."""

import json
import random
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from fleetmesh.evidence import sums
from fleetmesh.evidence.sums import SIGNATURE, SUMS
from fleetmesh.sealing.seal import seal
from fleetmesh.sealing.verify import verify
from fleetmesh.sealing.vouched import Trust
from selftests.evidence.sealing import ID, OTHER, Keys, forge, record

SEED = 20261124


class Sealed:
    """Two sealed runs, and a scratch copy of the first to be changed."""

    def __init__(self, place: Path) -> None:
        self.keys = Keys.make(place)
        self.reports = place / "reports"
        self.other = record(self.reports, OTHER)
        self.folder = record(self.reports)
        self.bundle = seal(self.folder, self.keys["operator"]).bundle
        self.other_bundle = seal(self.other, self.keys["operator"]).bundle
        self.scratch = place / "scratch"

    def copy(self) -> Path:
        shutil.rmtree(self.scratch, ignore_errors=True)
        return Path(shutil.copytree(self.folder, self.scratch / ID))

    def said(self, target: Path) -> str:
        return "\n".join(verify(target, Trust(self.keys.allowed, datetime.now(UTC))).amiss)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    made = Sealed(tmp_path_factory.mktemp("mutations"))
    assert made.said(made.bundle) == made.said(made.other_bundle) == ""
    return made


def _flip(content: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(content))
    changed = content[place] ^ (1 << chance.randrange(8))
    return content[:place] + bytes([changed]) + content[place + 1 :]


def _replace(content: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(content))
    changed = chance.choice([byte for byte in range(256) if byte != content[place]])
    return content[:place] + bytes([changed]) + content[place + 1 :]


def _insert(content: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(content) + 1)
    return content[:place] + chance.randbytes(1) + content[place:]


def _truncate(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def _drop_line(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    lines.pop(chance.randrange(len(lines)))
    return b"".join(lines)


def _double_line(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    place = chance.randrange(len(lines))
    return b"".join(lines[: place + 1] + lines[place:])


def _swap_lines(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    places = range(len(lines))
    one, other = chance.choice([(a, b) for a in places for b in places if lines[a] != lines[b]])
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


Change = Callable[[bytes, random.Random], bytes]
BYTES: tuple[Change, ...] = (_flip, _replace, _insert, _truncate)
LINES: tuple[Change, ...] = (_drop_line, _double_line, _swap_lines)


@pytest.mark.parametrize("change", BYTES)
def test_the_bundle_itself(sealed: Sealed, change: Change) -> None:
    good, chance = sealed.bundle.read_bytes(), random.Random(f"{SEED}{change.__name__}")
    target = sealed.scratch / sealed.bundle.name
    target.parent.mkdir(exist_ok=True)
    for _ in range(40):
        changed = change(good, chance)
        assert changed != good
        target.write_bytes(changed)
        assert "container: " in sealed.said(target)


def test_every_bit_of_the_container_s_head_and_tail(sealed: Sealed) -> None:
    good = sealed.bundle.read_bytes()
    target = sealed.scratch / sealed.bundle.name
    target.parent.mkdir(exist_ok=True)
    ends = (*range(12), *range(len(good) - 12, len(good)))
    for place, bit in ((place, bit) for place in ends for bit in range(8)):
        target.write_bytes(good[:place] + bytes([good[place] ^ (1 << bit)]) + good[place + 1 :])
        assert "container: " in sealed.said(target), (place, bit)


@pytest.mark.parametrize("change", [*BYTES, *LINES])
def test_a_file_in_it(sealed: Sealed, change: Change) -> None:
    """Packed again as it should be: only what the file says is another."""
    chance = random.Random(f"{SEED}{change.__name__}")
    several = [
        name
        for name in sums.names(sealed.folder)
        if change in BYTES or len(set((sealed.folder / name).read_bytes().splitlines())) > 1
    ]
    for _ in range(25):
        folder = sealed.copy()
        file = folder / chance.choice(several)
        file.write_bytes(change(file.read_bytes(), chance))
        name = file.relative_to(folder).as_posix()
        said = sealed.said(forge(folder, None))
        named = "signature: " if name in (SUMS, SIGNATURE) else f"files: {name} was altered"
        assert named in said, (name, said)


@pytest.mark.parametrize("change", LINES)
def test_the_events_in_a_folder_whose_sums_are_made_anew(sealed: Sealed, change: Change) -> None:
    """Without a word about the signature: the chain alone tells."""
    chance = random.Random(f"{SEED}{change.__name__}")
    for _ in range(20):
        folder = sealed.copy()
        events = folder / "events.jsonl"
        events.write_bytes(change(events.read_bytes(), chance))
        (folder / SUMS).write_text(sums.lines(folder))
        said = sealed.said(folder)
        assert re.search(r"record: events\.jsonl|json: says", said), said
        assert "signature: " in said


def test_files_added_removed_renamed_and_exchanged(sealed: Sealed) -> None:
    chance = random.Random(SEED)
    covered = [name for name in sums.names(sealed.folder) if name not in (SUMS, SIGNATURE)]
    for number in range(15):
        folder = sealed.copy()
        (folder / f"raw/{number}").write_bytes(chance.randbytes(number))
        assert f"raw/{number} was added" in sealed.said(forge(folder, None))

        folder, name = sealed.copy(), chance.choice(covered)
        (folder / name).unlink()
        assert f"{name} is missing" in sealed.said(forge(folder, None))

        folder, name = sealed.copy(), chance.choice(covered)
        (folder / name).rename(folder / f"{name}.{number}")
        said = sealed.said(forge(folder, None))
        assert f"{name} is missing" in said
        assert f"{name}.{number} was added" in said

        folder, (one, other) = sealed.copy(), chance.sample(covered, 2)
        contents = (folder / one).read_bytes(), (folder / other).read_bytes()
        (folder / one).write_bytes(contents[1])
        (folder / other).write_bytes(contents[0])
        said = sealed.said(forge(folder, None))
        assert f"{one} was altered" in said
        assert f"{other} was altered" in said


def test_files_of_another_run(sealed: Sealed) -> None:
    theirs = [name for name in sums.names(sealed.other) if (sealed.folder / name).exists()]
    differing = [
        name
        for name in theirs
        if (sealed.other / name).read_bytes() != (sealed.folder / name).read_bytes()
    ]
    assert {"plan.json", "events.jsonl", "run.json", SUMS, SIGNATURE} <= set(differing)
    for name in differing:
        folder = sealed.copy()
        shutil.copy(sealed.other / name, folder / name)
        assert ("signature: " if name in (SUMS, SIGNATURE) else name) in sealed.said(
            forge(folder, None)
        )


def test_two_runs_that_exchanged_their_names(sealed: Sealed) -> None:
    sealed.copy()
    swapped = sealed.scratch / sealed.bundle.name
    shutil.copy(sealed.other_bundle, swapped)
    assert f"but the folder in it is {OTHER}" in sealed.said(swapped)
    shutil.rmtree(sealed.scratch)
    folder = Path(shutil.copytree(sealed.other, sealed.scratch / ID))
    assert f"its events say {OTHER}, its folder is {ID}" in sealed.said(folder)
    assert f"its events say {OTHER}, its folder is {ID}" in sealed.said(forge(folder, None))


def test_a_verdict_told_otherwise_than_the_events_do(sealed: Sealed) -> None:
    """By somebody who may sign: the seal holds, and the record still gives the lie away."""
    for name in ("run.json", "results.json"):
        folder = sealed.copy()
        told = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**told, "verdict": "NOT READY"}))
        said = sealed.said(forge(folder, sealed.keys["operator"]))
        assert "NOT READY" in said
        assert said.startswith(f"{name}: says")


def test_an_outcome_told_otherwise_in_a_chain_made_anew(sealed: Sealed) -> None:
    """Whoever makes the whole chain anew needs the key: the old signature does not hold."""
    folder = sealed.copy()
    events, prev = [], sha256((folder / "plan.json").read_bytes()).hexdigest()
    for line in (folder / "events.jsonl").read_text().splitlines():
        event = {**json.loads(line.replace('"x', '"y')), "prev": prev}
        events.append(json.dumps(event))
        prev = sha256(events[-1].encode()).hexdigest()
    (folder / "events.jsonl").write_text("".join(f"{line}\n" for line in events))
    (folder / SUMS).write_text(sums.lines(folder))
    assert "signature: " in sealed.said(forge(folder, None))
    assert "does not allow" in sealed.said(forge(folder, sealed.keys["stranger"]))


@pytest.mark.parametrize("change", BYTES)
def test_a_derived_file_changed_by_somebody_who_may_sign(sealed: Sealed, change: Change) -> None:
    """The seal holds, and what the record gives is another."""
    chance = random.Random(f"{SEED}{change.__name__}")
    for name in ("run.json", "results.json") * 10:
        folder = sealed.copy()
        file = folder / name
        file.write_bytes(change(file.read_bytes(), chance))
        said = sealed.said(forge(folder, sealed.keys["operator"]))
        assert said.startswith(f"{name}: "), said


@pytest.mark.parametrize("change", BYTES)
def test_a_plan_or_events_changed_by_somebody_who_may_sign(sealed: Sealed, change: Change) -> None:
    """Whatever they hold afterwards, `verify` comes to an end and says what does not hold."""
    chance = random.Random(f"{SEED}{change.__name__}")
    for name in ("plan.json", "events.jsonl") * 10:
        folder = sealed.copy()
        file = folder / name
        file.write_bytes(change(file.read_bytes(), chance))
        said = sealed.said(forge(folder, sealed.keys["operator"]))
        assert said.startswith(("record: ", "run.json: says verdict 'READY'")), said
