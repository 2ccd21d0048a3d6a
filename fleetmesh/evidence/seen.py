"""On which machines and clusters a run looked, as its transcripts tell."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from fleetmesh.evidence.run import ClusterSeen, HostSeen
from fleetmesh.facts.clusters import CLUSTER_UIDS, CLUSTER_VERSIONS
from fleetmesh.facts.fact import Fact, NotUnderstood
from fleetmesh.facts.machines import CLOCKS, MACHINES, ClockOffset, Machine
from fleetmesh.gather.transcript import Transcript

_SESSION = "ssh_answers"


def seen_hosts(found: Iterable[Transcript]) -> dict[str, HostSeen]:
    """The machine that answered by each host's name."""
    by_fact: dict[str, dict[str, Transcript]] = {}
    for transcript in found:
        by_fact.setdefault(transcript.fact, {}).setdefault(transcript.subject, transcript)
    machines, clocks = by_fact.get(MACHINES.name, {}), by_fact.get(CLOCKS.name, {})
    sessions = by_fact.get(_SESSION, {})
    hosts = {}
    for host in dict.fromkeys((*machines, *clocks, *sessions)):
        machine: Machine | None = _parsed(MACHINES, machines.get(host))
        clock: ClockOffset | None = _parsed(CLOCKS, clocks.get(host))
        session = sessions[host].details if host in sessions else {}
        hosts[host] = HostSeen(
            address=session.get("peer") or None,
            host_key=session.get("fingerprint") or None,
            machine_id=machine.machine_id if machine else None,
            os=machine.os if machine else None,
            clock_offset=round((clock.earliest + clock.latest) / 2, 6) if clock else None,
        )
    return hosts


def seen_clusters(found: Iterable[Transcript]) -> dict[str, ClusterSeen]:
    """The cluster that answered by each one's name."""
    asked: dict[str, dict[str, Transcript]] = {}
    for transcript in found:
        if transcript.fact in (CLUSTER_UIDS.name, CLUSTER_VERSIONS.name):
            asked.setdefault(transcript.subject, {}).setdefault(transcript.fact, transcript)
    return {
        name: ClusterSeen(
            version=_parsed(CLUSTER_VERSIONS, said.get(CLUSTER_VERSIONS.name)),
            uid=_parsed(CLUSTER_UIDS, said.get(CLUSTER_UIDS.name)),
        )
        for name, said in asked.items()
    }


def _parsed(fact: Fact[Any], transcript: Transcript | None) -> Any:
    """What the fact makes of it; None where it was not observed."""
    if transcript is None or transcript.lost:
        return None
    with suppress(NotUnderstood):
        return fact.read(transcript)
    return None
