"""Answers of a fleet that is not there, as diagnostics hear them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.gather.transcript import Transcript

TAKEN = datetime(2026, 11, 27, 3, 30, tzinfo=UTC)
NOW = "now 2026-11-27T03:30:00+0000\n"


def heard(fact: str, subject: str, said: str, host: str = "railiance01", **more: Any) -> Transcript:
    given: dict[str, Any] = {"exit_status": 0, "stdout": said.encode()} | more
    return Transcript(fact, subject, host, "typed", TAKEN, 0.1, **given)


def known(*transcripts: Transcript) -> Snapshot:
    found = Snapshot(taken=TAKEN)
    for transcript in transcripts:
        found.add(transcript)
    return found


def journal(*lines: tuple[float, str]) -> str:
    """Lines of a journal, each so many seconds before it is read."""
    told = (
        f"{(TAKEN - timedelta(seconds=ago)):%Y-%m-%dT%H:%M:%S}+0000 {line}" for ago, line in lines
    )
    return NOW + "\n".join(told) + "\n"


def listed(kind: str, *items: Any) -> str:
    return json.dumps({"kind": kind, "apiVersion": "v1", "metadata": {}, "items": items})


def pod(name: str = "hub-1-a", **status: Any) -> dict[str, Any]:
    """A pod that is well, but for what is given of its status."""
    well = {
        "phase": "Running",
        "conditions": [
            {"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}
        ],
        "containerStatuses": [container()],
    }  # fmt: skip
    return {"metadata": {"name": name}, "spec": {}, "status": well | status}


def container(**report: Any) -> dict[str, Any]:
    well = {
        "name": "main", "ready": True, "restartCount": 0, "lastState": {},
        "state": {"running": {"startedAt": "2026-11-27T03:00:00Z"}},
    }  # fmt: skip
    return well | report


UNREADY = [
    {"type": "PodScheduled", "status": "True"},
    {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "main is not"},
]


def event(reason: str, message: str, at: str, kind: str = "Warning") -> dict[str, Any]:
    return {"type": kind, "reason": reason, "message": message, "lastTimestamp": at}
