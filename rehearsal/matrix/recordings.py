"""The recordings in the repository: each ground whole, and of each fault what it changed.

One file each, `NAME.json.xz`. Its inventory is a JSON Merge Patch (RFC 7396) of that of the
rehearsal fleet, so that a new field of inventories is no matter here. A fault has the transcripts
that differ from its ground's; whatever else is known of the ground, new facts included, holds for
it as well. But of a host that answered nothing in the fault, nothing new is known.
"""

from __future__ import annotations

import json
import lzma
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from fleetmesh.facts.machines import MACHINES
from rehearsal.faults import FAULTS
from rehearsal.paths import INVENTORY, RECORDINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from rehearsal.faults.fault import Fault, Ground

SUFFIX = ".json.xz"
_INVENTORY, _TRANSCRIPTS = "inventory.yaml", "transcripts.json.xz"
_VOLATILE = ("started", "seconds", "sent", "received")
"""When it was said: no difference."""
_ASKED = ("fact", "subject", "host", "command", "started", "seconds")
"""What is known of a question without an answer."""

Place = tuple[str, str]
"""Fact and subject."""
Entry = dict[str, Any]


@dataclass(frozen=True)
class Recording:
    """One moment of the fleet, or what of it differs from another's."""

    taken: str
    inventory: dict[str, Any]
    """The change to fleets/rehearsal.yaml."""
    transcripts: dict[Place, Entry]
    """Of a difference, merge patches."""
    gone: tuple[Place, ...] = ()
    """What the other has, and this one has not."""

    def less(self, ground: Recording) -> Recording:
        """What of it differs from `ground`."""
        differing = {
            place: patch(ground.transcripts.get(place, {}), entry)
            for place, entry in self.transcripts.items()
            if _said(entry) != _said(ground.transcripts.get(place, {}))
        }
        gone = tuple(sorted(ground.transcripts.keys() - self.transcripts.keys()))
        return replace(self, transcripts=differing, gone=gone)

    def on(self, ground: Recording) -> Recording:
        """The whole of which this is the difference to `ground`."""
        held = {p: entry for p, entry in ground.transcripts.items() if p not in self.gone}
        changed = {
            place: patched(held.get(place, {}), change)
            for place, change in self.transcripts.items()
        }
        held |= dict(self._lost(changed, {p: e for p, e in held.items() if p not in changed}))
        return replace(self, transcripts=held | changed, gone=())

    def _lost(
        self, changed: Mapping[Place, Entry], held: Mapping[Place, Entry]
    ) -> Iterator[tuple[Place, Entry]]:
        """What the ground was asked only later, of hosts that answered nothing here."""
        causes = {
            entry["host"]: entry["lost"]
            for (fact, _), entry in changed.items()
            if fact == MACHINES.name and entry.get("lost")
        }
        taken = datetime.fromisoformat(self.taken)
        for place, entry in held.items():
            if entry["host"] in causes and datetime.fromisoformat(entry["started"]) > taken:
                question = {name: entry[name] for name in _ASKED}
                yield place, question | {"lost": causes[entry["host"]]}

    def with_facts_of(self, later: Recording) -> Recording:
        """It, and of `later` the facts of which it knows nothing."""
        known = {fact for fact, _ in self.transcripts}
        more = {p: entry for p, entry in later.transcripts.items() if p[0] not in known}
        return replace(self, transcripts=self.transcripts | more)

    def write(self, file: Path) -> None:
        """Write it so that the same content is the same bytes."""
        found = {
            "taken": self.taken,
            "inventory": self.inventory,
            "transcripts": [
                {"fact": fact, "subject": subject} | self.transcripts[fact, subject]
                for fact, subject in sorted(self.transcripts)
            ],
            "gone": self.gone,
        }
        file.write_bytes(lzma.compress(json.dumps(found, indent=1, sort_keys=True).encode()))

    def unpack(self, folder: Path) -> None:
        """Write what `pytest --replay` reads into a folder that is there."""
        document = patched(_base(), self.inventory)
        text = yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False)
        (folder / _INVENTORY).write_text(text)
        found = {"taken": self.taken, "transcripts": [*self.transcripts.values()]}
        (folder / _TRANSCRIPTS).write_bytes(lzma.compress(json.dumps(found).encode(), preset=0))


