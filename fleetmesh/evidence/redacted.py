"""A record without secrets: transcripts, and what was said from them."""

from dataclasses import replace
from typing import Any

from fleetmesh.evidence.run import Result
from fleetmesh.facts import FACTS, NotUnderstood
from fleetmesh.gather.transcript import Transcript
from fleetmesh.redaction import Redactor
from fleetmesh.redaction.marks import marks
from fleetmesh.tunnels.path import Path


class RecordRedactor(Redactor):
    """Replaces the secrets in all that a record is made of."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._done: dict[int, tuple[Transcript, Transcript]] = {}

    def transcript(self, transcript: Transcript) -> Transcript:
        """A transcript without its secrets; the same one for the same one."""
        known = self._done.get(id(transcript))
        if known is None:
            shown = replace(
                transcript,
                command=self.text(transcript.command),
                stdout=self.heard(transcript.stdout),
                stderr=self.heard(transcript.stderr),
                lost=None if transcript.lost is None else self.told(transcript.lost),
                details={
                    name: self.detail(name, value) for name, value in transcript.details.items()
                },
            )
            shown = replace(shown, hides=transcript.hides or _hidden(transcript, shown))
            known = self._done[id(transcript)] = (transcript, shown)
            self._done[id(shown)] = (shown, shown)
        return known[1]

    def result(self, result: Result) -> Result:
        """A result without secrets: in its transcripts, and in what was said from them."""
        transcripts = tuple(map(self.transcript, result.transcripts))
        return replace(
            result,
            transcripts=transcripts,
            reason=self.told(result.reason),
            hint=self.told(result.hint),
            condition=result.condition
            and replace(result.condition, command=self.told(result.condition.command)),
            notes=tuple(map(self.told, result.notes)),
            paths=tuple(map(self._path, result.paths)),
        )

    def _path(self, path: Path) -> Path:
        hops = (
            replace(
                hop,
                place=self.told(hop.place),
                holder=self.told(hop.holder),
                sockets=tuple(map(self.told, hop.sockets)),
            )
            for hop in path.hops
        )
        broken = None if path.broken is None else self.told(path.broken)
        return replace(path, hops=tuple(hops), broken=broken)


def _hidden(heard: Transcript, shown: Transcript) -> tuple[str, ...]:
    """The rules whose marks change what the fact says: nobody can judge it any more by `shown`."""
    if (heard.stdout, heard.stderr, heard.details) == (shown.stdout, shown.stderr, shown.details):
        return ()
    if _read(heard) == _read(shown):
        return ()
    return marks((shown.stdout, shown.stderr, shown.details))


def _read(transcript: Transcript) -> Any:
    fact = FACTS.get(transcript.fact)
    try:
        return fact.read(transcript) if fact else None
    except NotUnderstood:
        return NotUnderstood
