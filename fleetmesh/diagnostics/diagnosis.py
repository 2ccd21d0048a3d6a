"""What the answers amount to: for a check that does not hold, the lines that tell why."""

from dataclasses import dataclass

from fleetmesh.diagnostics.cases import subjects
from fleetmesh.diagnostics.subject import MARK, Quote
from fleetmesh.facts.logins import LOGINS
from fleetmesh.facts.pods import PODS
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory

_FACTS = (LOGINS.name, PODS.name)


@dataclass(frozen=True)
class Diagnosis:
    """Lines that tell why, and the whole answers that were looked through for them."""

    quotes: tuple[Quote, ...] = ()
    transcripts: tuple[Transcript, ...] = ()


def concerning(known: Snapshot) -> Snapshot:
    """Of what is known, all that a diagnosis looks at."""
    found = Snapshot(taken=known.taken, recorded=known.recorded)
    for transcript in known:
        if transcript.fact.startswith(MARK) or transcript.fact in _FACTS:
            found.add(transcript)
    return found


def diagnose(inventory: Inventory, known: Snapshot, case: str, reason: str) -> Diagnosis:
    """What is known of a check's case that does not hold for this reason.

    What the reason says already is not quoted once more.
    """
    about = subjects(inventory, case)
    quotes = [one for each in about for one in each.quotes(inventory, known)]
    heard = [one for each in about for one in each.heard(inventory, known)]
    return Diagnosis(
        tuple(one for one in dict.fromkeys(quotes) if one.text not in reason),
        tuple(
            transcript for place, transcript in enumerate(heard) if transcript not in heard[:place]
        ),
    )
