"""The parts that a page about a run is made of, each a piece of HTML."""

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import PurePath

from markupsafe import Markup

from fleetmesh.evidence.condition import Condition
from fleetmesh.evidence.journal import INLINE, RAW
from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.run import Result, Run
from fleetmesh.gather.transcript import HERE
from fleetmesh.text.legible import brief, legible
from fleetmesh.tunnels.path import Path
from fleetmesh.views import diagram, words
from fleetmesh.views.extent import LISTED, PATHS, together
from fleetmesh.views.page import fill, render
from fleetmesh.views.text import HEAD, TAIL, milliseconds, share, shown, utc

_ROOM = 2 * 1024 * 1024
"""Bytes of output that a page holds in all; each may need ten when it is spelled out."""
COLUMNS = ("Outcome", "Check", "Statement", "Runbook", "Host", "Started (UTC)", "Duration")


def anchor(result: Result) -> str:
    """An id for the result's place on a page, the same in every view."""
    return place(result.id, result.nodeid)


def place(name: str, nodeid: str) -> str:
    """An id for what has this name and belongs to this test."""
    digest = sha256(legible(nodeid).encode()).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9-]', '', name)}-{digest[:8]}"


def verdict(run: Run) -> Markup:
    """What the run amounts to, of which fleet, and whether that is a real one."""
    return render(
        "verdict.html",
        outcomes=Outcome,
        run=run,
        words=words,
        conclusion=words.conclusion(run),
        inventory=PurePath(run.inventory).name,
        seconds=(run.finished - run.started).total_seconds() if run.finished else None,
    )


def findings(run: Run, *, with_failed: bool = True) -> Markup:
    """What stands in the way, causes before symptoms, and what was put off."""
    by_outcome: dict[str, list[Result]] = {outcome.value: [] for outcome in Outcome}
    for result in run.results:
        by_outcome[result.outcome.value].append(result)
    causes = run.causes()
    return render(
        "findings.html",
        run=run,
        words=words,
        anchor=anchor,
        state=state,
        causes=causes,
        reasons=[(cause, some) for cause, some in causes.items() if not cause.kind],
        together=together,
        by_outcome=by_outcome,
        with_failed=with_failed,
        listed_most=LISTED,
    )


def summary(run: Run) -> Markup:
    """The verdict and its reasons, and what was observed as a whole."""
    observed = paths(run)
    return render(
        "summary.html",
        verdict=verdict(run),
        findings=findings(run),
        paths=telling(observed),
        more_paths=max(0, len(observed) - PATHS),
        topology=overview(run, observed),
    )


def overview(run: Run, observed: Sequence[Path]) -> Markup:
    """The observed topology as SVG; nothing where no path was observed."""
    hosts = dict.fromkeys(host for result in run.results for host in result.hosts if host != HERE)
    return diagram.topology(telling(observed), hosts) if observed else Markup("")


def cells(result: Result) -> tuple[Markup, ...]:
    """What stands in the table about one result, in the order of COLUMNS."""
    subject = fill(' <span class="subject">{}</span>', result.subject) if result.subject else ""
    why = f"{result.condition}; {result.reason}" if result.condition else result.reason
    reason = (
        fill('<span class="why">{}</span>', brief(why))
        if result.reason and result.outcome is not Outcome.PASS
        else ""
    )
    return (
        outcome(result.outcome),
        fill("{}", result.id),
        fill('<span class="statement">{}</span>{}{}', result.statement, subject, reason),
        fill("{}", result.runbook),
        fill("{}", ", ".join(result.hosts) or "–"),
        fill("{}", utc(result.started).removesuffix("Z")),
        fill("{}", milliseconds(result.seconds)),
    )


def outcome(ended: Outcome) -> Markup:
    """The outcome's sign and word."""
    return fill(
        '<span class="outcome is-{}"><span aria-hidden="true">{}</span> {}</span>',
        *(ended.value, ended.sign, ended.value),
    )


def state(condition: Condition) -> Markup:
    """The word for a condition, and what it waits for."""
    word = str(condition.state.value)
    rest = str(condition).removeprefix(word).removeprefix(":").strip()
    return fill(
        '<span class="state" title="{}"><b>{}</b>{}</span>',
        *(condition.state.meaning, word, f" {rest}" if rest else ""),
    )


def details(result: Result, limit: int = HEAD + TAIL) -> Markup:
    """Everything known about one result: reason, notes, hint, paths, then its transcripts.

    Of a stream of more than `limit` bytes, or one that lies in raw/, only the two ends are shown,
    and where the whole is.
    """
    return render(
        "result.html",
        result=result,
        words=words,
        kept=_kept,
        state=state,
        shown=lambda stream: shown(
            stream, limit if len(stream) <= INLINE else min(limit, HEAD + TAIL)
        ),
        drawings=[(path, diagram.path(path)) for path in result.paths],
    )


def fitting(results: Iterable[Result], most: int = HEAD + TAIL) -> int:
    """The limit, at most `most`, by which all streams of `results` together fit into a page."""
    lengths = (
        len(stream)
        for result in results
        for transcript in (*result.transcripts, *result.diagnosis.transcripts)
        for stream in (transcript.stdout, transcript.stderr)
    )
    return share(lengths, _ROOM, most)


def paths(run: Run) -> list[Path]:
    """The paths that the run observed, each once; one that is the end of another is part of it."""
    seen = dict.fromkeys(path for result in run.results for path in result.paths if path.hops)
    beside: dict[str, list[Path]] = {}
    for path in seen:
        beside.setdefault(path.tunnel, []).append(path)
    return [path for path in seen if not any(map(path.ends, beside[path.tunnel]))]


def telling(observed: Sequence[Path]) -> list[Path]:
    """Of many paths those that a page draws, the broken ones first."""
    return sorted(observed, key=lambda path: path.broken is None)[:PATHS]


def _kept(stream: bytes) -> str:
    """Where the record holds the whole of `stream`; see docs/evidence.md."""
    return f"{RAW}/{sha256(stream).hexdigest()}" if len(stream) > INLINE else "events.jsonl"