def taken_in(folder: Path) -> Recording:
    """The whole recording that `take` has left in a folder."""
    document = yaml.load((folder / _INVENTORY).read_text(), yaml.CSafeLoader)
    found = json.loads(lzma.decompress((folder / _TRANSCRIPTS).read_bytes()))
    by_place = {_place(entry): entry for entry in found["transcripts"]}
    return Recording(found["taken"], patch(_base(), document), by_place)


def read(file: Path) -> Recording:
    """What `Recording.write` has written. Raises RuntimeError where there is none."""
    try:
        found = json.loads(lzma.decompress(file.read_bytes()))
    except OSError as error:
        raise RuntimeError(f"there is no recording {file.name}: {error.strerror}") from None
    return Recording(
        found["taken"],
        found["inventory"],
        {_place(entry): entry for entry in found["transcripts"]},
        tuple((fact, subject) for fact, subject in found["gone"]),
    )


def whole(name: str) -> Recording:
    """The recording of a fault, or of a ground (`ground-after`), with all that holds for it.

    Raises RuntimeError where there is none.
    """
    if name not in FAULTS:
        return _read(name)
    return _read(name).on(_read(title(FAULTS[name].ground)))


def keep(held: Iterable[type[Fault]], folder: Path) -> None:
    """Put the recordings of these faults, which `take` left in `folder`, into the repository.

    A ground that is there already gets what it did not know. It is taken anew where most of its
    faults are: the others differ from it by everything, beginning with the keys.
    """
    held = set(held)
    for ground in {fault.ground for fault in held}:
        file = RECORDINGS / f"{title(ground)}{SUFFIX}"
        found = taken_in(folder / title(ground))
        of = {fault for fault in FAULTS.values() if fault.ground is ground}
        wholes = {fault: taken_in(folder / fault.title()) for fault in of & held}
        if file.exists() and len(wholes) <= len(of) / 2:
            found = read(file).with_facts_of(found)
        elif file.exists():
            there = {f for f in of - held if (RECORDINGS / f"{f.title()}{SUFFIX}").exists()}
            wholes |= {f: whole(f.title()).with_facts_of(found) for f in there}
        found.write(file)
        for fault, taken in wholes.items():
            taken.less(found).write(RECORDINGS / f"{fault.title()}{SUFFIX}")
    known = FAULTS.keys() | {title(fault.ground) for fault in FAULTS.values()}
    for stale in (path for path in RECORDINGS.iterdir() if name_of(path) not in known):
        stale.unlink()


def title(ground: type[Ground]) -> str:
    """The name of a ground's recording."""
    return f"ground-{ground.name}"


def name_of(file: Path) -> str:
    """The fault or ground whose recording a file is."""
    return file.name.removesuffix(SUFFIX)


def patch(base: Any, wanted: Any) -> Any:
    """The JSON Merge Patch that makes `wanted` of `base`; it cannot set anything to null."""
    if not (isinstance(base, dict) and isinstance(wanted, dict)):
        return wanted
    removed = dict.fromkeys(base.keys() - wanted.keys())
    changed = {
        key: patch(base.get(key), value)
        for key, value in wanted.items()
        if key not in base or base[key] != value
    }
    return dict(sorted((removed | changed).items()))


def patched(base: Any, change: Any) -> Any:
    """What RFC 7396 makes of `base` by a merge patch."""
    if not isinstance(change, dict):
        return change
    made = dict(base) if isinstance(base, dict) else {}
    for key, value in change.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = patched(made.get(key), value)
    return made


@cache
def _read(name: str) -> Recording:
    return read(RECORDINGS / f"{name}{SUFFIX}")


@cache
def _base() -> dict[str, Any]:
    document: dict[str, Any] = yaml.load(INVENTORY.read_text(), yaml.CSafeLoader)
    return document


def _place(entry: Entry) -> Place:
    return entry["fact"], entry["subject"]


def _said(entry: Entry) -> Entry:
    return {key: value for key, value in entry.items() if key not in _VOLATILE}
