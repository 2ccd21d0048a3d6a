"""report.html: what pytest-html's page says of a run, for the page to be made of and held to.

The run has pytest-html write the page; it is not made from the record. pytest-html keeps its
results as JSON in one attribute, and a script puts them into the page as HTML. So all that it is
given is markup, in which every value is escaped.
"""

import json
from typing import Any

from markupsafe import Markup, escape

from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.run import Result, Run
from fleetmesh.text.legible import cut, legible
from fleetmesh.views import fragments, words
from fleetmesh.views.extent import extent
from fleetmesh.views.page import fill

REPORT = "report.html"
_KEYS = ("result", "testId", "statement", "runbook", "hosts", "started", "duration")
"""Of the columns; pytest-html itself needs the first two."""
_ELSEWHERE = "Too many to show whole. results.json says how each of these ended:"
_NAMED = 10
"""Rows that are named one by one where many are amiss."""
_DATA = 'data-jsonblob="{}"'
_LABEL = "> {} {}</label>"
_ERROR = Markup('<span class="outcome is-fail"><span aria-hidden="true">✕</span> error</span>')


def headers() -> list[str]:
    """The head of the table."""
    return [
        fill('<th scope="col" class="sortable" data-column-type="{}">{}</th>', key, column)
        for key, column in zip(_KEYS, fragments.COLUMNS, strict=True)
    ]


def data(run: Run) -> dict[str, Any]:
    """All that pytest-html's script is told: a row per result, then one per missing check.

    Of more results than a page can show whole, those of a check that ended alike share a row.
    """
    shown = extent(run)
    limit = fragments.fitting(shown.results)
    rows = [
        *(_row(result, limit) for result in shown.results),
        *map(_shared, shown.rest(run.results)),
        *(_unreported(nodeid) for nodeid in words.unreported(run)),
    ]
    return {
        "title": legible(run.headline),
        "environment": {},
        "tests": {str(number): [row] for number, row in enumerate(rows)},
        "renderCollapsed": [each.row for each in Outcome if each is not Outcome.FAIL],
        "initialSort": "result",
    }


def differences(page: str, run: Run) -> list[str]:
    """What of `page` is not as `run` has it: title, verdict, counts and rows, not its frame."""
    told = data(run)
    pieces = {
        "its title": fill('<title id="head-title">{}</title>', told["title"]),
        "its verdict or findings": fragments.summary(run),
        **{f"its count of {o.value}": fill(_LABEL, run.counts[o], o.value) for o in Outcome},
    }
    found = [name for name, piece in pieces.items() if page.count(piece) != 1]
    if page.count(_escaped(_DATA, told)) == page.lower().count("data-jsonblob") == 1:
        return found
    lost = [row["testId"] for (row,) in told["tests"].values() if _escaped("{}", row) not in page]
    more = [f"and {len(lost) - _NAMED} more"] if len(lost) > _NAMED else []
    return [*found, *(f"its row {one}" for one in lost[:_NAMED]), *more] or ["its rows"]


def _escaped(where: str, value: object) -> str:
    """`value` as it stands in the page."""
    return where.format(escape(json.dumps(value)))


def _row(result: Result, limit: int) -> dict[str, Any]:
    return _filled(
        result.outcome.row.capitalize(),
        fragments.anchor(result),
        fragments.cells(result),
        fragments.details(result, limit),
    )


def _shared(results: list[Result]) -> dict[str, Any]:
    first, names = results[0], ", ".join(result.subject or "–" for result in results)
    outcome, check, _, runbook, *_ = fragments.cells(first)
    none = Markup("–")
    told = fill('<span class="statement">{}</span> {} more', first.statement, len(results))
    return _filled(
        first.outcome.row.capitalize(),
        fragments.place(f"more-{first.outcome.value}", first.id),
        (outcome, check, told, runbook, none, none, none),
        fill('<article class="result"><p>{}</p><pre>{}</pre></article>', _ELSEWHERE, names),
    )


def _unreported(nodeid: str) -> dict[str, Any]:
    shown = fill("{}", cut(nodeid, 1000))
    none = Markup("–")
    return _filled(
        "Error",
        fragments.place("unreported", nodeid),
        (_ERROR, none, shown, none, none, none, Markup("0 ms")),
        fill('<article class="result"><pre>{}</pre></article>', words.NEVER),
    )


def _filled(
    category: str, place: str, cells: tuple[Markup, ...], details: Markup
) -> dict[str, Any]:
    """What the script reads: by key what it sorts by, the cells, and the evidence below them.

    The evidence stands on one line, because the script marks lines that begin with an E.
    """
    outcome, check, *others = cells
    return {
        "result": category,
        "testId": place,
        **dict(zip(_KEYS[2:], others, strict=True)),
        "resultsTableRow": [
            fill('<td class="col-result" hidden>{}</td>', category)
            + fill('<td class="col-outcome">{}</td>', outcome),
            fill('<td class="col-testId" hidden>{}</td>', place)
            + fill('<td class="col-check">{}</td>', check),
            *(
                fill('<td class="col-{}">{}</td>', key, cell)
                for key, cell in zip(_KEYS[2:], others, strict=True)
            ),
        ],
        "log": details.replace("\n", Markup("&#10;")),
    }
