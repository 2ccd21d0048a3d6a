"""Answers of a fleet, made for one question at a time; what they say is invented."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fleetmesh.discover.answers import Answers
from fleetmesh.discover.edit import Edit
from fleetmesh.discover.found import Finding, Seen, Settled, Value
from fleetmesh.discover.kubeconfigs import Way
from fleetmesh.facts.fact import Fact
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory, load
from selftests.inventory import RUNBOOK

ROOT = Path(__file__).parents[2]
PRODUCTION = RUNBOOK
NOW = datetime(2026, 11, 26, 18, 22, 3, tzinfo=UTC)
SEEN = Seen("ssh there look", "there", NOW, load(PRODUCTION))


def inventory() -> Inventory:
    """The runbook's own."""
    return load(PRODUCTION)


def edit(change: tuple[str, str] = ("", "")) -> Edit:
    """The runbook's inventory under edit, with one text exchanged."""
    text = PRODUCTION.read_text().replace(*change) if change[0] else PRODUCTION.read_text()
    return Edit(PRODUCTION, text, text)


class Said:
    """Answers as they are made up, fact by fact."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()

    def says(self, fact: Fact[Any], subject: str, stdout: str | bytes, **given: Any) -> "Said":
        """Let a subject answer a fact's question."""
        host = given.pop("host", subject)
        out = stdout.encode() if isinstance(stdout, str) else stdout
        given.setdefault("exit_status", 0)
        self.snapshot.add(
            Transcript(fact.name, subject, host, f"ssh {host} look", NOW, 0.1, stdout=out, **given)
        )
        return self

    @property
    def answers(self) -> Answers:
        """All of them."""
        return Answers(self.snapshot, inventory())


def way(answers: dict[str, tuple[int, Any]], **given: Any) -> Way:
    """A context of a kubeconfig, and what its API answered, by what it was asked for."""
    said = {what: (status, json.dumps(body)) for what, (status, body) in answers.items()}
    known: dict[str, Any] = {
        "host": "coulombcore",
        "kubeconfig": "~/.kube/config",
        "context": "default",
        "namespace": "",
        "current": True,
        "problem": "",
    }
    return Way(**(known | given), answers=said)


def service(name: str, namespace: str, ip: str, *ports: int) -> dict[str, Any]:
    """A Service as the API has it."""
    offered = [{"port": port, "protocol": "TCP"} for port in ports]
    metadata = {"name": name, "namespace": namespace}
    return {"metadata": metadata, "spec": {"clusterIP": ip, "ports": offered}}


def listed(*items: Any) -> tuple[int, dict[str, Any]]:
    """A list of the API."""
    return 200, {"items": list(items)}


def values(found: Iterable[Any]) -> dict[str, Any]:
    """What is proposed, by its place; `entry` alone, with None, where one is settled."""
    return {
        ".".join(each.place): each.value if isinstance(each, Value) else None
        for each in found
        if isinstance(each, (Value, Settled))
    }


def findings(found: Iterable[Any]) -> dict[str, str]:
    """What is found, by its place."""
    return {".".join(each.place): each.what for each in found if isinstance(each, Finding)}
