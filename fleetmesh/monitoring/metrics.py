"""A run as metrics for Prometheus, in the text format that node_exporter's textfiles have.

A file for each phase of a fleet, written anew by each run of that phase: what a run no longer has
is gone from the next scrape on.
"""

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from fleetmesh.evidence.files import replacing
from fleetmesh.evidence.outcomes import Outcome, Verdict
from fleetmesh.evidence.run import Run
from fleetmesh.inventory import Inventory

_FLEET = ("fleet", "kind", "phase")
_CHECK = ("check", "case")


def write(folder: Path, phase: str, run: Run, text: bytes) -> None:
    """Put the metrics of a phase where everybody can read them. Raises OSError."""
    with replacing(folder / f"fleetmesh_{run.kind}_{run.fleet}_{phase}.prom") as opened:
        opened.write(text)
        os.fchmod(opened.fileno(), 0o644)  # node_exporter is another user, whatever the umask


def metrics(
    inventory: Inventory, run: Run, phase: str, last_ready: float, undelivered: int
) -> bytes:
    """The metrics of one phase of a run that has ended.

    `last_ready` is the time at which the phase's last READY run began, in seconds since the epoch,
    or 0; `undelivered` is how many pings and notifications did not arrive.
    """
    registry = CollectorRegistry()
    of = {"fleet": run.fleet, "kind": run.kind, "phase": phase}

    def gauge(name: str, says: str, *labels: str) -> Gauge:
        return Gauge(f"fleetmesh_{name}", says, (*_FLEET, *labels), registry=registry)

    verdicts = gauge("run_verdict", "1 for the verdict of the last run, 0 for others.", "verdict")
    for verdict in Verdict:
        verdicts.labels(**of, verdict=verdict.value).set(verdict is run.verdict)
    began = gauge("last_run_timestamp_seconds", "When the last run began.")
    began.labels(**of).set(run.started.timestamp())
    ready = gauge(
        "last_ready_run_timestamp_seconds", "When the last READY run began; 0 if none is known."
    )
    ready.labels(**of).set(last_ready)
    took = gauge("run_duration_seconds", "How long the last run took.")
    took.labels(**of).set((run.finished - run.started).total_seconds() if run.finished else 0)
    lost = gauge(
        "undelivered_messages",
        "Pings and notifications that the last run could not deliver, and those that wait.",
    )
    lost.labels(**of).set(undelivered)

    outcomes = gauge(
        "check_outcome",
        "1 for the outcome of a check in the last run, 0 for others.",
        *_CHECK, "host", "outcome",
    )  # fmt: skip
    ids = set()
    for result in run.results:
        if result.phase != phase:
            continue
        ids.add(result.id)
        host = host_of(inventory, result.subject)
        for outcome in Outcome:
            is_it = outcome is result.outcome
            outcomes.labels(
                **of, check=result.id, case=result.subject, host=host, outcome=outcome.value
            ).set(is_it)
    waivers = gauge(
        "waiver_expiry_timestamp_seconds",
        "When a check counts again that the inventory accepts as failing or inconclusive.",
        *_CHECK, "accepts",
    )  # fmt: skip
    for waiver in inventory.waivers:
        if waiver.check in ids:
            waivers.labels(
                **of, check=waiver.check, case=waiver.only or "", accepts=waiver.accepts
            ).set(waiver.expires.timestamp())
    return generate_latest(registry)


def host_of(inventory: Inventory, subject: str) -> str:
    """The host that a check's case is about or lies on; empty where it is about none.

    It follows from the inventory alone: which hosts a check has asked differs from run to run.
    """
    if subject in inventory.hosts:
        return subject
    if tunnel := inventory.tunnels.get(subject):
        return tunnel.host
    if service := inventory.services.get(subject):
        return inventory.service_host(service)
    clusters = inventory.clusters
    if cluster := clusters.get(subject):
        return cluster.host
    if bridge := inventory.bridges.get(subject):
        return clusters[bridge.cluster].host
    if subject in inventory.workstation.retired:
        return inventory.workstation.host
    return next((login.host for login in inventory.logins if login.id == subject), "")
