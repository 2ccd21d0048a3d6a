"""The drill as a page, drawn from its data alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.views import words
from fleetmesh.views.page import render_file, style
from rehearsal.drill.timeline import timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

_HERE = Path(__file__).parent
_STYLES = (Path(words.__file__).with_name("common.css"), _HERE / "drill.css")


def html(drill: dict[str, Any]) -> str:
    """The page `drill.html` of what `drill.json` holds: complete in itself, without scripts."""
    return render_file(
        _HERE / "drill.html",
        drill=drill,
        picture=timeline(drill),
        signs={outcome.value: outcome.sign for outcome in Outcome},
        groups=groups,
        **style(*_STYLES),
    )


def groups(checks: Sequence[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The checks by outcome and reason, gravest first: one cause is told once."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    order = [outcome.value for outcome in Outcome]
    for check in sorted(checks, key=lambda c: (order.index(c["outcome"]), c["id"])):
        reason = "" if check["outcome"] == "pass" else check["reason"]
        found.setdefault((check["outcome"], reason), []).append(check)
    return found
