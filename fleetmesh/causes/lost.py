"""What is lost at the moment of a snapshot: hosts, APIs of clusters, log-ins, names.

Each is told, whether or not a check asked for it.
"""

import re
from functools import cached_property
from typing import Any

from fleetmesh.causes.known import Known
from fleetmesh.evidence.cause import Cause
from fleetmesh.facts import FACTS, Fact
from fleetmesh.facts.answers import SSH_ANSWERS, TUNNEL_ANSWERS
from fleetmesh.facts.cluster_services import BRIDGE_SERVICES
from fleetmesh.facts.clusters import CLUSTER_VERSIONS, INSIDE_ANSWERS
from fleetmesh.facts.identity import stranger
from fleetmesh.facts.logins import LOGINS, LoginAttempt
from fleetmesh.facts.units import SYSTEM_UNITS, UNITS
from fleetmesh.gather.commands import Exec
from fleetmesh.gather.probe import OfCluster, Probe
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory, Login

# Words of ssh and of libc, of curl, wget and nc; see asking_inside.py and in_pod.py.
_NO_CONNECTION = re.compile(
    "connect to host|Connection (refused|timed out|reset|closed)|No route to|unreachable"
)
_WITHIN = re.compile(r" within [\d.]+ s$")
_NO_NAME = re.compile(
    "DNS did not answer|Name or service not known|[Nn]ame resolution|No address associated|"
    "Could not resolve|bad address|unable to resolve"
)


def to_ask(snapshot: Snapshot, inventory: Inventory) -> tuple[Fact[Any], ...]:
    """What a snapshot leaves open of why tunnels have no connection: whether they could log in.

    Nothing, if they have one. What lets a unit fail is found by asking the same from its host.
    """
    known = Known(snapshot, inventory)
    answers, hosts = known.of(TUNNEL_ANSWERS), known.of(SSH_ANSWERS)
    for tunnel in inventory.tunnels.values():
        unit, answer, far = known.unit(tunnel), answers.get(tunnel.id), hosts.get(tunnel.via)
        tries = unit is not None and unit.active not in ("active", "inactive")
        if tries or (answer and answer.refused) or (far and far.refused):
            units = SYSTEM_UNITS if tunnel.by_system else UNITS
            asked = {fact: snapshot.of(fact.name) for fact in (LOGINS, units)}
            return tuple(fact for fact, found in asked.items() if not found)
    return ()


class Lost:
    """What could not be reached."""

    def __init__(self, known: Known) -> None:
        self._known = known

    @cached_property
    def all(self) -> tuple[Cause, ...]:
        """All of it, each once; what follows from another loss is part of that."""
        found = (*self.hosts.values(), *self.apis.values(), *self.logins.values())
        return tuple(dict.fromkeys((*found, *self.names.values())))

    @cached_property
    def hosts(self) -> dict[str, Cause]:
        """By host: it cannot be reached, is another, or answers none of the suite's commands."""
        answers = self._known.of(SSH_ANSWERS)
        found = {}
        for host in self._known.inventory.hosts:
            answer = answers.get(host)
            if answer and answer.refused:
                found[host] = Cause(answer.refused, "host", host, answer.lasts)
            elif another := stranger(self._known.snapshot, self._known.inventory, host):
                found[host] = Cause(another, "host", host, lasting=True)
            elif mute := self._mute(host):
                found[host] = Cause(mute, "host", host)
        return found

    @cached_property
    def apis(self) -> dict[str, Cause]:
        """By cluster: its API does not even tell its version. A lost host is the cause of it."""
        found = {}
        for name, transcript in self._known.snapshot.of(CLUSTER_VERSIONS.name).items():
            host = self._known.inventory.clusters[name].host
            if transcript.lost:
                found[name] = self.hosts.get(host) or Cause(transcript.lost, "API", name)
        return found

    @cached_property
    def logins(self) -> dict[str, Cause]:
        """By log-in of the tunnels that fails. A lost host is the cause if there is no connection.

        That the far host is lost to the suite is one witness, and this is the other.
        """
        found = {}
        for login in self._known.inventory.logins:
            if failed := self.failed(login):
                host = self.hosts.get(login.via)
                if host and _NO_CONNECTION.search(failed.said):
                    found[login.id] = host
                else:
                    told = f"{login.host}: {login.key} does not open {login.via}: {failed.said}"
                    found[login.id] = Cause(told, "log-in", login.id)
        return found

    @cached_property
    def names(self) -> dict[str, Cause]:
        """By bridge: inside its cluster its name leads nowhere, although its Service is there."""
        found: dict[str, Cause] = {}
        services = self._known.of(BRIDGE_SERVICES)
        for name, inside in self._known.of(INSIDE_ANSWERS).items():
            refused = inside.answer.refused or ""
            cluster = self._known.inventory.bridges[name].cluster
            leads = services.get(name)
            gone = name in services and (leads is None or leads.type == "ExternalName")
            if _NO_NAME.search(refused) and not gone:
                told = Cause(f"inside {cluster}: {refused}", "name", cluster)
                found[name] = next((c for c in found.values() if c.subject == cluster), told)
        return found

    def failed(self, login: Login) -> LoginAttempt | None:
        """The attempt by which a log-in of the tunnels failed; None if none is known to.

        One that no unit makes, since none is installed, has never been there.
        """
        units = map(self._known.unit, login.tunnels)
        if all(unit is not None and unit.load == "not-found" for unit in units):
            return None
        attempts = self._known.of(LOGINS).get(login.id, ())
        return next((one for one in attempts if not one.opened), None)

    def of_transcript(self, transcript: Transcript) -> Cause | None:
        """The loss for which an answer is lost."""
        if not transcript.lost:
            return None
        cluster = self.cluster(transcript)
        return self.hosts.get(transcript.host) or (self.apis.get(cluster) if cluster else None)

    def cluster(self, transcript: Transcript) -> str | None:
        """The cluster whose API was asked; None if it was none."""
        probe = self._probes.get((transcript.fact, transcript.subject))
        return probe.cluster if isinstance(probe, OfCluster) else None

    @cached_property
    def _probes(self) -> dict[tuple[str, str], Probe]:
        return {
            (fact.name, subject): probe
            for fact in FACTS.values()
            for subject, probe in fact.probes(self._known.inventory).items()
        }

    def _mute(self, host: str) -> str | None:
        """Why none of the commands on a host that was reached has an answer."""
        told = [
            transcript.lost
            for transcript in self._known.snapshot
            if transcript.host == host
            and isinstance(self._probes.get((transcript.fact, transcript.subject)), Exec)
        ]
        # Each exec of a host has a deadline of its own.
        same = {_WITHIN.sub("", lost) if lost else None for lost in told}
        return told[0] if len(told) > 1 and len(same) == 1 else None
