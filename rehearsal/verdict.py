"""What a scheduled rehearsal came to, from the plain data that it left; see .github/workflows.

It runs on Python's own library, so that a rehearsal which could not even be installed is told, too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STATUS = {"READY": 0, "NOT READY": 1, "INCONCLUSIVE": 6, "INCOMPLETE": 6}
MEANING = {
    "READY": "everything was looked at, and is as the runbook wants it",
    "NOT READY": "something was seen that is not as the runbook wants it",
    "INCONCLUSIVE": "something could not be observed: this says nothing of the runbook",
    "INCOMPLETE": "the rehearsal did not come to its end: this says nothing of the runbook",
}
SHOWN = 20
"""So many problems are named; the evidence has them all."""


@dataclass(frozen=True)
class Part:
    """One part of the rehearsal: its verdict, its account in a line, and what was wrong."""

    name: str
    verdict: str
    headline: str
    problems: tuple[str, ...] = ()


def read(reports: Path, name: str) -> Part:
    """The latest `NAME.json` below `reports`; one that is missing or broken is INCOMPLETE."""
    found = sorted(reports.glob(f"*/{name}.json"))
    if not found:
        return Part(name, "INCOMPLETE", f"{reports} holds no {name}.json: it broke off before")
    try:
        content = json.loads(found[-1].read_text("utf-8"))
        of = _drill if "stages" in content else _matrix if "faults" in content else _judged
        return of(name, content)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return Part(name, "INCOMPLETE", f"{found[-1]} was not understood: {error!r}")


def _judged(name: str, content: dict[str, Any]) -> Part:
    """Of what states its own verdict: a run of the checks."""
    verdict = content["verdict"]
    if verdict not in STATUS:  # PASSED IN PART is no answer to whether all is well
        return Part(name, "INCOMPLETE", f"{content['headline']} (verdict {verdict})")
    return Part(name, verdict, content["headline"], tuple(map(str, content.get("problems", ()))))


def _drill(name: str, content: dict[str, Any]) -> Part:
    """Of the drill. Its data is written after each stage: what ended it may not stand there."""
    problems = [f"{s['stage']}: {said}" for s in content["stages"] for said in s["problems"]]
    complete = len(content["stages"]) == content["planned"] and not content["trouble"]
    if problems:
        verdict = "NOT READY"
    else:
        verdict = "READY" if content["holds"] and complete else "INCOMPLETE"
    headline = str(content["conclusion"]).partition("\n")[0]
    return Part(name, verdict, headline, tuple(problems))


def _matrix(name: str, content: dict[str, Any]) -> Part:
    """Of the fault matrix. A fault that could not be made or healed tells nothing of a check."""
    noticed = f"{content['caught']} of {content['tried']} faults caught"
    headline = (
        f"{noticed}, {content['missed']} missed, {content['false_alarms']} false alarms, "
        f"{content['troubled']} not made or healed"
    )
    if impossible := content.get("impossible"):
        headline += f", {len(impossible)} not possible on this fleet"
    wrong = content["missed"] > content["troubled"] or content["false_alarms"]
    if content["holds"]:
        verdict = "READY" if content["complete"] else "INCOMPLETE"
    elif content["troubled"] and not wrong:
        verdict = "INCOMPLETE"
    else:
        verdict = "NOT READY"
    problems = [f"{f['name']}: {said}" for f in content["faults"] for said in f["problems"]]
    problems += [f"no fault proves that {check} can fail" for check in content["uncovered"]]
    return Part(name, verdict, headline, tuple(problems))


def worst(parts: list[Part]) -> str:
    """NOT READY outweighs what is not known; READY takes all."""
    verdicts = {part.verdict for part in parts}
    for verdict in ("NOT READY", "INCOMPLETE", "INCONCLUSIVE"):
        if verdict in verdicts:
            return verdict
    return "READY" if parts else "INCOMPLETE"


def summary(parts: list[Part]) -> str:
    """The job's summary, in Markdown; what a machine said stands in it as text only."""
    verdict = worst(parts)
    lines = [f"## {verdict}", "", f"{MEANING[verdict]}.", ""]
    lines += ["| part | verdict | |", "|---|---|---|"]
    lines += [f"| {part.name} | {part.verdict} | {_cell(part.headline)} |" for part in parts]
    for part in (part for part in parts if part.problems):
        lines += ["", f"### {part.name}", ""]
        lines += [f"- {_cell(problem)}" for problem in part.problems[:SHOWN]]
        if (more := len(part.problems) - SHOWN) > 0:
            lines.append(f"- and {more} more: see the evidence")
    return "\n".join(lines) + "\n"


def annotation(parts: list[Part]) -> str:
    """The line that GitHub and Forgejo show at the job; failing and not knowing differ in kind."""
    verdict = worst(parts)
    kind = {0: "notice", 1: "error"}.get(STATUS[verdict], "warning")
    told = "; ".join(f"{part.name}: {part.headline}" for part in parts if part.verdict == verdict)
    escaped = told.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{kind} title={verdict}::{MEANING[verdict]} ({escaped})"


def _cell(text: str) -> str:
    """Text that is nothing but text in a cell of a Markdown table."""
    one = " ".join(text.split())
    for mark in "\\`*_[]|~#":
        one = one.replace(mark, f"\\{mark}")
    return one.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def main() -> int:
    """Write the summary; the exit status is that of the worst verdict, as pytest's would be."""
    parser = argparse.ArgumentParser(prog="python3 -m rehearsal.verdict", description=__doc__)
    parser.add_argument("reports", type=Path, help="the folder with the reports")
    parser.add_argument(
        "parts", nargs="+", metavar="PART", help="drill, faults: what must be there"
    )
    wanted = parser.parse_args()
    parts = [read(wanted.reports, name) for name in wanted.parts]
    text = summary(parts)
    if job := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(job).open("a", encoding="utf-8") as file:
            file.write(text)
    print(text)
    print(annotation(parts))
    return STATUS[worst(parts)]


if __name__ == "__main__":
    sys.exit(main())
