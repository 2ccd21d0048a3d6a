"""Only answers from the machine that was asked count."""

from dataclasses import replace

from fleetmesh.facts.answers import SSH_ANSWERS
from fleetmesh.facts.fact import NotUnderstood
from fleetmesh.facts.machines import MACHINES
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.inventory import Inventory

_OF_THE_MACHINE_ITSELF = {MACHINES.name, SSH_ANSWERS.name}


def disown(snapshot: Snapshot, inventory: Inventory) -> Snapshot:
    """The snapshot without answers that another machine gave in a host's name.

    A machine that gives another name than the inventory does is not believed: each of its
    transcripts is lost, and that is the cause. What it says about itself stays, for PRE-01 to
    judge.
    """
    strangers = {
        host: cause for host in inventory.hosts if (cause := stranger(snapshot, inventory, host))
    }
    owned = Snapshot(taken=snapshot.taken, recorded=snapshot.recorded)
    for group in snapshot.transcripts.values():
        for transcript in group.values():
            cause = strangers.get(transcript.host)
            if cause and transcript.fact not in _OF_THE_MACHINE_ITSELF:
                owned.add(replace(transcript, lost=cause))
            else:
                owned.add(transcript)
    return owned


def stranger(snapshot: Snapshot, inventory: Inventory, host: str) -> str | None:
    """Why the machine that answers to a host's name is not believed; None if nothing is known."""
    transcript = snapshot.of(MACHINES.name).get(host)
    if transcript is None or transcript.lost:
        return None
    try:
        found = MACHINES.read(transcript).hostname
    except NotUnderstood:
        return None
    expected = inventory.hosts[host].hostname
    return None if found == expected else f"{host} calls itself {found}, not {expected}"
