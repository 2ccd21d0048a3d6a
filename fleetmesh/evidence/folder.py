"""A run's folder, read: the run as its events tell it. docs/evidence.md has the format."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from fleetmesh.diagnostics import Diagnosis
from fleetmesh.evidence import files
from fleetmesh.evidence.cause import Cause
from fleetmesh.evidence.files import MIB
from fleetmesh.evidence.journal import EVENTS, PLAN, RAW
from fleetmesh.evidence.run import Run, left_out, to_diagnosis, to_result
from fleetmesh.evidence.seen import seen_clusters, seen_hosts
from fleetmesh.gather import plain
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.gather.transcript import Transcript
from fleetmesh.outages.watched import watched

FORMAT = 1

PLAN_MOST, EVENTS_MOST, RAW_MOST = 32 * MIB, 256 * MIB, 64 * MIB
"""Bytes of plan.json, of events.jsonl and of a file in raw/.

The run of a hundred hosts and a thousand tunnels leaves a third of it.
"""
REFERENCES_MOST = 1_000_000
"""Answers that the outcomes of a run name, counted each time."""

_RUN, _CAUSE = TypeAdapter(Run), TypeAdapter(Cause)


class BrokenRecord(Exception):
    """A folder that holds no record, or one that was altered; the text names the file and place."""


@dataclass
class Events:
    """The events of a folder whose chain holds."""

    folder: Path
    plan: dict[str, Any]
    events: list[dict[str, Any]] = field(default_factory=list)
    chain: str = ""
    """The digest of the last event."""
    torn: bytes = b""
    """What follows the last whole line: a run was killed while it wrote."""

    @property
    def ended(self) -> bool:
        """Whether the record was brought to its end, by the run or by who closed it."""
        return self.events[-1]["event"] in ("run-finished", "run-closed")

    def of(self, event: str) -> Iterator[dict[str, Any]]:
        """The events of one kind."""
        return (entry for entry in self.events if entry["event"] == event)


def read(folder: Path) -> Run:
    """The run that `folder` records. One that breaks off is `open`. Raises BrokenRecord."""
    return run_of(read_events(folder))


def read_events(folder: Path) -> Events:
    """Read plan and events and check their chain; a torn last line is tolerated.

    Raises BrokenRecord.
    """
    plan_text = _content(folder / PLAN, PLAN_MOST)
    text = _content(folder / EVENTS, EVENTS_MOST)
    plan = _object(plan_text, folder / PLAN)
    if plan.get("format") != FORMAT:
        raise BrokenRecord(f"{folder / PLAN}: its format is {plan.get('format')!r}, not {FORMAT}")
    *lines, torn = text.split(b"\n")
    found = Events(folder, plan, chain=sha256(plan_text).hexdigest(), torn=torn)
    for number, line in enumerate(lines):
        where = f"{folder / EVENTS}, line {number + 1}"
        event = _object(line, where)
        if event.get("seq") != number:
            raise BrokenRecord(f"{where}: its seq is {event.get('seq')!r}, not {number}")
        if event.get("prev") != found.chain:
            before = "plan.json" if number == 0 else "the line before"
            raise BrokenRecord(f"{where}: the chain is broken: {before} is not what it follows")
        if ("event" not in event) or ((event["event"] == "run-started") != (number == 0)):
            raise BrokenRecord(f"{where}: {event.get('event')!r} stands where it cannot")
        if number and found.ended:
            raise BrokenRecord(f"{where}: it follows the end of the run")
        found.events.append(event)
        found.chain = sha256(line).hexdigest()
    if not found.events:
        raise BrokenRecord(f"{folder / EVENTS} holds no event")
    if found.ended and torn:
        raise BrokenRecord(f"{folder / EVENTS}: something follows the end of the run")
    return found


def transcripts(found: Events) -> dict[str, Transcript]:
    """Every transcript by its key, with what lies in raw/. Raises BrokenRecord."""
    answers: dict[str, Transcript] = {}
    kept: dict[str, bytes] = {}
    for event in found.of("transcript"):
        entry = {name: event[name] for name in event.keys() - _FRAME - {"key"}}
        try:
            if event["key"] in answers:
                raise ValueError(f"a second transcript {event['key']}")
            answers[event["key"]] = plain.to_transcript(
                entry, lambda value: _stream(found.folder, value, kept)
            )
        except _MALFORMED as error:
            raise _broken(found, event, error) from None
    return answers


def snapshot_of(found: Events) -> Snapshot:
    """What the run saw before it judged, to be judged again. Raises BrokenRecord."""
    taken = next((str(event.get("taken")) for event in found.of("snapshot")), None)
    if taken is None:
        raise BrokenRecord(f"{found.folder / EVENTS}: the run ended before it asked anything")
    try:
        snapshot = Snapshot(taken=plain.moment(taken), recorded=True)
    except ValueError as error:
        raise BrokenRecord(f"{found.folder / EVENTS}: {error}") from None
    for key, transcript in transcripts(found).items():
        if key == f"{transcript.fact}/{transcript.subject}":  # not a later one of the same
            snapshot.add(transcript)
    return snapshot


def run_of(found: Events) -> Run:
    """The run that the events tell. Raises BrokenRecord."""
    answers = transcripts(found)
    started, last = found.events[0], found.events[-1]
    finished = last if last["event"] == "run-finished" else {}
    event = started
    try:
        run = _RUN.validate_python(
            {
                **{name: started[name] for name in _STARTED},
                "started": plain.moment(started["started"]),
                "id": started["run"],
                "asked": started["phases"],
                "planned": [
                    *(check["nodeid"] for check in found.plan["checks"]),
                    *(event["what"] for event in found.of("broken")),
                ],
                "left_out": _left_out(found),
                "catalogued": "catalogue" in found.plan,
                "finished": plain.moment(finished["time"]) if finished else None,
                "open": not finished,
                "hosts": seen_hosts(answers.values()),
                "clusters": seen_clusters(answers.values()),
                "redactions": finished.get("redactions", {}),
                "channels": finished.get("channels", {}),
                "chain": found.chain,
            }
        )
        run.watched = watched(event := told for told in found.of("watch"))
        for event in found.of("cause"):
            lost = {name: event[name] for name in event.keys() - _FRAME}
            run.lost += (_CAUSE.validate_python(lost),)
        references = 0
        for event in found.of("outcome"):
            references += len(event["transcripts"])
            if references > REFERENCES_MOST:
                raise ValueError(f"the outcomes name more than {REFERENCES_MOST} answers")
            run.results.append(to_result(event, answers))
        for event in found.of("diagnosis"):
            references += len(event["transcripts"])
            if references > REFERENCES_MOST:
                raise ValueError(f"the diagnoses name more than {REFERENCES_MOST} answers")
            _attach(run, event["nodeid"], to_diagnosis(event, answers))
        told = run.conclusion if run.catalogued else run.verdict.value
        if finished and finished["verdict"] != told:
            event = finished
            raise ValueError(f"it says {finished['verdict']}, the events say {told}")
    except _MALFORMED as error:
        raise _broken(found, event, error) from None
    _reconcile(found, run)
    return run


def _attach(run: Run, nodeid: str, diagnosis: Diagnosis) -> None:
    places = [place for place, one in enumerate(run.results) if one.nodeid == nodeid]
    if not places:
        raise ValueError(f"a diagnosis of {nodeid}, which has no outcome")
    for place in places:
        run.results[place] = replace(run.results[place], diagnosis=diagnosis)


def _left_out(found: Events) -> tuple[str, ...]:
    """By the catalogue, whatever number the plan claims beside it."""
    plan, broken = found.plan, [str(event["what"]) for event in found.of("broken")]
    if "catalogue" in plan:
        return left_out(plan["catalogue"], (check["nodeid"] for check in plan["checks"]), broken)
    return ("an unknown check",) * min(int(plan["left_out"]), REFERENCES_MOST)


_STARTED = (
    *("fleet", "kind", "inventory", "inventory_digest", "runbook"),
    *("writes", "replayed", "origin"),
)
_FRAME = {"seq", "prev", "time", "event"}
_MALFORMED = (ValueError, LookupError, TypeError, AttributeError, OverflowError)


def _reconcile(found: Events, run: Run) -> None:
    """Refuse outcomes that were not planned. A check that ran twice has two; both count."""
    planned = {check["nodeid"] for check in found.plan["checks"]}
    for result in run.results:
        if result.nodeid not in planned:
            raise BrokenRecord(f"{found.folder / EVENTS}: {result.nodeid} was not planned")


def _stream(folder: Path, value: plain.Stream, kept: dict[str, bytes]) -> bytes:
    if isinstance(value, str) or "base64" in value:
        return plain.from_text_or_base64(value)
    digest = str(value["sha256"])
    if value["file"] != f"{RAW}/{digest}" or not re.fullmatch("[0-9a-f]{64}", digest):
        raise ValueError(f"{value['file']!r} is not where output of that digest lies")
    if digest not in kept:
        if (folder / RAW).is_symlink():
            raise ValueError(f"{RAW} is a link")
        try:
            content = files.content(folder / RAW / digest, RAW_MOST)
        except OSError as error:
            raise ValueError(f"{value['file']}: {error.strerror}") from None
        if sha256(content).hexdigest() != digest:
            raise ValueError(f"{value['file']} was altered: its digest is another")
        kept[digest] = content
    return kept[digest]


def _broken(found: Events, event: dict[str, Any], error: Exception) -> BrokenRecord:
    told = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        told = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return BrokenRecord(f"{found.folder / EVENTS}, line {event['seq'] + 1}: {told}")


def _content(file: Path, most: int) -> bytes:
    try:
        return files.content(file, most)
    except OSError as error:
        raise BrokenRecord(f"{file}: {error.strerror}") from None


def _object(text: bytes, where: object) -> dict[str, Any]:
    try:
        return files.json_object(text)
    except ValueError as error:
        raise BrokenRecord(f"{where}: {error}") from None
