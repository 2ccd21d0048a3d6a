"""Asks a fleet about the subjects that failed, over the sessions that it has open."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from fleetmesh.diagnostics.cases import every, subjects
from fleetmesh.diagnostics.subject import Subject
from fleetmesh.facts.identity import stranger
from fleetmesh.gather.fleet import Fleet
from fleetmesh.gather.probe import Asking, Probe
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.sessions import Unreachable
from fleetmesh.text.legible import cut

_MOST = 12
"""Subjects that are asked about: where more fail, one cause has many of them."""
_ROUNDS = 2
"""The second asks about what the first has named: pods."""
_REFUSED = ("the account lacks", "not one of the questions on the list", "insufficient permissions")
"""How an API, the gate of a restricted key, and a journal say that the suite has no right."""


@dataclass(frozen=True)
class _Named:
    """Probes that go by one name, as those of a fact do."""

    name: str
    found: Mapping[str, Probe]

    def probes(self, _: Inventory) -> Mapping[str, Probe]:
        """Those that were found."""
        return self.found


def ask(
    fleet: Fleet,
    known: Snapshot,
    cases: Iterable[str],
    heard: Callable[[Iterable[Transcript]], None] = lambda _: None,
) -> None:
    """Ask about the `cases` of checks that do not hold; answers go into `known`, and to `heard`.

    A host that is lost, or that another machine answers for, is not asked again. Never raises for
    what a host does.
    """
    inventory = fleet.inventory
    about = tuple(dict.fromkeys(one for case in cases for one in subjects(inventory, case)))
    for _ in range(_ROUNDS):
        wanted = {
            key: probe
            for subject in about[:_MOST]
            for key, probe in subject.asks(inventory, known).items()
            if key[1] not in known.of(key[0]) and _answers(fleet, known, probe)
        }
        if not wanted:
            return
        found = [_told(transcript) for transcript in fleet.gather(_by_name(wanted))]
        for transcript in found:
            known.add(transcript)
        heard(found)


def everything(inventory: Inventory) -> tuple[Asking, ...]:
    """All that might be asked, as far as it is known before: what a restricted key is allowed."""
    return tuple(_by_name(_asked(every(inventory), inventory)))


def _asked(some: Iterable[Subject], inventory: Inventory) -> dict[tuple[str, str], Probe]:
    nothing = Snapshot()
    return {k: probe for subject in some for k, probe in subject.asks(inventory, nothing).items()}


def _by_name(asked: Mapping[tuple[str, str], Probe]) -> Iterator[_Named]:
    for name in dict.fromkeys(fact for fact, _ in asked):
        yield _Named(name, {s: probe for (fact, s), probe in asked.items() if fact == name})


def _answers(fleet: Fleet, known: Snapshot, probe: Probe) -> bool:
    host = probe.asked_of(fleet.inventory)
    session = fleet.sessions.get(host)
    if isinstance(session, Unreachable) or (session and session.lost):
        return False
    return stranger(known, fleet.inventory, host) is None


def _told(transcript: Transcript) -> Transcript:
    """An answer that is none, for want of a right, says so."""
    said = transcript.lost or transcript.out
    if not any(words in said for words in _REFUSED):
        return transcript
    said = said.strip().removeprefix(f"{transcript.host}: ")
    return replace(transcript, lost=cut(f"{transcript.host}: may not: {said}"))
