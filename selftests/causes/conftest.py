"""Snapshots of the rehearsal fleet from the recordings, to be changed and explained."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from fleetmesh.causes.explain import Explanations, Judged
from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.facts.identity import disown
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.inventory import Inventory, load
from rehearsal.matrix import recordings

HUB, ISSUES = "fleet-state-hub-coulombcore", "fleet-issue-core-coulombcore"
Change = Callable[[str], str]


@cache
def _recorded(name: str) -> tuple[Inventory, Snapshot]:
    with TemporaryDirectory() as folder:
        place = Path(folder)
        recordings.whole(name).unpack(place)
        (file,) = (each for each in place.iterdir() if each.name != "inventory.yaml")
        return load(place / "inventory.yaml"), Snapshot.read(file)


class Fleet:
    """A recording, of which facts can be left out or told otherwise."""

    def __init__(self, name: str) -> None:
        self.inventory, recorded = _recorded(name)
        self.snapshot = Snapshot(recorded.taken, recorded=True)
        for transcript in recorded:
            self.snapshot.add(transcript)

    def without(self, *facts: str) -> "Fleet":
        """As if nobody had asked for these."""
        for fact in facts:
            self.snapshot.transcripts.pop(fact, None)
        return self

    def told(self, fact: str, subject: str, change: Change) -> "Fleet":
        """With another answer, which differs from the one that was given."""
        transcript = self.snapshot.of(fact)[subject]
        text = change(transcript.out)
        assert text != transcript.out, "nothing is changed"
        self.snapshot.add(replace(transcript, stdout=text.encode()))
        return self

    def given(self, fact: str, subject: str, **fields: Any) -> "Fleet":
        """With other fields of an answer."""
        self.snapshot.add(replace(self.snapshot.of(fact)[subject], **fields))
        return self

    @property
    def explanations(self) -> Explanations:
        """What it has to say."""
        return Explanations(disown(self.snapshot, self.inventory), self.inventory)

    def judged(
        self, outcome: Outcome, step: Any, subject: Any, *looked_at: tuple[str, str]
    ) -> Judged:
        """A check about `subject` that ended so, after it looked at these answers."""
        owned = disown(self.snapshot, self.inventory)
        return Judged(
            outcome, step, subject, tuple(owned.of(fact)[name] for fact, name in looked_at)
        )


@pytest.fixture
def fleet() -> Callable[[str], Fleet]:
    """Makes one from a recording."""
    return Fleet
