"""What a run has seen: the results, from which alone every report is drawn."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter

from fleetmesh.diagnostics import Diagnosis
from fleetmesh.evidence.cause import Cause
from fleetmesh.evidence.condition import Condition, State
from fleetmesh.evidence.outcomes import Outcome, Verdict, verdict
from fleetmesh.gather import plain
from fleetmesh.gather.transcript import Transcript
from fleetmesh.outages.watched import Watched
from fleetmesh.tunnels.path import Path

_CASES = 10_000
RUNBOOK = ("prereqs", "cutover", "production")
ROLLBACK = "rollback"
PHASES = (*RUNBOOK, ROLLBACK, "own")
"""The phases of the runbook, the way back from them, and the operators' own checks.

What holds after a rollback contradicts the cutover. So a run looks at it only if it is named.
"""


@dataclass(frozen=True)
class Result:
    """How one check ended for one subject, and everything that it looked at."""

    id: str
    nodeid: str
    phase: str
    statement: str
    subject: str
    runbook: str
    gate: str
    hint: str
    outcome: Outcome
    reason: str
    notes: tuple[str, ...]
    started: datetime
    seconds: float
    mends: bool = False
    """Whether the hint changes something, by which the check passes; else it only looks."""
    condition: Condition | None = None
    """Of what fails, advises or is inconclusive: whether it is not yet, settling, down, broken."""
    cause: str = ""
    """The name of the lost thing that explains it; empty if it stands by itself."""
    transcripts: tuple[Transcript, ...] = ()
    paths: tuple[Path, ...] = ()
    diagnosis: Diagnosis = field(default_factory=Diagnosis)
    """What was asked afterwards, because it does not hold; it has no part in the outcome."""

    @property
    def check(self) -> str:
        """The check's id and its case: `PROD-08.enabled[fleet-…]`."""
        return f"{self.id}[{self.subject}]" if self.subject else self.id

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """The hosts whose answers were consulted, in order."""
        return tuple(dict.fromkeys(transcript.host for transcript in self.transcripts))


_RESULT = TypeAdapter(Result)


@dataclass(frozen=True)
class HostSeen:
    """The machine that answered to a host's name; None stands for what was not observed."""

    address: str | None = None
    host_key: str | None = None
    """Its fingerprint, as `ssh-keygen -l` prints it."""
    machine_id: str | None = None
    os: str | None = None
    clock_offset: float | None = None
    """How many seconds its clock is ahead of the suite's."""


@dataclass(frozen=True)
class ClusterSeen:
    """The cluster that answered; `uid` is that of its namespace kube-system."""

    version: str | None = None
    uid: str | None = None


@dataclass(frozen=True)
class Origin:
    """Who made a run, where, and with what."""

    user: str = ""
    host: str = ""
    commit: str | None = None
    dirty: bool | None = None
    tools: dict[str, str] = field(default_factory=dict)


