"""What holds of a sealed folder or bundle, and what does not, finding by finding."""

import html
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from fleetmesh.evidence import files, sums
from fleetmesh.evidence.age import Believed, otherwise
from fleetmesh.evidence.closing import RUN_JSON, described
from fleetmesh.evidence.entry import Entry
from fleetmesh.evidence.folder import BrokenRecord, Events, read_events, run_of
from fleetmesh.evidence.journal import COPY, EVENTS, PLAN
from fleetmesh.evidence.run import Run
from fleetmesh.evidence.sums import SUMS, Refused
from fleetmesh.sealing import bundle
from fleetmesh.sealing.derived import altered, beside, copied, kept, unlike
from fleetmesh.sealing.timestamp import Stamp
from fleetmesh.sealing.vouched import Finding, Trust, signed, stamped, timely
from fleetmesh.text.legible import cut, legible
from fleetmesh.views.maker import maker
from fleetmesh.views.render import NotRendered
from fleetmesh.views.report import REPORT

_CONCLUDED = ("verdict", "headline", "title")
_LISTED = 50
"""Files that are named one by one where many are amiss."""


@dataclass
class Report:
    """What was found, and the run that the record tells, where it could be read."""

    findings: list[Finding] = field(default_factory=list)
    run: Run | None = None
    stamp: Stamp | None = None
    """When the bundle existed, if somebody vouches for it whom the verifier trusts."""
    uncompared: tuple[str, ...] = ()
    """What another version of the suite made, so that nobody here can say what it should be."""

    @property
    def holds(self) -> bool:
        """Whether nothing that was looked at is amiss; mind what was `uncompared`."""
        return bool(self.findings) and not self.amiss

    @property
    def amiss(self) -> list[str]:
        """What does not hold."""
        return [finding.what for finding in self.findings if finding.holds is False]


def verify(target: Path, trust: Trust) -> Report:
    """Everything that can be told of `target`, a bundle or a folder. Raises nothing for its faults.

    Raises Refused where there is nothing to look at.
    """
    if not target.exists():
        raise Refused(f"{target}: there is no such bundle or folder")
    if trust.allowed and not trust.allowed.exists():
        raise Refused(f"{trust.allowed}: there is no such file of allowed signers")
    report = Report()
    found = report.findings
    try:
        with _folder(target, found) as folder:
            told, report.stamp = stamped(folder, trust)
            found += [told] if told else []
            found.append(signed(folder, trust, report.stamp))
            found += _sums(folder)
            if any((folder / name).exists() for name in (PLAN, EVENTS, RUN_JSON)):
                _record(folder, report)
            else:
                found.append(Finding(None, "record: the folder is none of a run"))
    except Refused as error:
        found.append(Finding(False, f"container: {error}"))
    return report


@contextmanager
def _folder(target: Path, found: list[Finding]) -> Iterator[Path]:
    if target.is_dir():
        yield target.resolve()
        return
    with bundle.opened(target) as opened:
        if opened.compared:
            found.append(Finding(True, "container: byte for byte as sealing packs it"))
        else:
            found.append(
                Finding(None, "container: packed by another zlib, so its bytes were not compared")
            )
        named = target.name == f"{opened.folder.name}{bundle.SUFFIX}"
        told = "as the folder in it" if named else f"but the folder in it is {opened.folder.name}"
        found.append(Finding(named, f"name: the bundle is called {target.name}, {told}"))
        yield opened.folder


def _sums(folder: Path) -> list[Finding]:
    try:
        amiss = sums.differences(folder)
    except Refused as error:
        return [Finding(False, f"files: {error}")]
    if amiss:
        more = [f"and {len(amiss) - _LISTED} more"] if len(amiss) > _LISTED else []
        return [Finding(False, f"files: {what}") for what in (*amiss[:_LISTED], *more)]
    count = len(files.content(folder / SUMS, sums.SUMS_MOST).splitlines())
    return [Finding(True, f"files: {count}, each with the digest that {SUMS} gives, and no other")]


def _record(folder: Path, report: Report) -> None:
    try:
        found = read_events(folder)
        run = report.run = run_of(found)
    except BrokenRecord as error:
        said = str(error).replace(f"{folder}/", "")
        report.findings.append(Finding(False, f"record: {said}"))
        return
    planned, missing = len(run.planned), len(run.missing)
    named = run.id == folder.name
    report.findings += [
        Finding(True, f"events: the chain is whole, its last digest is {run.chain}"),
        Finding(named, f"run: its events say {run.id}, its folder is {folder.name}"),
        Finding(
            True,
            f"plan: {planned - missing} of {planned} planned checks reported"
            + (", so nothing can be READY" if missing else ""),
        ),
        *(timely(found, report.stamp) if report.stamp else ()),
        *_in_part(run, found),
        *_told(folder, run),
    ]
    report.findings += _views(folder, run, report)
    report.findings += _others(folder, found)


