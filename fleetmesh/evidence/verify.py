"""What holds of a sealed folder or bundle, and what does not, finding by finding."""

import html
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from fleetmesh.evidence import bundle, signature, sums
from fleetmesh.evidence.closing import RUN_JSON, described
from fleetmesh.evidence.folder import BrokenRecord, read
from fleetmesh.evidence.journal import EVENTS, PLAN
from fleetmesh.evidence.sums import SIGNATURE, SUMS, Refused
from fleetmesh.legible import cut
from fleetmesh.record import Run


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `holds` is None for what could not be, or need not."""

    holds: bool | None
    what: str


@dataclass(frozen=True)
class Trust:
    """Whom a verifier believes: by which file, whom in it, and as of when."""

    allowed: Path | None
    at: datetime
    principal: str | None = None
    unsigned: bool = False
    """Whether a folder without a signature may hold."""


@dataclass
class Report:
    """What was found, and the run that the record tells, where it could be read."""

    findings: list[Finding] = field(default_factory=list)
    run: Run | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing that was looked at is amiss."""
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
    report = Report()
    found = report.findings
    try:
        with _folder(target, found) as folder:
            found.append(_signature(folder, trust))
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


def _signature(folder: Path, trust: Trust) -> Finding:
    if not (folder / SIGNATURE).exists():
        remark = "which is allowed here" if trust.unsigned else "so anybody can have made it"
        return Finding(None if trust.unsigned else False, f"signature: there is none, {remark}")
    if trust.allowed is None:
        return Finding(None, "signature: there is one, but no allowed signers were given")
    try:
        content, armored = (folder / SUMS).read_bytes(), (folder / SIGNATURE).read_bytes()
        who, signer = signature.verify(content, armored, trust.allowed, trust.principal, trust.at)
    except Refused as error:
        return Finding(False, f"signature: {error}")
    except OSError as error:
        return Finding(False, f"signature: {error.filename}: {error.strerror}")
    return Finding(True, f"signature: by {who}, {signer}")


def _sums(folder: Path) -> list[Finding]:
    try:
        amiss = sums.differences(folder)
    except Refused as error:
        return [Finding(False, f"files: {error}")]
    if amiss:
        return [Finding(False, f"files: {difference}") for difference in amiss]
    count = len((folder / SUMS).read_bytes().splitlines())
    return [Finding(True, f"files: {count}, each with the digest that {SUMS} gives, and no other")]


def _record(folder: Path, report: Report) -> None:
    try:
        run = report.run = read(folder)
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
        *_told(folder, run),
    ]


def _told(folder: Path, run: Run) -> Iterator[Finding]:
    """Whether what lies beside the events says the same as they do."""
    yield Finding(True, f"verdict: by the events, {run.headline}")
    for name, (said, expected) in _SAYS.items():
        if not (folder / name).exists() and name not in (PLAN, RUN_JSON):
            continue  # a view; where one was taken away, SHA256SUMS tells
        try:
            found = said((folder / name).read_text("utf-8"))
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            yield Finding(False, f"{name}: it cannot be read: {error}")
            continue
        differs = [f"{m} {found.get(m)!r}" for m, v in expected(run).items() if found.get(m) != v]
        if differs:
            yield Finding(False, f"{name}: says {', '.join(differs)}; the events say otherwise")
        else:
            yield Finding(True, f"{name}: says what the events say")


Told = dict[str, Any]


def _json(text: str) -> Told:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found


def _statement(text: str) -> Told:
    (subject,) = _json(text)["subject"]
    return {**subject["annotations"], "chain": subject["digest"]["sha256"]}


def _title(text: str) -> Told:
    return {"title": html.unescape(text.partition("<title>")[2].partition("</title>")[0])}


def _heading(text: str) -> Told:
    return {"verdict": text.partition("\n")[0].rpartition(": ")[2]}


_SAYS: dict[str, tuple[Callable[[str], Told], Callable[[Run], Told]]] = {
    PLAN: (_json, lambda run: {"run": run.id}),
    RUN_JSON: (_json, described),
    "results.json": (_json, lambda run: {"verdict": run.conclusion, "headline": run.headline}),
    "statement.json": (
        _statement,
        lambda run: {"run": run.id, "verdict": run.conclusion, "chain": run.chain},
    ),
    "workplan.md": (_heading, lambda run: {"verdict": run.conclusion}),
    "evidence.html": (_title, lambda run: {"title": cut(run.headline, 200)}),
}
"""What each file says of the run, read from it, and what it should say."""
