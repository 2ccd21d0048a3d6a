"""What explains an outcome: the lost thing behind it, and in what condition it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fleetmesh.causes.known import Known
from fleetmesh.causes.lost import Lost
from fleetmesh.causes.steps import Progress, Step, covers
from fleetmesh.causes.witnesses import Witnesses
from fleetmesh.evidence.cause import Cause
from fleetmesh.evidence.condition import Condition, State
from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.facts import FACTS, NotUnderstood
from fleetmesh.facts.answers import SERVICE_ANSWERS, SSH_ANSWERS, TUNNEL_ANSWERS, Answer
from fleetmesh.facts.clusters import INSIDE_ANSWERS
from fleetmesh.facts.logins import LOGINS
from fleetmesh.facts.machines import KUBECTL, MACHINES
from fleetmesh.facts.pins import KNOWN_HOSTS
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Bridge, Inventory, Login, RetiredTunnel, Tunnel

_EXPLAINED = (Outcome.FAIL, Outcome.INCONCLUSIVE)
_TRIES = ("active", "activating", "reloading", "deactivating")
"""States of a unit that has its ssh run, or will start it again; systemctl(1)."""


@dataclass(frozen=True)
class Judged:
    """How a check has ended, and what it was about."""

    outcome: Outcome
    step: Step | None
    """The step of the runbook without which it does not hold."""
    subject: Any
    """What of the inventory it is about; None if it is about the fleet as a whole."""
    looked_at: Sequence[Transcript]
    until: datetime | None = None
    """The moment from which it holds by itself, if the check says one."""

    @property
    def facts(self) -> set[str]:
        """The names of the facts that it looked at."""
        return {transcript.fact for transcript in self.looked_at}


class Explanations:
    """What a snapshot has to say about the checks that were judged by it."""

    def __init__(self, snapshot: Snapshot, inventory: Inventory) -> None:
        self._inventory = inventory
        self._known = Known(snapshot, inventory)
        self._lost = Lost(self._known)
        self._progress = Progress(self._known)
        self._witnesses = Witnesses(self._known)
        self._usable: dict[int, bool] = {}

    @property
    def lost(self) -> tuple[Cause, ...]:
        """Everything that is lost."""
        return self._lost.all

    def cause(self, judged: Judged) -> Cause | None:
        """The lost thing for which a check does not hold; None if it stands by itself.

        Each answer that it looked at must bear the cause, or show what follows from it.
        """
        if judged.outcome not in _EXPLAINED or not judged.looked_at:
            return None
        return (
            self._unusable(judged.looked_at)
            or self._restated(judged)
            or (self._disconnected(judged) if judged.step == "start" else None)
        )

    def condition(self, judged: Judged) -> Condition | None:
        """In what condition it is; None for an outcome that needs no explanation."""
        if judged.outcome not in (*_EXPLAINED, Outcome.WARN):
            return None
        if judged.outcome is Outcome.FAIL and judged.looked_at:
            answer = self._answer(judged.looked_at[-1])
            if answer and (answer.refused or (answer.status or 0) >= 500):
                return Condition(State.DOWN)
        if pending := self._pending(judged):
            return pending
        if judged.until:
            return Condition(State.SETTLING, until=judged.until)
        return Condition(State.BROKEN)

    def _unusable(self, looked_at: Iterable[Transcript]) -> Cause | None:
        """What all answers are lost for that could not be used."""
        for one in looked_at:
            if id(one) not in self._usable:  # many checks look at the same
                self._usable[id(one)] = _usable(one)
        unusable = (one for one in looked_at if not self._usable[id(one)])
        causes = {self._lost.of_transcript(one) for one in unusable}
        return causes.pop() if len(causes) == 1 else None

    def _restated(self, judged: Judged) -> Cause | None:
        """The loss that the check itself has found, by its last answer."""
        last, facts, failed = judged.looked_at[-1], judged.facts, judged.outcome is Outcome.FAIL
        if last.fact == SSH_ANSWERS.name or facts == {SSH_ANSWERS.name, MACHINES.name}:
            return self._lost.hosts.get(last.subject)
        if failed and facts == {KUBECTL.name}:
            clusters = [c.id for c in self._inventory.clusters.values() if c.host == last.subject]
            return next((self._lost.apis[c] for c in clusters if c in self._lost.apis), None)
        if failed and last.fact == LOGINS.name and KNOWN_HOSTS.name not in facts:
            return self._lost.logins.get(last.subject)
        return self._lost.names.get(last.subject) if last.fact == INSIDE_ANSWERS.name else None

    def _disconnected(self, judged: Judged) -> Cause | None:
        """The loss for which a tunnel that is there, and tries, has no connection."""
        if not isinstance(judged.subject, Tunnel | Bridge):
            return None
        (tunnel,) = self._tunnels(judged.subject)
        login = next(one for one in self._inventory.logins if tunnel in one.tunnels)
        cause, unit = self._lost.logins.get(login.id), self._known.unit(tunnel)
        if cause is None or unit is None or unit.active not in _TRIES:
            return None
        listens = self._known.holders(tunnel.host, tunnel.listen.port) != []
        if listens and cause.kind == "log-in":
            return None  # a connection that is there needs no new log-in
        follows = self._witnesses.disconnected(tunnel, judged.subject, judged.looked_at)
        return cause if follows else None

    def _answer(self, transcript: Transcript) -> Answer | None:
        """The answer of a service, if it is one."""
        if transcript.fact == INSIDE_ANSWERS.name:
            inside = self._known.of(INSIDE_ANSWERS).get(transcript.subject)
            return inside.answer if inside else None
        for fact in (TUNNEL_ANSWERS, SERVICE_ANSWERS):
            if transcript.fact == fact.name:
                return self._known.of(fact).get(transcript.subject)
        return None

    def _pending(self, judged: Judged) -> Condition | None:
        """The step without which the check cannot hold, if all is as it is before that step.

        For what the workstation's tunnels must leave, one that is left is enough.
        """
        if judged.step is None:
            return None
        about, waiting = self._tunnels(judged.subject), {}
        for tunnel in about:
            if found := self._progress.waits_for(judged.step, tunnel):
                waiting[tunnel.id] = (tunnel, found)
        if not waiting or (judged.step != "down" and len(waiting) < len(about)):
            return None
        tunnels = [tunnel for tunnel, _ in waiting.values()]
        seen = judged.looked_at
        if not self._witnesses.before(judged.step, judged.subject, tunnels, seen):
            return None
        return next(found for _, found in waiting.values())

    def _tunnels(self, subject: Any) -> tuple[Tunnel, ...]:
        """The tunnels that a check about `subject` concerns; a host's, and all for the fleet."""
        tunnels = tuple(self._inventory.tunnels.values())
        match subject:
            case Tunnel():
                return (subject,)
            case Bridge():
                return (self._inventory.tunnels[subject.tunnel],)
            case Login():
                return subject.tunnels
            case RetiredTunnel():
                return tuple(tunnel for tunnel in tunnels if covers(subject, tunnel))
            case str():
                return self._inventory.tunnels_at(subject)
            case _:
                return tunnels


def _usable(transcript: Transcript) -> bool:
    """Whether an answer came, and says something."""
    if transcript.lost:
        return False
    if fact := FACTS.get(transcript.fact):
        try:
            fact.read(transcript)
        except NotUnderstood:
            return False
    return True
