"""Synthetic runs as records on the disk, written by the real journal."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from fleetmesh.evidence.closing import write_run_json
from fleetmesh.evidence.folder import FORMAT, read
from fleetmesh.evidence.journal import Journal
from fleetmesh.evidence.run import Run, of_result
from fleetmesh.gather import plain
from selftests.evidence.conftest import catalogue


def write(run: Run, folder: Path) -> Run:
    """Record `run` in a new `folder`; an open one breaks off. Returns what is read back."""
    folder.mkdir(parents=True)
    run = _storable(run)
    run.id = run.id or folder.name
    plan = {
        "format": FORMAT,
        "run": run.id,
        "checks": [{"nodeid": n, "id": n, "check": n, "digest": "0" * 64} for n in run.planned],
        "catalogue": catalogue((n for n in run.planned), *run.left_out),
        "left_out": run.deselected,
    }
    started: dict[str, Any] = {
        "run": run.id,
        "fleet": run.fleet,
        "kind": run.kind,
        "phases": list(run.phases),
        "writes": run.writes,
        "replayed": run.replayed,
        "inventory": run.inventory,
        "inventory_digest": run.inventory_digest,
        "runbook": run.runbook,
        "started": plain.rfc3339(run.started),
        "origin": asdict(run.origin),
    }
    with Journal.begin(folder, plan, durable=False, **started) as journal:
        for cause in run.lost:
            journal.append("cause", **cause.plain())
        for result in run.results:
            keys = journal.transcripts(result.transcripts)
            journal.append("outcome", **of_result(result, keys))
        if not run.open:
            journal.append(
                "run-finished",
                verdict=run.conclusion,
                exit_status=run.verdict.exit_status,
                missing=list(run.missing),
                channels=run.channels,
                redactions=run.redactions,
            )
    found = read(folder)
    write_run_json(folder, found)
    return found


def _storable(run: Run) -> Run:
    """Without half surrogates in the ids of tests, which pytest never makes and no plan holds."""
    results = [replace(result, nodeid=_whole(result.nodeid)) for result in run.results]
    return replace(run, results=results, planned=tuple(map(_whole, run.planned)))


def _whole(text: str) -> str:
    return text.encode(errors="replace").decode()
