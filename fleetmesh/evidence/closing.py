"""The end of a record: `run.json`, and how one that breaks off is closed."""

import json
import os
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from fleetmesh.evidence.folder import FORMAT, Events, read, read_events, run_of
from fleetmesh.evidence.journal import EVENTS, RAW, CannotRecord, Journal, put
from fleetmesh.evidence.outcomes import Verdict
from fleetmesh.evidence.run import Run
from fleetmesh.gather import plain

RUN_JSON = "run.json"


def close(folder: Path) -> Run:
    """Bring the record in `folder` to its end, and return its run.

    One without `run-finished` is closed as INCOMPLETE; nothing closes it otherwise. A torn last
    line is moved to raw/, under its digest. Raises BrokenRecord, and CannotRecord, also where the
    run still goes on.
    """
    found = read_events(folder)
    if not found.ended:
        with Journal(folder, seq=len(found.events), prev=found.chain) as journal:
            found = read_events(folder)  # now that nobody else writes
            journal.go_on(seq=len(found.events), prev=found.chain)
            torn = _move_torn(found)
            missing = list(run_of(found).missing)
            journal.append(
                "run-closed", verdict=Verdict.INCOMPLETE.value, missing=missing, torn=torn
            )
    run = read(folder)
    write_run_json(folder, run)
    return run


def write_run_json(folder: Path, run: Run) -> None:
    """Write what the events say about the run as a whole. Raises CannotRecord."""
    put(folder / RUN_JSON, run_json(run))


def run_json(run: Run) -> bytes:
    """What run.json says, byte for byte."""
    text = json.dumps(described(run), indent=1, ensure_ascii=False)
    return text.encode(errors="backslashreplace") + b"\n"


def described(run: Run) -> dict[str, Any]:
    """Who, where, when, with what, on which machines, as `run.json` holds it."""
    return {
        "format": FORMAT,
        "run": run.id,
        "verdict": run.conclusion,
        "headline": run.headline,
        "started": plain.rfc3339(run.started),
        "finished": plain.rfc3339(run.finished) if run.finished else None,
        "fleet": run.fleet,
        "kind": run.kind,
        "phases": list(run.phases),
        "writes": run.writes,
        "replayed": run.replayed,
        "runbook": run.runbook,
        "inventory": {"file": run.inventory, "sha256": run.inventory_digest},
        "by": {"user": run.origin.user, "host": run.origin.host},
        "suite": {"commit": run.origin.commit, "dirty": run.origin.dirty},
        "tools": run.origin.tools,
        "hosts": {name: asdict(host) for name, host in run.hosts.items()},
        "clusters": {name: asdict(cluster) for name, cluster in run.clusters.items()},
        "redactions": run.redactions,
        "chain": run.chain,
    }


def _move_torn(found: Events) -> dict[str, Any] | None:
    if not found.torn:
        return None
    digest = sha256(found.torn).hexdigest()
    try:
        raw = found.folder / RAW
        if raw.is_symlink():
            raise CannotRecord(f"{raw}: it is a link")
        raw.mkdir(exist_ok=True)
        put(found.folder / RAW / digest, found.torn)
        file = found.folder / EVENTS
        os.truncate(file, file.stat().st_size - len(found.torn))
    except OSError as error:
        raise CannotRecord(f"{found.folder / EVENTS}: {error.strerror}") from None
    return {"bytes": len(found.torn), "sha256": digest, "file": f"{RAW}/{digest}"}
