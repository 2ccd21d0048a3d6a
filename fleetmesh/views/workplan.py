"""workplan.md: what to paste into the workplan.

Whatever a host had a say in stands in a code span, inside of which Markdown knows no markup, no
link, no mention and no HTML; its fence is longer than any row of backticks in it (CommonMark 6.1).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import starmap

from fleetmesh.evidence.cause import Cause
from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.run import Result, Run
from fleetmesh.outages import words as words_of
from fleetmesh.text.legible import brief
from fleetmesh.views import words
from fleetmesh.views.text import duration, utc

_MOST = 30
"""Entries of one list; the record has them all."""


def block(run: Run, *, changes: Sequence[str] | None = None, digest: str | None = None) -> str:
    """The block. `changes` are sentences on what is otherwise than in the run before, if known.

    `digest` is the sealed bundle's, in hex; the copy inside of the bundle cannot name it.
    """
    bundle = f"{run.id}.tar.gz"
    counts = ", ".join(f"{run.counts[outcome]} {outcome.value}" for outcome in Outcome)
    took = (run.finished - run.started).total_seconds() if run.finished else None
    when = f"{utc(run.started)}, " + (
        "never finished" if took is None else f"took {duration(took)}"
    )
    lines = [
        f"### Fleet mesh verification: {run.conclusion}",
        "",
        f"- **Verdict:** {run.conclusion}. {words.because(run)}",
        f"- **Fleet:** {code(run.fleet)}, {_kind(run)}",
        f"- **Phases:** {', '.join(map(code, run.phases)) or 'none'}",
        f"- **When:** {when}, by {code(run.origin.user or 'unknown')}"
        f" on {code(run.origin.host or 'unknown')}",
        f"- **Results:** {counts}; {len(run.missing)} did not report, {run.deselected} left out",
        f"- **Runbook:** {code(run.runbook)}",
        f"- **Suite:** {_suite(run)}",
    ]
    lines += _list("Did not report", map(code, run.missing))
    causes = run.causes()
    lines += _list("Causes", (_cause(cause, causes[cause]) for cause in run.lost))
    lines += _list("Not as the runbook wants it", _entries(run.unexplained()))
    for step, some in run.not_yet().items():
        typed = f"; next: {code(step.command)}" if step.command else ""
        lines += _list(f"Not yet, for {code(step.step)} has not been done{typed}", _entries(some))
    reasons = [(cause, some) for cause, some in causes.items() if not cause.kind]
    lines += _list("Could not be concluded, by cause", starmap(_cause, reasons))
    for outcome in (Outcome.WARN, Outcome.ACCEPTED, Outcome.WAIVED, Outcome.DEFERRED):
        ended = [result for result in run.results if result.outcome is outcome]
        lines += _list(outcome.value.capitalize(), _entries(ended))
    if run.watched:
        outages = (words_of.told(run.watched, one) for one in run.watched.incidents())
        dark = words_of.sleeps(run.watched)
        lines += ["", f"**Watched** for {run.watched.seconds:.0f} s: {run.watched.status()[1]}"]
        lines += _list("Outages", map(code, outages))
        lines += _list("Not looked at", map(code, dark))
    if changes is not None:
        lines += _list("Changed since the last run", map(code, changes)) or [
            "",
            "Nothing has changed since the last run.",
        ]
    lines += [
        "",
        "**Evidence**",
        "",
        f"- bundle {code(bundle)}{f', SHA-256 {code(digest)}' if digest else ''}",
        f"- its record ends in {code(run.chain or 'nothing')}",
        "",
        "```sh",
        f"python -m fleetmesh verify {_argument(bundle)} --allowed-signers FILE",
        "```",
    ]
    return "\n".join(lines) + "\n"


def code(text: str) -> str:
    """`text`, legible and on one line, as a code span out of which nothing breaks."""
    shown = brief(text)
    fence = "`" * (max((len(row) for row in re.findall("`+", shown)), default=0) + 1)
    return f"{fence} {shown or '-'} {fence}" if "`" in shown else f"`{shown or '-'}`"


def _kind(run: Run) -> str:
    kind = (
        "**rehearsal** (says nothing about production)"
        if run.kind == "rehearsal"
        else f"**real** ({code(run.kind)})"
    )
    return f"{kind}, replayed: nothing was asked anew" if run.replayed else kind


def _suite(run: Run) -> str:
    if not run.origin.commit:
        return "commit unknown"
    changed = {True: ", with local changes", False: "", None: ", local changes unknown"}
    return f"commit {code(run.origin.commit)}{changed[run.origin.dirty]}"


def _list(title: str, entries: Iterable[str]) -> list[str]:
    listed = list(entries)
    if not listed:
        return []
    more = [f"- and {len(listed) - _MOST} more"] if len(listed) > _MOST else []
    return ["", f"**{title}**", "", *(f"- {entry}" for entry in listed[:_MOST]), *more]


def _entries(results: Iterable[Result]) -> Iterator[str]:
    for result in results:
        why = code(result.reason) if result.reason else "no reason given"
        state = f"{code(str(result.condition))}, " if result.condition else ""
        said = "".join(f"; said: {code(str(quote))}" for quote in result.diagnosis.quotes)
        yield f"{code(words.name(result))} {code(result.statement)}: {state}{why}{said}"


def _cause(cause: Cause, results: list[Result]) -> str:
    named = [
        code(words.name(result))
        + (f" (fail, {code(result.reason)})" if result.outcome is Outcome.FAIL else "")
        for result in results[:_MOST]
    ]
    more = f" and {len(results) - _MOST} more" if len(results) > _MOST else ""
    return f"{code(cause.told)}: {', '.join(named) or 'explains no outcome of this run'}{more}"


def _argument(name: str) -> str:
    """A file's name as one word of a shell; ours are made of harmless characters."""
    return name if re.fullmatch(r"[\w.+-]+", name, re.ASCII) else "BUNDLE"
