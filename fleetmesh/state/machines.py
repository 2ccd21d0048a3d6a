"""The machines themselves, and what is installed on them."""

import re
from collections.abc import Mapping
from hashlib import sha256

from fleetmesh.facts.answers import SSH_ANSWERS, SshAnswer
from fleetmesh.facts.boot import (
    LINKS,
    ROUTES,
    STARTING,
    SYSTEM_BOOTS,
    SYSTEM_STARTING,
    UNIT_BOOTS,
    USER_BOOTS,
    Route,
    Starting,
    SystemBoot,
    UserBoot,
)
from fleetmesh.facts.installed import INSTALLED, InstalledFile
from fleetmesh.facts.machines import (
    BRIDGE_TOOLS,
    CLOCKS,
    HOMES,
    KUBECTL,
    MACHINES,
    REPLACED,
    TOOLS,
    VERSIONS,
    BridgeTool,
    Home,
    KubectlAnswer,
    Machine,
    Tools,
    Version,
)
from fleetmesh.facts.reference import (
    REFERENCE_FILES,
    REFERENCE_TUNNELS,
    ConfiguredTunnel,
)
from fleetmesh.facts.renewals import SCHEDULES, Scheduled
from fleetmesh.facts.units import (
    BOOT_UNITS,
    LINGER,
    SYSTEM_UNITS,
    UNITS,
    USER_MANAGERS,
    BootUnits,
    Unit,
    UserManager,
)
from fleetmesh.state.kind import Around, Kind, NoState, State, members, present, words


def _digest(content: bytes) -> str:
    return f"sha256 {sha256(content).hexdigest()}"


def _machine(found: Machine, _: Around) -> State:
    told = {name: getattr(found, name) for name in ("hostname", "machine_id", "os", "user", "home")}
    return {**told, **present(f"address {one}" for one in found.addresses)}


def _tools(found: Tools, _: Around) -> State:
    return {name: path for name, path in found.paths.items() if path}


def _versions(found: Mapping[str, Version], _: Around) -> State:
    return {name: version.said for name, version in found.items()}


def _bridge_tool(found: BridgeTool, _: Around) -> State:
    return {"bridge": members(found, "kind", "path")}


def _kubectl(found: KubectlAnswer, _: Around) -> State:
    return {"kubectl": found.version or f"refused: {found.refused}"}


def _home(found: Home, _: Around) -> State:
    return {"home": "can be written to" if found.writable else "cannot be written to"}


def _replaced(found: dict[int, tuple[str, ...]], _: Around) -> State:
    return present((file for files in found.values() for file in files), "runs, and was replaced")


def _ssh_answer(found: SshAnswer, _: Around) -> State:
    return {"sshd": f"refused: {found.refused}" if found.refused else found.fingerprint}


def _units(found: dict[str, Unit], _: Around) -> State:
    told: dict[str, str] = {}
    for name, unit in found.items():
        if (unit.load, unit.active) == ("not-found", "inactive"):
            continue
        # A `static` unit is started by others, whenever they need it.
        runs = "" if unit.file_state == "static" else f", {unit.active} ({unit.sub})"
        told[name] = f"{unit.load}, {unit.file_state or 'no unit file'}{runs}"
        told |= {f"{name} runs {command}": "at its start" for command in unit.commands}
        told |= {f"{name} is read from {file}": "read" for file in (unit.file, *unit.drop_ins)}
        told[f"{name} has changed since"] = words(unit.need_reload)
    return told


def _user_manager(found: UserManager, _: Around) -> State:
    return {"systemd --user": members(found, "version", "state")}


def _boot_units(found: BootUnits, _: Around) -> State:
    return {**present(found.names, "pulled in at boot"), "default.target": found.leads_to}


def _linger(found: str, _: Around) -> State:
    return {"linger": found}


def _installed(found: dict[str, InstalledFile | None], _: Around) -> State:
    return {path: _digest(file.content) for path, file in found.items() if file}


def _schedules(found: tuple[Scheduled, ...], _: Around) -> State:
    return {
        one.source: f"{members(one, 'timer', 'starts')}: {_RAN.sub('', words(one.lines))}"
        for one in found
    }


_RAN = re.compile(r" ; start_time=\[.*?(?= })")
"""When and how a command of a unit ran last, in systemctl's words."""


def _reference_tunnels(found: dict[str, ConfiguredTunnel], _: Around) -> State:
    told = ("listen", "target", "user", "host", "key", "cert_command")
    return {name: members(one, *told) for name, one in found.items()}


def _reference_file(found: bytes, _: Around) -> State:
    return {"content": _digest(found)}


def _user_boot(found: UserBoot, _: Around) -> State:
    return {
        **present((f"{found.manager} after {unit}" for unit in found.after), "ordered"),
        **present((f"{file}: {line}" for file, line in found.drop_ins), "set"),
        **present(found.unreadable, "cannot be read"),
        **{one.path: members(one, "mounted_at", "kind", "unit") for one in found.places},
    }


def _starting(found: dict[str, Starting], _: Around) -> State:
    told = (
        *("type", "after", "requires", "conflicts", "restart", "restart_after"),
        *("limit_interval", "limit_burst", "never_after", "successes", "restart_steps"),
        *("restart_after_at_last", "remains", "wants", "prepared_by", "conditions"),
    )
    return {name: members(unit, *told) for name, unit in found.items() if unit.type}


def _system_boot(found: SystemBoot, _: Around) -> State:
    return {
        **present(found.pulled_in, "pulled in at boot"),
        **{f"unit file {unit}": state for unit, state in found.states.items()},
        **present((f"{unit} {file}: {line}" for unit, file, line in found.drop_ins), "set"),
        **present((f"{unit} {file}" for unit, file in found.unreadable), "cannot be read"),
        **present((f"{unit} {file}" for unit, file in found.newer), "newer than what runs"),
        **{f"socket {unit}": words(listens.split()) for unit, listens in found.sockets.items()},
    }


def _route(found: Route, _: Around) -> State:
    return {"route": members(found, "device", "gateway", "tunnelled")}


def _links(found: frozenset[str], _: Around) -> State:
    return present(found, "a network card of its own")


_LEFT_OUT = "pids, times, restarts, the last result, and whether a `static` unit runs just now"
STATES = (
    Kind(MACHINES, _machine),
    Kind(TOOLS, _tools),
    Kind(VERSIONS, _versions),
    Kind(BRIDGE_TOOLS, _bridge_tool),
    Kind(KUBECTL, _kubectl),
    Kind(HOMES, _home, "how much is free"),
    Kind(REPLACED, _replaced, "pids"),
    Kind(SSH_ANSWERS, _ssh_answer),
    Kind(UNITS, _units, _LEFT_OUT),
    Kind(SYSTEM_UNITS, _units, _LEFT_OUT),
    Kind(USER_MANAGERS, _user_manager),
    Kind(BOOT_UNITS, _boot_units),
    Kind(LINGER, _linger),
    Kind(INSTALLED, _installed, "times of files"),
    Kind(SCHEDULES, _schedules, "when it runs next, and how it ended last"),
    Kind(REFERENCE_TUNNELS, _reference_tunnels),
    Kind(REFERENCE_FILES, _reference_file),
    Kind(USER_BOOTS, _user_boot),
    Kind(UNIT_BOOTS, _user_boot),
    Kind(STARTING, _starting),
    Kind(SYSTEM_STARTING, _starting),
    Kind(SYSTEM_BOOTS, _system_boot),
    Kind(ROUTES, _route, "what the neighbour's table of link addresses has just now"),
    Kind(LINKS, _links),
    NoState(CLOCKS, "it is the time"),
)
