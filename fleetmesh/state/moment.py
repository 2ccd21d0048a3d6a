"""The state of a fleet at the moment of a run or a recording."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fleetmesh.evidence.folder import read_events, snapshot_of
from fleetmesh.evidence.journal import EVENTS
from fleetmesh.evidence.sums import Refused
from fleetmesh.facts import NotUnderstood
from fleetmesh.facts.fact import Inconclusive
from fleetmesh.facts.identity import disown
from fleetmesh.gather.snapshot import NotARecording, Snapshot
from fleetmesh.inventory import Inventory, InventoryError, load
from fleetmesh.state import clusters, machines, sockets, tunnels
from fleetmesh.state.kind import Around, Kind, NoState, State

ALL: tuple[Kind[Any] | NoState, ...] = (
    *machines.STATES,
    *sockets.STATES,
    *tunnels.STATES,
    *clusters.STATES,
)
"""What each fact has to say of state, in the order in which changes are told."""
KINDS = {kind.fact.name: kind for kind in ALL if isinstance(kind, Kind)}
_INVENTORY, _RECORDING = "inventory.yaml", "transcripts.json.xz"


@dataclass(frozen=True)
class Unseen:
    """A subject of which nothing is known, and why."""

    why: str


Seen = Mapping[str, State | Unseen]
"""What a fact says, by subject."""


@dataclass(frozen=True)
class Moment:
    """A snapshot, with the inventory that it was asked by."""

    name: str
    inventory: Inventory
    snapshot: Snapshot

    def asked(self, fact: str) -> bool:
        """Whether the fleet was asked for this fact at all."""
        return bool(self.snapshot.of(fact))

    def seen(self, fact: str) -> Seen:
        """The state that the fact of this name holds."""
        kind = KINDS[fact]
        around = Around(self.inventory, self.snapshot)
        found: dict[str, State | Unseen] = {}
        observed = around.observed(kind.fact)
        for subject, transcript in self.snapshot.of(fact).items():
            try:
                value = observed[subject]
                found[subject] = kind.describe(value, replace(around, host=transcript.host))
            except (Inconclusive, NotUnderstood) as error:
                found[subject] = Unseen(str(error))
        return found


def moment(folder: Path) -> Moment:
    """Read what a run or a recording left in `folder`. Raises Refused or BrokenRecord."""
    try:
        if (folder / EVENTS).exists():
            snapshot = snapshot_of(read_events(folder))
        else:
            snapshot = Snapshot.read(folder / _RECORDING)
        inventory = load(folder / _INVENTORY)
    except NotARecording as error:
        raise Refused(str(error)) from None
    except InventoryError as error:
        raise Refused(f"{folder / _INVENTORY}: {'; '.join(map(str, error.problems))}") from None
    return Moment(folder.name, inventory, disown(snapshot, inventory))
