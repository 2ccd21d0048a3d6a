"""Who holds the production ports, and which unit is the tunnel's if it has another name."""

import re

from fleetmesh.discover.answers import Answers
from fleetmesh.discover.found import Finding, Found, Settled, Value
from fleetmesh.discover.questions import TUNNEL_UNITS, TunnelUnit
from fleetmesh.facts.machines import MACHINES
from fleetmesh.facts.sockets import LISTENERS, SESSIONS
from fleetmesh.inventory import Inventory, Tunnel
from fleetmesh.text.legible import brief
from fleetmesh.tunnels.attribution import Places, covers, held_by


def units(inventory: Inventory, answers: Answers) -> Found:
    """The unit of each tunnel whose own name systemd does not know, by the runbook's forward.

    A unit that exists, stopped or broken, keeps its tunnel: its checks say what is wrong.
    """
    places = _places(inventory, answers)
    for tunnel in inventory.tunnels.values():
        told = answers.of(TUNNEL_UNITS, tunnel.host)
        place = ("tunnels", tunnel.id, "unit")
        if told is None:
            yield Finding(place, str(answers.cause(TUNNEL_UNITS, tunnel.host)))
            continue
        foreign = _held_by_another(tunnel, answers, places)
        if foreign:
            yield foreign
            continue
        own = [u for u in told.value if u.name == tunnel.unit and u.load != "not-found"]
        if own:
            yield Settled(place[:-1], told.seen.like(f"systemctl --user status {tunnel.unit}"))
            continue
        fitting = [u for u in told.value if u.load == "loaded" and _carries(u, tunnel, inventory)]
        lasting = [unit for unit in fitting if unit.lasts]
        forward = _forward(tunnel, inventory)
        if len(lasting) == 1 and fitting == lasting:
            seen = told.seen.like(f"systemctl --{lasting[0].scope} cat {lasting[0].name}")
            yield Value(place, lasting[0].name, seen)
            if lasting[0].scope != "user":
                yield Value((*place[:-1], "scope"), lasting[0].scope, seen)
            yield Settled(place[:-1], seen)
        elif fitting:
            names = ", ".join(
                f"{u.name} ({u.scope}{'' if u.lasts else ', until the next boot'})" for u in fitting
            )
            what = f"{tunnel.unit} is unknown to systemd; -L {forward} is also that of {names}"
            yield Finding(place, brief(what), told.seen, "CUT-01 and CUT-02 judge the units")
        else:
            what = f"{tunnel.unit} is unknown to systemd, and no unit has -L {forward}"
            yield Finding(place, what, told.seen, "install the runbook's units first")


def _forward(tunnel: Tunnel, inventory: Inventory) -> str:
    service = inventory.services[tunnel.to]
    return f"{tunnel.listen}:{service.cluster_ip}:{service.port}"


def _carries(unit: TunnelUnit, tunnel: Tunnel, inventory: Inventory) -> bool:
    """Whether a unit runs an ssh with the runbook's forward, to the runbook's host."""
    words = " ".join(re.findall(r"argv\[\]=(.*?) ; ignore_errors=", unit.command)).split()
    names = set(inventory.hosts[tunnel.via].names)
    forward = _forward(tunnel, inventory)
    leads = any(word.rpartition("@")[2] in names for word in words)
    return leads and (forward in words or f"-L{forward}" in words)


def _places(inventory: Inventory, answers: Answers) -> Places:
    places = Places(inventory)
    for told in answers.each(MACHINES):
        places.learn(told.subject, told.value.addresses)
    return places


def _held_by_another(tunnel: Tunnel, answers: Answers, places: Places) -> Finding | None:
    """A production port that a login session holds, or nothing names who."""
    listeners, sessions = answers.of(LISTENERS, tunnel.host), answers.of(SESSIONS, tunnel.host)
    if not listeners or not sessions:
        return None
    on_port = [s for s in listeners.value if covers(s, tunnel.listen.ip, tunnel.listen.port)]
    for socket in on_port:
        holder = held_by(socket, sessions.value, places)
        if holder.session or holder.unattributed:
            what = f"{tunnel.listen} is held by {holder}; the runbook says the unit {tunnel.unit}"
            place = ("tunnels", tunnel.id, "listen")
            seen = listeners.seen.like(f"ss -tlnpe sport = :{tunnel.listen.port}")
            return Finding(place, what, seen, "not proposed: PROD-05 and CUT-03 judge it")
    return None