@dataclass
class Run:
    """A run: on which fleet, what was planned, and what came of it."""

    fleet: str
    kind: str
    inventory: str
    inventory_digest: str
    runbook: str
    started: datetime
    asked: tuple[str, ...] = ()
    """The phases of which checks were planned, as the run itself says."""
    planned: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """Checks and cases in the catalogue of its phases that were not planned."""
    catalogued: bool = True
    """Whether the plan lists the checks of its phases; if not, nobody knows what was left out."""
    lost: tuple[Cause, ...] = ()
    """What could not be reached, whether or not a check asked for it."""
    results: list[Result] = field(default_factory=list)
    finished: datetime | None = None
    writes: bool = False
    replayed: str | None = None
    """The folder whose transcripts were judged again; None for a run on the fleet itself."""
    id: str = ""
    """The name of the run's folder."""
    open: bool = False
    """Whether the record breaks off. Such a run is INCOMPLETE, whatever its results."""
    origin: Origin = field(default_factory=Origin)
    hosts: dict[str, HostSeen] = field(default_factory=dict)
    clusters: dict[str, ClusterSeen] = field(default_factory=dict)
    redactions: dict[str, int] = field(default_factory=dict)
    """How many secrets were replaced, by rule."""
    chain: str = ""
    """The digest of the last event, which stands for the whole record."""
    watched: Watched | None = None
    """What `watch` saw meanwhile."""
    channels: dict[str, int] = field(default_factory=dict)
    """SSH session channels that the run opened, by host; HTTP and Kubernetes use others."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Planned checks that did not report."""
        reported = {result.nodeid for result in self.results}
        return tuple(nodeid for nodeid in self.planned if nodeid not in reported)

    @property
    def deselected(self) -> int:
        """How many checks and cases were left out."""
        return len(self.left_out)

    @property
    def verdict(self) -> Verdict:
        """What the run amounts to."""
        if self.open:
            return Verdict.INCOMPLETE
        return verdict((r.outcome for r in self.results), missing=len(self.missing))

    @property
    def counts(self) -> Counter[Outcome]:
        """How many results ended in each outcome."""
        return Counter(result.outcome for result in self.results)

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases that were asked for, in the runbook's order.

        Of a complete run each has reported: what a record merely claims counts for nothing.
        """
        seen = {result.phase for result in self.results}
        if self.verdict is Verdict.INCOMPLETE:
            seen |= set(self.asked)
        return tuple(phase for phase in PHASES if phase in seen)

    @property
    def conclusion(self) -> str:
        """The verdict's word; a run that left out checks never claims READY."""
        whole = self.catalogued and not self.left_out
        in_part = self.verdict is Verdict.READY and not whole
        return "PASSED IN PART" if in_part else self.verdict.value

    @property
    def headline(self) -> str:
        """The verdict in one line, with the fleet's name and whether it is real.

        A run that left out checks never claims that a phase is ready.
        """
        what = self.conclusion
        counts = [(self.counts[outcome], outcome.value) for outcome in reversed(Outcome)]
        counted = ", ".join(f"{count} {word}" for count, word in counts if count)
        missing = f", {len(self.missing)} did not report" if self.missing else ""
        left_out = f", {self.deselected} left out" if self.deselected else ""
        if not self.catalogued:
            left_out += ", of a catalogue that the plan does not name"
        kind = f"{self.kind}, replayed" if self.replayed else self.kind
        return (
            f"{what}: {' + '.join(self.phases) or 'nothing'} on {self.fleet} "
            f"({kind}): {counted or 'no outcome'}{missing}{left_out}"
        )

    @property
    def states(self) -> Counter[State]:
        """How many failing and inconclusive results are in each state."""
        ends = (Outcome.FAIL, Outcome.INCONCLUSIVE)
        of = (result.condition for result in self.results if result.outcome in ends)
        return Counter(condition.state for condition in of if condition)

    def causes(self) -> dict[Cause, list[Result]]:
        """Why checks do not hold: all that is lost, each with what it explains, and then reasons.

        One unreachable host is one cause, not twenty. A reason stands for the inconclusive results
        that share it and that nothing lost explains.
        """
        found: dict[Cause, list[Result]] = {cause: [] for cause in self.lost}
        named = {cause.name: cause for cause in self.lost}
        for result in self.results:
            if result.cause in named:
                found[named[result.cause]].append(result)
            elif result.outcome is Outcome.INCONCLUSIVE:
                found.setdefault(Cause(result.reason), []).append(result)
        return found

    def unexplained(self) -> list[Result]:
        """The failing results that stand by themselves: nothing lost, and no step explains them."""
        return [result for result in self._failing() if not _is_not_yet(result)]

    def not_yet(self) -> dict[Condition, list[Result]]:
        """The failing results that a step of the runbook will mend, by what is to be done next."""
        found: dict[Condition, list[Result]] = {}
        for result in self._failing():
            if result.condition and _is_not_yet(result):
                found.setdefault(result.condition.next_step, []).append(result)
        return found

    def _failing(self) -> list[Result]:
        named = {cause.name for cause in self.lost}
        failing = (result for result in self.results if result.outcome is Outcome.FAIL)
        return [result for result in failing if result.cause not in named]

    def summary(self) -> dict[str, Any]:
        """The run without its transcripts, as plain data."""
        return {
            "verdict": self.conclusion,
            "headline": self.headline,
            "fleet": self.fleet,
            "kind": self.kind,
            "replayed": self.replayed,
            "writes": self.writes,
            "left_out": self.deselected,
            "inventory_digest": self.inventory_digest,
            "runbook": self.runbook,
            "started": self.started.isoformat(),
            "finished": self.finished.isoformat() if self.finished else None,
            "channels": self.channels,
            "missing": list(self.missing),
            "lost": [cause.plain() for cause in self.lost],
            "results": [
                {
                    "id": result.id,
                    "check": result.check,
                    "phase": result.phase,
                    "subject": result.subject,
                    "outcome": result.outcome.value,
                    "reason": result.reason,
                    "quotes": [str(quote) for quote in result.diagnosis.quotes],
                    "condition": _condition(result),
                    "cause": result.cause,
                    "hint": result.hint,
                    "mends": result.mends,
                    "notes": list(result.notes),
                    "hosts": list(result.hosts),
                    "paths": [str(path) for path in result.paths],
                    "started": result.started.isoformat(),
                    "seconds": round(result.seconds, 6),
                }
                for result in self.results
            ],
        }


