"""The parts that a page about a run is made of, each a piece of HTML."""

import re
from hashlib import sha256
from pathlib import PurePath

from markupsafe import Markup

from fleetmesh.outcomes import Outcome
from fleetmesh.path import Path
from fleetmesh.record import Result, Run
from fleetmesh.transcript import HERE
from fleetmesh.views import diagram, words
from fleetmesh.views.page import fill, render
from fleetmesh.views.text import brief, legible, milliseconds, utc

COLUMNS = ("Outcome", "Check", "Statement", "Runbook", "Host", "Started (UTC)", "Duration")


def anchor(result: Result) -> str:
    """An id for the result's place on a page, the same in every view."""
    digest = sha256(legible(result.nodeid).encode()).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9-]', '', result.id)}-{digest[:8]}"


def summary(run: Run) -> Markup:
    """The verdict and its reasons, the fleet and its kind, and what was observed as a whole."""
    by_outcome = {
        outcome: [result for result in run.results if result.outcome is outcome]
        for outcome in words.SIGNS
    }
    return render(
        "summary.html",
        run=run,
        words=words,
        anchor=anchor,
        conclusion=words.conclusion(run),
        inventory=PurePath(run.inventory).name,
        by_outcome={outcome.value: found for outcome, found in by_outcome.items()},
        paths=_distinct(run),
        topology=overview(run),
        seconds=(run.finished - run.started).total_seconds() if run.finished else None,
    )


def overview(run: Run) -> Markup:
    """The observed topology as SVG; nothing where no path was observed."""
    paths = _distinct(run)
    hosts = [host for result in run.results for host in result.hosts if host != HERE]
    return diagram.topology(paths, hosts) if paths else Markup("")


def cells(result: Result) -> tuple[Markup, ...]:
    """What stands in the table about one result, in the order of COLUMNS."""
    subject = fill(' <span class="subject">{}</span>', result.subject) if result.subject else ""
    reason = (
        fill('<span class="why">{}</span>', brief(result.reason))
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
        *(ended.value, words.SIGNS[ended], ended.value),
    )


def details(result: Result) -> Markup:
    """Everything known about one result: reason, notes, hint, paths, then its transcripts."""
    return render(
        "result.html",
        result=result,
        words=words,
        drawings=[(path, diagram.path(path)) for path in result.paths],
    )


def _distinct(run: Run) -> list[Path]:
    return list(dict.fromkeys(path for result in run.results for path in result.paths if path.hops))
