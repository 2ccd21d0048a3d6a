"""Who holds the production ports, and which unit is the tunnel's if it has another name."""

import re

from fleetmesh.discover.answers import Answers
from fleetmesh.discover.found import Finding, Found, Settled, Value
from fleetmesh.discover.questions import TUNNEL_UNITS, TunnelUnit
from fleetmesh.facts.machines import MACHINES
from fleetmesh.facts.sockets import LISTENERS, SESSIONS
from fleetmesh.inventory import Inventory, Tunnel, endpoint
from fleetmesh.text.legible import brief
from fleetmesh.text.ssh_command import Forward, SshCommand, parse
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
        wrong = {u.name: why for u in fitting if (why := _contradicts(u, tunnel, inventory))}
        forward = _forward(tunnel, inventory)
        if len(fitting) == 1 and not wrong:
            unit = fitting[0]
            seen = told.seen.like(f"systemctl --{unit.scope} cat {unit.name}")
            yield Value(place, unit.name, seen)
            if unit.scope != "user":
                yield Value((*place[:-1], "scope"), unit.scope, seen)
            yield Settled(place[:-1], seen)
        elif fitting:
            names = ", ".join(f"{u.name} ({wrong.get(u.name, u.scope)})" for u in fitting)
            what = f"{tunnel.unit} is unknown to systemd; -L {forward} is that of {names}"
            yield Finding(place, brief(what), told.seen, "CUT-01 and CUT-02 judge the units")
        else:
            what = f"{tunnel.unit} is unknown to systemd, and no unit has -L {forward}"
            yield Finding(place, what, told.seen, "install the runbook's units first")


def _forward(tunnel: Tunnel, inventory: Inventory) -> str:
    service = inventory.services[tunnel.to]
    return f"{tunnel.listen}:{endpoint(service.cluster_ip, service.port)}"


def _commands(unit: TunnelUnit) -> list[SshCommand]:
    """The ssh clients that a unit runs, one that `timeout` or the like runs included."""
    found = []
    for line in re.findall(r"argv\[\]=(.*?) ; ignore_errors=", unit.command):
        words = line.split()
        starts = [n for n, word in enumerate(words) if word.rpartition("/")[2] in _CLIENTS]
        found += [read for n in starts[:1] if (read := parse(words[n:]))]
    return found


_CLIENTS = ("ssh", "autossh")


def _carries(unit: TunnelUnit, tunnel: Tunnel, inventory: Inventory) -> bool:
    """Whether a unit runs an ssh that listens where the runbook says, and leads where it says."""
    forward = Forward.parse(_forward(tunnel, inventory))
    return any(forward in command.local for command in _commands(unit))


def _contradicts(unit: TunnelUnit, tunnel: Tunnel, inventory: Inventory) -> str | None:
    """In what a unit with the runbook's forward is otherwise than the runbook's; None in nothing.

    Its checks judge the words one by one.
    """
    via = inventory.hosts[tunnel.via]
    for command in _commands(unit):
        if command.host not in via.names:
            return f"logs in to {command.host}, not {via.target}"
        if via.user and command.user and command.user != via.user:
            return f"logs in as {command.user}, not {via.user}"
        if command.jump:
            return f"goes through {command.jump}"
        if command.remote or command.dynamic or len(command.local) > 1:
            return "forwards more"
        tail = tunnel.key.removeprefix("~")
        if not any(key.endswith(tail) for key in command.keys):
            return f"uses the key {', '.join(command.keys) or 'that ssh chooses'}"
    return None if unit.lasts else "is there only until the next boot"


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