def left_out(
    catalogue: Iterable[Mapping[str, Any]], planned: Iterable[str], broken: Iterable[str] = ()
) -> tuple[str, ...]:
    """What a plan's catalogue has and the plan has not: its check, once for each case.

    A check that a sentence in `broken` begins with is missing rather than left out. Raises
    ValueError if more is planned than the catalogue has; LookupError or TypeError if it is not a
    catalogue.
    """
    counted = Counter(nodeid.partition("[")[0] for nodeid in set(planned))
    told = Counter(what.partition(", which ")[0].partition("[")[0] for what in broken)
    found: list[str] = []
    for entry in catalogue:
        name, cases = str(entry["check"]), entry["cases"]
        if cases is None:  # it stands in a file, and pytest never offered it
            cases, told[name] = 1 - min(1, told[name]), told[name] - 1
            found += [name] * cases
            continue
        there = counted.pop(name, 0)
        if type(cases) is not int or not there <= cases <= _CASES or cases < 1:
            raise ValueError(f"{there} cases of {name} are planned, of {cases!r}")
        excused = max(0, min(told[name], cases - there))
        told[name] -= excused
        found += [name] * (cases - there - excused)
    if counted:
        raise ValueError(f"the catalogue does not name {', '.join(sorted(counted))}")
    return tuple(found)


def _is_not_yet(result: Result) -> bool:
    return result.condition is not None and result.condition.state is State.NOT_YET


def _condition(result: Result) -> dict[str, Any] | None:
    return result.condition.plain() if result.condition else None


def of_result(result: Result, keys: list[str]) -> dict[str, Any]:
    """A result as plain data; `keys` name its transcripts."""
    return {
        "id": result.id,
        "check": result.check,
        "nodeid": result.nodeid,
        "phase": result.phase,
        "statement": result.statement,
        "subject": result.subject,
        "runbook": result.runbook,
        "gate": result.gate,
        "hint": result.hint,
        "mends": result.mends,
        "outcome": result.outcome.value,
        "reason": result.reason,
        "condition": _condition(result),
        "cause": result.cause,
        "notes": list(result.notes),
        "started": plain.rfc3339(result.started),
        "seconds": round(result.seconds, 6),
        "transcripts": keys,
        "paths": [{"text": str(path), **asdict(path)} for path in result.paths],
    }


def to_result(entry: Mapping[str, Any], transcripts: Mapping[str, Transcript]) -> Result:
    """What `of_result` was given. Raises ValueError, KeyError or TypeError."""
    # Records of before there were such hints, conditions and causes have none.
    entry = {"mends": False, "condition": None, "cause": "", **entry}
    own = (field.name for field in fields(Result) if field.name != "diagnosis")
    given = {name: entry[name] for name in own}
    given["started"] = plain.moment(entry["started"])
    if "until" in (entry["condition"] or {}):
        until = plain.moment(entry["condition"]["until"])
        given["condition"] = {**entry["condition"], "until": until}
    given["transcripts"] = tuple(transcripts[key] for key in entry["transcripts"])
    result = _RESULT.validate_python(given)
    plain.bounded(result.seconds)
    return result


def of_diagnosis(result: Result, keys: list[str]) -> dict[str, Any]:
    """A result's diagnosis as plain data; `keys` name its transcripts."""
    return {
        "check": result.check,
        "nodeid": result.nodeid,
        "quotes": [asdict(quote) for quote in result.diagnosis.quotes],
        "transcripts": keys,
    }


def to_diagnosis(entry: Mapping[str, Any], transcripts: Mapping[str, Transcript]) -> Diagnosis:
    """What `of_diagnosis` was given. Raises ValueError, KeyError or TypeError."""
    given = {
        "quotes": entry["quotes"],
        "transcripts": tuple(transcripts[key] for key in entry["transcripts"]),
    }
    return TypeAdapter(Diagnosis).validate_python(given)
