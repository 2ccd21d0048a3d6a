"""What holds of a sealed folder or bundle, and what does not, finding by finding."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fleetmesh.evidence import bundle, signature, sums
from fleetmesh.evidence.closing import RUN_JSON, described
from fleetmesh.evidence.folder import BrokenRecord, read
from fleetmesh.evidence.journal import EVENTS, PLAN
from fleetmesh.evidence.sums import SIGNATURE, SUMS, Refused
from fleetmesh.record import Run

RESULTS = "results.json"


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


def verify(target: Path, trust: Trust) -> list[Finding]:
    """Everything that can be told of `target`, a bundle or a folder. Raises nothing for its faults.

    Raises Refused where there is nothing to look at.
    """
    if not target.exists():
        raise Refused(f"{target}: there is no such bundle or folder")
    found: list[Finding] = []
    try:
        with _folder(target, found) as folder:
            found.append(_signature(folder, trust))
            found += _sums(folder)
            if any((folder / name).exists() for name in (PLAN, EVENTS, RUN_JSON)):
                found += _record(folder)
            else:
                found.append(Finding(None, "record: the folder is none of a run"))
    except Refused as error:
        found.append(Finding(False, f"container: {error}"))
    return found


def holds(found: list[Finding]) -> bool:
    """Whether nothing that was looked at is amiss."""
    return bool(found) and all(finding.holds is not False for finding in found)


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


def _record(folder: Path) -> list[Finding]:
    try:
        run = read(folder)
    except BrokenRecord as error:
        return [Finding(False, f"record: {str(error).replace(f'{folder}/', '')}")]
    planned, missing = len(run.planned), len(run.missing)
    named = run.id == folder.name
    return [
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
    expected = {
        PLAN: {"run": run.id},
        RUN_JSON: described(run),
        RESULTS: {"verdict": run.conclusion, "headline": run.headline},
    }
    yield Finding(True, f"verdict: by the events, {run.headline}")
    for name, members in expected.items():
        try:
            said = json.loads((folder / name).read_bytes())
            differs = [f"{m} {said.get(m)!r}" for m, v in members.items() if said.get(m) != v]
        except FileNotFoundError:
            yield Finding(False, f"{name}: it is missing")
        except (OSError, ValueError, AttributeError) as error:
            yield Finding(False, f"{name}: it cannot be read: {error}")
        else:
            if differs:
                yield Finding(False, f"{name}: says {', '.join(differs)}; the events say otherwise")
            else:
                yield Finding(True, f"{name}: says what the events say")
