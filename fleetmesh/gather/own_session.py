"""The suite's own SSH sessions with the hosts: what they reached, or why not."""

from dataclasses import dataclass

from fleetmesh.by_hand import log_in
from fleetmesh.gather.probe import Errand, OfHost, Question
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.sessions import ConfigProblem, HostKeyMismatch, HostKeyUnknown, Unreachable

_LASTING = (HostKeyMismatch, HostKeyUnknown, ConfigProblem)
"""What does not go away by itself, so that nobody need wait for it."""


@dataclass(frozen=True)
class OwnSession(OfHost):
    """The suite's session with a host: what it reached and how it was identified."""

    host: str

    def typed(self, inventory: Inventory) -> str:
        """A log-in that tells of itself."""
        return log_in(inventory, self.host)


class Identities(Errand):
    """Whom the sessions reached. A host that cannot be reached answers with the cause."""

    to_the_lost = True

    def answers(self) -> list[Transcript]:
        """Look at each."""
        return [self._answer(question) for question in self.questions]

    def _answer(self, question: Question) -> Transcript:
        session = self.fleet.sessions[question.host]
        if isinstance(session, Unreachable):
            lasts = {"lasts": "yes"} if isinstance(session, _LASTING) else {}
            return question.answer(exit_status=255, stderr=session.cause.encode(), details=lasts)
        seen = session.identity
        details = {
            "peer": seen.address,
            "host_key": seen.host_key or "",
            "fingerprint": seen.fingerprint or "",
        }
        text = "".join(f"{key}: {value}\n" for key, value in details.items())
        return question.answer(exit_status=0, stdout=text.encode(), details=details)


OwnSession.errand = Identities
