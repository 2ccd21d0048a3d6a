"""Listeners, log-in sessions and forwards, by who holds them rather than by their numbers."""

import re
from collections import defaultdict

from fleetmesh.facts.pods import PODS
from fleetmesh.facts.sockets import (
    CONNECTIONS,
    LISTENERS,
    PROCESSES,
    SESSIONS,
    LoginSession,
    Process,
    Socket,
)
from fleetmesh.state.kind import Around, Kind, NoState, State, present, unnumbered
from fleetmesh.tunnels import forwards
from fleetmesh.tunnels.attribution import held_by


def _listeners(found: tuple[Socket, ...], around: Around) -> State:
    held: dict[str, set[str]] = defaultdict(set)
    for socket in found:
        held[socket.local].add(_holder(socket, around))
    return {local: " and ".join(sorted(holders)) for local, holders in held.items()}


def _holder(socket: Socket, around: Around) -> str:
    if socket.pod:
        pods = {
            pod.uid: pod.name for each in around.observed(PODS).known().values() for pod in each
        }
        return f"a pod, {unnumbered(pods[socket.pod])}" if socket.pod in pods else "a pod"
    if not socket.unit and around.host not in around.snapshot.of(SESSIONS.name):
        return f"{_programs(socket)} of uid {socket.uid}"  # the workstation is not asked for them
    holder = held_by(socket, around.sessions if socket.session else {}, around.places)
    if holder.session:
        return f"a log-in from {holder.origin}"
    if holder.unit or socket.unit:
        return str(holder)
    where = re.sub(r"[0-9a-f]{12,}|\d+", "N", socket.cgroup or "no cgroup")
    return f"{_programs(socket)} of uid {socket.uid} in {where}"


def _programs(socket: Socket) -> str:
    return " and ".join(sorted({name for name, _ in socket.processes})) or "a process"


def _sessions(found: dict[str, LoginSession], around: Around) -> State:
    ours = {login.host for login in around.inventory.logins if login.via == around.host}
    origins = {around.places.origin(one) for one in found.values()} - ours
    return present((f"from {origin}" for origin in origins), "logged in")


def _forwards(found: tuple[Process, ...], _: Around) -> State:
    lines: set[str] = set()
    for process in found:
        carried = forwards.of_process(process)
        asked = {"L": carried.local, "R": carried.remote, "D": carried.dynamic}
        told = [f"-{way} {one.listen} {one.target}" for way, all_ in asked.items() for one in all_]
        if told or not forwards.tells_itself(process):
            whose = "" if process.own else f", of uid {process.uid}"
            lines.add(f"{' '.join(process.argv)} ({', '.join(told) or 'not shown'}{whose})")
    return present(lines, "runs")


STATES = (
    Kind(LISTENERS, _listeners, "pids, the numbers of log-in sessions, ids of containers"),
    Kind(
        SESSIONS,
        _sessions,
        "their numbers; those that the tunnels make, and the suite tries",
    ),
    Kind(PROCESSES, _forwards, "pids; an ssh that forwards nothing"),
    NoState(CONNECTIONS, "their ports and bytes are of the moment; listeners and forwards are not"),
)