def _in_part(run: Run, found: Events) -> Iterator[Finding]:
    """What the plan left out of the phases' checks: the rest may be fine, and is not READY."""
    if not run.catalogued:
        yield Finding(
            None,
            "catalogue: the plan does not say which checks its phases have, as it once did not: "
            "PASSED IN PART at most",
        )
        return
    catalogue = found.plan["catalogue"]
    checks = dict.fromkeys(run.left_out)
    planned = {nodeid.partition("[")[0] for nodeid in run.planned}
    absent = [name for name in checks if name not in planned]
    phases = " + ".join(dict.fromkeys(str(entry.get("phase")) for entry in catalogue))
    if absent:
        named = ", ".join(absent[:_LISTED]) + (", …" if len(absent) > _LISTED else "")
        yield Finding(
            None,
            f"catalogue: PASSED IN PART at most: {len(absent)} of {len(catalogue)} checks of "
            f"{phases} are not in the plan: {named}",
        )
    elif checks:
        yield Finding(
            None,
            f"catalogue: PASSED IN PART at most: the plan leaves out {run.deselected} cases of "
            f"{', '.join(list(checks)[:_LISTED])}",
        )
    else:
        yield Finding(True, f"catalogue: all {len(catalogue)} checks of {phases} are in the plan")


def _told(folder: Path, run: Run) -> Iterator[Finding]:
    """Whether what lies beside the events says the same as they do."""
    yield Finding(True, f"verdict: by the events, {run.headline}")
    for name, (said, expected) in _SAYS.items():
        if not (folder / name).exists() and name not in (PLAN, RUN_JSON):
            continue  # a view; where one was taken away, SHA256SUMS tells
        try:
            found = said(files.content(folder / name, 64 * files.MIB).decode())
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            yield Finding(False, f"{name}: it cannot be read: {error}")
            continue
        should = expected(run)
        if not run.catalogued:  # what was called READY before plans had a catalogue
            should = {m: v for m, v in should.items() if m not in _CONCLUDED}
        differs = [f"{m} {found.get(m)!r}" for m, v in should.items() if found.get(m) != v]
        if differs:
            yield Finding(False, f"{name}: says {', '.join(differs)}; the events say otherwise")
        else:
            yield Finding(True, f"{name}: says what the events say")


def _views(folder: Path, run: Run, report: Report) -> Iterator[Finding]:
    """Whether the derived files are what the record gives. Costs most, so it comes last."""
    if not report.holds:
        yield Finding(None, "views: not compared, since something else does not hold")
        return
    there = kept(folder)
    own = bundle.sealed_by(folder, "views") == maker()
    try:
        other, why = altered(folder, run), "it is not what the record gives"
    except NotRendered as error:
        other, why = there, f"it cannot be made again: {error}"
    if own:
        yield from (Finding(False, f"{name}: {why}") for name in other)
    if parts := unlike(folder, run):
        told = f"{REPORT}: not as the events have it: {', '.join(parts)}"
        if own:
            yield Finding(False, told)
        else:
            other = [*other, REPORT]
    elif parts is not None:
        yield Finding(
            True,
            f"{REPORT}: written by the run, not made from the record: its title, verdict, counts "
            f"and rows are as the events have them, the rest of the page is held by {SUMS} alone",
        )
    if other and not own:
        report.uncompared = tuple(other)
        named = ", ".join(other)
        yield Finding(None, f"views: made by another version of the suite, NOT compared: {named}")
    same = [name for name in there if name not in other]
    if same:
        told = "is byte for byte what the record gives"
        yield Finding(True, f"views: each {told}: {', '.join(same)}")


def _others(folder: Path, found: Events) -> Iterator[Finding]:
    if (copy := copied(folder, found)) is not None:
        told = "is" if copy else "is not"
        yield Finding(copy, f"{COPY}: it {told} the one that the events name by its digest")
    try:
        there = beside(folder, found)
    except Refused:
        return  # said before
    if there:
        named = ", ".join(there[:_LISTED]) + (", …" if len(there) > _LISTED else "")
        yield Finding(None, f"beside the record, and nothing says what it should be: {named}")


Told = dict[str, Any]


def _statement(text: str) -> Told:
    (subject,) = files.json_object(text)["subject"]
    return {**subject["annotations"], "chain": subject["digest"]["sha256"]}


def _title(text: str) -> Told:
    head = text.partition("<title")[2].partition(">")[2]
    return {"title": html.unescape(head.partition("</title>")[0])}


def _heading(text: str) -> Told:
    return {"verdict": text.partition("\n")[0].rpartition(": ")[2]}


_SAYS: dict[str, tuple[Callable[[str], Told], Callable[[Run], Told]]] = {
    PLAN: (files.json_object, lambda run: {"run": run.id}),
    RUN_JSON: (files.json_object, described),
    "results.json": (
        files.json_object,
        lambda run: {"verdict": run.conclusion, "headline": run.headline},
    ),
    "statement.json": (
        _statement,
        lambda run: {"run": run.id, "verdict": run.conclusion, "chain": run.chain},
    ),
    "workplan.md": (_heading, lambda run: {"verdict": run.conclusion}),
    "evidence.html": (_title, lambda run: {"title": cut(run.headline, 200)}),
    REPORT: (_title, lambda run: {"title": legible(run.headline)}),
}
"""What each file says of the run, read from it, and what it should say."""


def verified(reports: Path, trust: Trust) -> Believed:
    """An entry counts where its folder or bundle holds, by `trust`."""

    @cache  # as in age.on_disk
    def doubt(entry: Entry) -> str | None:
        places = (reports / entry.run, reports / f"{entry.run}{bundle.SUFFIX}")
        there = [place for place in places if place.exists()]
        if not there:
            return "neither its folder nor its bundle is there to be verified"
        report = verify(there[0], trust)
        if not report.holds or report.run is None:
            return "; ".join(report.amiss) or "it holds no record"
        return otherwise(entry, report.run)

    return doubt
