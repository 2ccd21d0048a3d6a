"""What stays of a run: how it ended, how each check ended and what it saw."""

import re
from dataclasses import dataclass
from datetime import datetime

from fleetmesh.evidence.run import Result, Run
from fleetmesh.gather.transcript import Transcript

_CLUSTER_IP = re.compile(rb'"clusterIP":\s*"([0-9a-fA-F.:]+)"')
_VOLATILE = re.compile(r"[+-]\d+\.\d+|\b\d+(\.\d+)?(?= (s|MiB)\b)|(?<=session )\d+")
"""What differs from run to run without meaning anything: durations, clock offsets, free space,
session numbers."""


@dataclass(frozen=True)
class CheckSeen:
    """How one check ended, and what it saw."""

    id: str
    check: str
    phase: str
    outcome: str
    reason: str
    saw: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """One run, without its transcripts."""

    run: str
    fleet: str
    kind: str
    phases: tuple[str, ...]
    verdict: str
    headline: str
    started: datetime
    finished: datetime | None
    replayed: bool
    chain: str
    sealed: str
    """`signed`, `sealed` without a signature, or empty; claimed here, proven by `verify` alone."""
    checks: tuple[CheckSeen, ...]
    open: bool = False
    """Whether its record breaks off and nobody has closed it: the run may still go on."""

    @property
    def ready(self) -> bool:
        """Whether the run is evidence that its phases are ready: complete, and asked anew."""
        return self.verdict == "READY" and not self.replayed

    @classmethod
    def of(cls, run: Run, sealed: str = "") -> "Entry":
        """What stays of a run."""
        addresses = _Addresses()
        return cls(
            run=run.id,
            fleet=run.fleet,
            kind=run.kind,
            phases=run.phases,
            verdict=run.conclusion,
            headline=run.headline,
            started=run.started,
            finished=run.finished,
            replayed=run.replayed is not None,
            chain=run.chain,
            sealed=sealed,
            checks=tuple(_seen(result, addresses) for result in run.results),
        )


def _seen(result: Result, addresses: "_Addresses") -> CheckSeen:
    looked_at = {id(transcript): transcript for transcript in result.transcripts}
    there = set[str]().union(*map(addresses, looked_at.values()))
    said = (*result.notes, *(f"path {path}" for path in result.paths))
    saw = (*(_VOLATILE.sub("…", note) for note in said), *sorted(there))
    return CheckSeen(
        result.id, result.check, result.phase, result.outcome.value, result.reason, tuple(saw)
    )


class _Addresses:
    """The ClusterIPs in an answer; each answer is searched once, however many checks saw it."""

    def __init__(self) -> None:
        self._found: dict[int, frozenset[str]] = {}

    def __call__(self, transcript: Transcript) -> frozenset[str]:
        """Those that `transcript` names."""
        stream = transcript.stdout
        if id(stream) not in self._found:
            found = _CLUSTER_IP.findall(stream)
            self._found[id(stream)] = frozenset(f"ClusterIP {ip.decode()}" for ip in found)
        return self._found[id(stream)]
