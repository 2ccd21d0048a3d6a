"""Whether each answer that a check looked at agrees with an explanation, or tells against it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fleetmesh.causes.known import Known
from fleetmesh.causes.steps import Step
from fleetmesh.facts.answers import TUNNEL_ANSWERS
from fleetmesh.facts.bridge_status import BRIDGE_STATUS
from fleetmesh.facts.clusters import DEPLOYMENTS, INSIDE_ANSWERS
from fleetmesh.facts.keys import MODES
from fleetmesh.facts.logins import LOGINS
from fleetmesh.facts.pins import KNOWN_HOSTS
from fleetmesh.facts.pods import PODS
from fleetmesh.facts.sockets import LISTENERS, PROCESSES, SESSIONS
from fleetmesh.facts.units import SYSTEM_UNITS, UNITS
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Bridge, Tunnel
from fleetmesh.tunnels import forwards
from fleetmesh.tunnels.attribution import harmless_in_a_session, held_by

Agrees = dict[str, Callable[[], bool]]
"""By the name of a fact: whether what it says agrees."""


@dataclass(frozen=True)
class Witnesses:
    """The facts of a snapshot, called upon for or against an explanation."""

    known: Known

    def disconnected(self, tunnel: Tunnel, subject: Any, looked_at: Sequence[Transcript]) -> bool:
        """Whether all that was seen follows from `tunnel` having no connection."""
        agree: Agrees = {
            UNITS.name: lambda: self.known.down(tunnel),
            SYSTEM_UNITS.name: lambda: self.known.down(tunnel),
            PROCESSES.name: lambda: self.known.runs_no_ssh(tunnel),
            LISTENERS.name: lambda: self._holders(tunnel) == [],
            TUNNEL_ANSWERS.name: lambda: self._unanswered(tunnel),
            INSIDE_ANSWERS.name: lambda: self._cut_off(subject, tunnel),
            PODS.name: lambda: self._waits(subject, tunnel),
        }
        asked = {one.fact for one in looked_at} & agree.keys()
        return bool(asked) and all(agree[fact]() for fact in asked)

    def before(
        self, step: Step, subject: Any, tunnels: Iterable[Tunnel], looked_at: Sequence[Transcript]
    ) -> bool:
        """Whether all that was seen is as it is before `step` was done for `tunnels`."""
        tunnels, asked = tuple(tunnels), {one.fact for one in looked_at}
        if step == "down":
            return self._left_to_retire(subject, tunnels)
        return all(
            agree()
            for tunnel in tunnels
            for fact, agree in self._before(step, subject, tunnel, asked).items()
            if fact in asked
        )

    def _before(self, step: Step, subject: Any, tunnel: Tunnel, asked: set[str]) -> Agrees:
        if step == "install":
            return {
                MODES.name: lambda: self._has_no_key(tunnel),
                KNOWN_HOSTS.name: lambda: self._pins_nothing(tunnel),
                LOGINS.name: lambda: self._has_no_key(tunnel) or self._pins_nothing(tunnel),
            }
        if step == "return":
            return {TUNNEL_ANSWERS.name: lambda: self._healthy(tunnel) or self._unanswered(tunnel)}
        if step != "start":
            return {}
        agree: Agrees = {
            PROCESSES.name: lambda: self.known.runs_no_ssh(tunnel),
            LISTENERS.name: lambda: self._of_the_workstation(tunnel),
            TUNNEL_ANSWERS.name: lambda: self._healthy(tunnel),
        }
        if INSIDE_ANSWERS.name not in asked:
            agree[PODS.name] = lambda: self._waits(subject, tunnel)
        return agree

    def _holders(self, tunnel: Tunnel) -> list[str | None] | None:
        """From where those come who hold its port; None in place of one that no log-in holds."""
        held = self.known.holders(tunnel.host, tunnel.listen.port)
        return None if held is None else [holder.origin for holder in held]

    def _of_the_workstation(self, tunnel: Tunnel) -> bool:
        origins = self._holders(tunnel)
        workstation = self.known.inventory.workstation.host
        return origins is not None and all(origin == workstation for origin in origins)

    def _unanswered(self, tunnel: Tunnel) -> bool:
        answer = self.known.of(TUNNEL_ANSWERS).get(tunnel.id)
        return answer is not None and answer.refused is not None

    def _healthy(self, tunnel: Tunnel) -> bool:
        answer = self.known.of(TUNNEL_ANSWERS).get(tunnel.id)
        health = self.known.inventory.services[tunnel.to].health
        return answer is not None and answer.refused is None and answer.status == health.status

    def _cut_off(self, subject: Any, tunnel: Tunnel) -> bool:
        """A bridge gives no answer, as its tunnel does not."""
        inside = self.known.of(INSIDE_ANSWERS).get(str(subject))
        return bool(inside and inside.answer.refused) and self._unanswered(tunnel)

    def _waits(self, bridge: Any, tunnel: Tunnel) -> bool:
        """All pods of a bridge run and are not ready, while its tunnel does not answer."""
        if not isinstance(bridge, Bridge):
            return True
        where = f"{bridge.cluster}/{bridge.namespace}"
        deployment = self.known.of(DEPLOYMENTS).get(where, {}).get(bridge.id)
        owned = [p for p in self.known.of(PODS).get(where, ()) if deployment and deployment.owns(p)]
        living = [pod for pod in owned if not pod.deleting and not pod.over]
        unready = [pod for pod in living if pod.ready < pod.containers and pod.waiting is None]
        return bool(living) and living == unready and self._unanswered(tunnel)

    def _has_no_key(self, tunnel: Tunnel) -> bool:
        modes = self.known.of(MODES).get(tunnel.host)
        keys = [mode for name, mode in (modes or {}).items() if not name.endswith("/.ssh")]
        return bool(keys) and not any(keys)

    def _pins_nothing(self, tunnel: Tunnel) -> bool:
        pins = self.known.of(KNOWN_HOSTS).get(tunnel.id)
        return pins is not None and not pins.keys and not pins.authority

    def _left_to_retire(self, subject: Any, tunnels: tuple[Tunnel, ...]) -> bool:
        """Whether the workstation has nothing beside what is to be retired for `tunnels`."""
        inventory, workstation = self.known.inventory, self.known.inventory.workstation
        left = {str(tunnel.listen) for tunnel in tunnels}
        if isinstance(subject, str):  # a host, on whose every port nothing may be left
            sessions = self.known.of(SESSIONS).get(subject)
            if sessions is None:
                return False
            ports = {tunnel.listen.port for tunnel in inventory.tunnels.values()}
            doors = {at for tunnel in tunnels for at in tunnel.listen.shown_as}
            return all(
                socket.local in doors
                for socket in self.known.of(LISTENERS).get(subject, ())
                if (holder := held_by(socket, sessions, self.known.places)).session
                and (holder.origin == workstation.host or socket.port in ports)
                and (socket.port in ports or not harmless_in_a_session(socket))
            )
        if subject is None:  # all that runs on the workstation
            listed = self.known.of(BRIDGE_STATUS).get(workstation.host)
            processes = self.known.of(PROCESSES).get(workstation.host)
            if listed is None or processes is None:
                return False
            opened = [forwards.of_process(process) for process in processes]
            retired = {n for n, r in workstation.retired.items() if str(r.listen) in left}
            others = {n for n, one in listed.items() if one.up} - retired
            return all(map(workstation.keeps, others)) and all(
                not each.dynamic and {str(f.listen) for f in each.remote} <= left for each in opened
            )
        return True
