"""What an ssh forwards, by its arguments and configuration, whether it runs or would start.

A line that starts something comes from a shell, systemd or a desktop entry. Only what concerns ssh
and a bridge is read, as far as that is possible without running it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch

from fleetmesh.facts.sockets import Process
from fleetmesh.facts.workstation import Autostart, Autostarts, mentions
from fleetmesh.inventory import RetiredTunnel
from fleetmesh.text import ssh_command
from fleetmesh.text.commands import (
    QUOTED,
    SHELLS,
    commands,
    every_command,
    from_program,
    program,
    split,
)
from fleetmesh.text.ssh_command import Forward, SshCommand
from fleetmesh.text.ssh_settings import SshSettings

_STARTING = ("reload-or-restart", "restart", "start", "up")
_ENDING = ("disable", "down", "is-active", "mask", "status", "stop")
_HARMLESS = (*_ENDING, "is-enabled", "is-failed", "list", "reset-failed", "show", "try-restart")
"""What starts nothing that is stopped."""
_OF_THE_KERNEL = ("fdb", "link", "mdb", "monitor", "vlan", "vni")
"""What bridge(8) of iproute2 is about, which has the same name."""
_WITH_BRIDGES = ("brctl", "docker", "ifconfig", "ip", "modprobe", "nmcli", "podman", "virsh")
"""Programs in whose words `bridge` is a network's or a device's."""
_FED = ("parallel", "xargs")
"""What adds words of its own to a command."""
_NO_CONFIGURATION = ("none", "/dev/null")


@dataclass(frozen=True)
class Forwards:
    """The forwards of one ssh."""

    local: tuple[Forward, ...] = ()
    remote: tuple[Forward, ...] = ()
    dynamic: tuple[Forward, ...] = ()


def of_process(process: Process) -> Forwards:
    """What a running ssh forwards, as far as its arguments and settings tell."""
    command = ssh_command.parse(process.argv)
    return _forwards(command, process.settings) if command else Forwards()


def tells_itself(process: Process) -> bool:
    """Whether the arguments are an ssh's own, and not a title written over them."""
    return ssh_command.parse(process.argv) is not None


def of_line(entry: Autostart, found: Autostarts) -> Forwards:
    """What all the ssh commands in a line would forward."""
    all_of_them = [
        _forwards(command, found.settings.get(command.destination or ""))
        for argv in _clients(entry.line)
        if (command := ssh_command.parse(argv))
    ]
    return Forwards(
        local=tuple(forward for each in all_of_them for forward in each.local),
        remote=tuple(forward for each in all_of_them for forward in each.remote),
        dynamic=tuple(forward for each in all_of_them for forward in each.dynamic),
    )


def starts(
    entry: Autostart, retired: RetiredTunnel, found: Autostarts, tool: str = "bridge"
) -> bool:
    """Whether a line starts a retired tunnel: by its name, or by a forward from its port.

    `tool` is what `bridge` is called there. A forward given to another program counts, too:
    `PORT:` anywhere except in an ssh's own -L.
    """
    for words in every_command(entry.line):
        own = " ".join(word for word in words if " " not in word or words == [word])
        if mentions(own, retired.id) and not _ends(words, tool=tool):
            return True
    forwards, port = of_line(entry, found), str(retired.listen.port)
    if any(forward.port == port for forward in forwards.remote):
        return True
    own_specs = [f"{forward.port}:{forward.target}" for forward in forwards.local]
    return any(
        re.search(rf"(?<!\d){port}:", word) and not any(spec in word for spec in own_specs)
        for word in split(entry.line)
    )


def starts_unit(entry: Autostart, names: Iterable[str]) -> bool:
    """Whether a line names one of these units other than to end it, or to look at it."""
    return any(
        mentions(" ".join(words), name) and not _ends(words, _HARMLESS)
        for words in every_command(entry.line)
        for name in names
    )


def unresolved(
    entry: Autostart, retired: RetiredTunnel, found: Autostarts, tool: str = "bridge"
) -> str | None:
    """Why nobody can tell whether a line starts a retired tunnel; None if it is clear."""
    configured = any(_may_listen(line.line, retired.listen.port) for line in found.configured)
    for argv in _clients(entry.line):
        if reason := _unclear_client(argv, found, configured=configured):
            return reason
    for words in every_command(entry.line):
        for place, word in enumerate(words):
            called, rest = program(word), words[place + 1 :]
            if called == tool and (reason := _unclear_bridge(words, place, retired)):
                return reason
            after = rest[1:] if rest[:1] == ["-c"] else rest
            if called in SHELLS and after and re.fullmatch(rf"[${QUOTED}]\{{?\w+\}}?", after[0]):
                return f"{called} runs what {_shown(after[0])} holds"
    return None


def _ends(words: list[str], harmless: Iterable[str] = _ENDING, tool: str = "bridge") -> bool:
    """Whether a command only takes down what it names, or looks at it."""
    for place, word in enumerate(words):
        if program(word) in (tool, "systemctl"):
            return _verb(words[place + 1 :]) in harmless
    return False


def _verb(words: list[str]) -> str:
    """What a manager is told to do: the first word known as such, else the first of them all.

    Options may stand before it, and nobody knows which of them take an argument.
    """
    plain = [word for word in words if not word.startswith("-")]
    return next((word for word in plain if word in (*_STARTING, *_HARMLESS)), "".join(plain[:1]))


def _may_listen(remote_forward: str, port: int) -> bool:
    """Whether a line of ssh_config(5), RemoteForward with its arguments, may listen on a port."""
    _, *given = re.split(r"[\s=]+", remote_forward.replace('"', ""), maxsplit=1)
    forward = Forward.parse(":".join("".join(given).split()))
    return not forward.port.isdecimal() or forward.port == str(port)


def _unclear_client(argv: list[str], found: Autostarts, *, configured: bool) -> str | None:
    variables = ssh_command.unresolved(argv)
    if variables:
        return f"not resolved: {_shown(', '.join(variables))}"
    command = ssh_command.parse(argv)
    if command is None or not command.destination:
        return None
    configuration = command.options.get("configuration")
    if configuration and configuration not in _NO_CONFIGURATION:
        return f"its configuration is {_shown(configuration)}"
    if command.destination not in found.settings and configured and not configuration:
        return f"what ssh_config has for {_shown(command.destination)} is not known"
    return None


def _unclear_bridge(words: list[str], place: int, retired: RetiredTunnel) -> str | None:
    """Why it is unknown which tunnels a call of the tool starts, which stands at `place`."""
    before, rest = {program(word) for word in words[:place]}, words[place + 1 :]
    plain = [word for word in rest if not word.startswith("-")]
    if (plain and plain[0] in _OF_THE_KERNEL) or before & set(_WITH_BRIDGES):
        return None
    fed = sorted(before & set(_FED))
    variables = [word for word in rest if "$" in word or QUOTED in word or "`" in word]
    verb = _verb(rest)
    if verb not in _STARTING:
        is_argument = words[:place][-1:] and words[place - 1].startswith("-")
        if verb in _HARMLESS or (is_argument and from_program(words) != words[place:]):
            return None
        if variables:
            return f"not resolved: {_shown(' '.join(variables))}"
        return f"what {fed[0]} tells it is not known" if fed and not rest else None
    if variables:
        return f"not resolved: {_shown(' '.join(variables))}"
    given = rest[rest.index(verb) + 1 :]
    options = [word for word in given if word.startswith("-") and word != "--autostart"]
    names = [word for word in given if re.match(r"[A-Za-z]", word)]
    patterns = [name for name in names if fnmatch(retired.id, name) and name != retired.id]
    if fed:
        return f"which tunnels {fed[0]} names is not known"
    if patterns:
        return f"which tunnels are meant by {' '.join(patterns)} is not known"
    if "--all" in options or (not names and (options or "--autostart" not in given)):
        meant = f"by {' '.join(options)}" if options else "where none is named"
        return f"which tunnels are meant {meant} is not known"
    return None


def _forwards(command: SshCommand, settings: SshSettings | None) -> Forwards:
    if command.switch("ClearAllForwardings") == "yes":
        return Forwards()
    more = settings or SshSettings({})
    return Forwards(
        command.local + more.local, command.remote + more.remote, command.dynamic + more.dynamic
    )


def _clients(line: str) -> Iterator[list[str]]:
    """The argument vectors of ssh and autossh in a line, also inside a word, as after `sh -c`."""
    for words in commands(line):
        for place, word in enumerate(words):
            if word.rpartition("/")[2] in ("ssh", "autossh"):
                yield words[place:]
                break
            if " " in word and "ssh" in word and word != line:
                yield from _clients(word)


def _shown(words: str) -> str:
    return words.replace(QUOTED, "$")
