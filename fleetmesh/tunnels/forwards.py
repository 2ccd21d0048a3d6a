"""What an ssh forwards, by its arguments and configuration, whether it runs or would start.

A line that starts something comes from a shell, systemd or a desktop entry. Only what concerns ssh
and a bridge is read, as far as that is possible without running it.
"""

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache

from fleetmesh.facts.fact import Inconclusive
from fleetmesh.facts.sockets import Process
from fleetmesh.facts.workstation import Autostart, Autostarts, mentions
from fleetmesh.inventory import RetiredTunnel
from fleetmesh.text import ssh_command
from fleetmesh.text.ssh_command import Forward, SshCommand
from fleetmesh.text.ssh_settings import SshSettings

_QUOTED = "\1"
"""Stands for a `$` inside double quotes, whose value stays part of one word."""
_BETWEEN_COMMANDS = "();<>|&"
_SHELLS = ("sh", "bash", "dash", "ksh", "zsh", "env")
_ENDING = ("disable", "down", "is-active", "mask", "status", "stop")
_HARMLESS = (*_ENDING, "is-enabled", "is-failed", "reset-failed", "show", "try-restart")
"""What starts nothing that is stopped."""
_FOR_GOOD = ("disable", "down", "isolate", "mask", "stop")
_LOGGING_OUT = ("disable-linger", "kill-user", "terminate-user")
_WITH_WORD = ("-M", "-n", "-o", "-p", "-s", "-t", "--machine", "--signal", "--state", "--type")
"""Options of systemctl(1) whose argument is the next word."""
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


def takes(command: str, port: int) -> bool:
    """Whether a unit's command would listen on a port: a socat, or an ssh anywhere in it.

    `command` has its words joined by spaces, as systemctl shows them. The listen address does not
    matter: a listener on all addresses and one on loopback exclude each other.
    """
    return str(port) in _taken(command)


@lru_cache(maxsize=2**12)
def _taken(command: str) -> frozenset[str]:
    """The ports of which `takes` is true: the same lines are asked about each tunnel of a host."""
    words = command.split()
    clients = (ssh_command.parse(words[at:]) for at in range(len(words)))
    listening = (forward for ssh in clients if ssh for forward in (*ssh.local, *ssh.dynamic))
    by_socat = (re.match(r"TCP[46]?-L(?:ISTEN)?:(\d+)", word, re.IGNORECASE) for word in words)
    return frozenset({forward.port for forward in listening} | {m[1] for m in by_socat if m})


def starts(entry: Autostart, retired: RetiredTunnel, found: Autostarts) -> bool:
    """Whether a line starts a retired tunnel: by its name, or by a forward from its port.

    A forward given to another program counts, too: `PORT:` anywhere except in an ssh's own -L.
    """
    named = (words for words in _commands(entry.line) if mentions(" ".join(words), retired.id))
    if not all(map(_ends, named)):
        return True
    forwards, port = of_line(entry, found), str(retired.listen.port)
    if any(forward.port == port for forward in forwards.remote):
        return True
    own = [f"{forward.port}:{forward.target}" for forward in forwards.local]
    return any(
        re.search(rf"(?<!\d){port}:", word) and not any(spec in word for spec in own)
        for word in _words(entry.line)
    )


def starts_unit(entry: Autostart, names: Iterable[str]) -> bool:
    """Whether a line names one of these units other than to end it, or to look at it."""
    return any(
        mentions(" ".join(words), name) and not _ends(words, _HARMLESS)
        for words in _every_command(entry.line)
        for name in names
    )


def ends(entry: Autostart, names: Iterable[str], *, by_system: bool = False) -> bool:
    """Whether a line stops, disables or masks one of these units, or its user's manager.

    Units that the system runs end by its manager alone, and go on without a user's.

    Raises Inconclusive if nobody can tell which units it means.
    """
    unclear = None
    for words in _every_command(entry.line):
        match _ending(words, by_system=by_system):
            case None:
                continue
            case verb, [] if verb in (*_LOGGING_OUT, "isolate"):
                return True
            case verb, operands:
                of_managers = not by_system and any(map(_MANAGER.match, operands))
                if verb in ("isolate", *_LOGGING_OUT) or of_managers:
                    return True
                if any(fnmatch(name, operand) for name in names for operand in operands):
                    return True
                told = operands and not any(map(_VARIABLE.search, operands))
                if not told and verb in _FOR_GOOD:
                    unclear = " ".join(words)
    if unclear:
        raise Inconclusive(f"which units it ends is not known: {_shown(unclear)}")
    return False


def starts_again(source: str, names: Iterable[str], found: Autostarts) -> bool:
    """Whether another line in the same place starts one of these units, and none masks it."""
    lines = [entry.line for entry in found.lines if entry.source == source]
    verbs = rf"{{}}\b[^;|&]*\s(?:{'|'.join(map(re.escape, names))})"
    again = re.compile(verbs.format(r"\s(?:start|restart|up)"))
    for_good = re.compile(verbs.format(r"\s(?:disable|mask)"))
    return any(map(again.search, lines)) and not any(map(for_good.search, lines))


_MANAGER = re.compile(r"user@")
_VARIABLE = re.compile(rf"[$`{_QUOTED}]")


def _ending(words: list[str], *, by_system: bool) -> tuple[str, list[str]] | None:
    """The verb with which a command ends units for good, and the units; None for any other."""
    for place, word in enumerate(words):
        program = word.rpartition("/")[2]
        if program in ("ssh", "autossh"):  # what follows happens elsewhere
            return None
        if program in ("rm", "mv", "unlink"):
            return program, [each.rpartition("/")[2] for each in words[place + 1 :]]
        if program not in ("bridge", "loginctl", "systemctl"):
            continue
        rest = words[place + 1 :]
        if {"-H", "--host"} & set(rest):
            return None
        plain = [
            each
            for before, each in zip(["", *rest], rest, strict=False)
            if not each.startswith("-") and before not in _WITH_WORD
        ]
        verb, *operands = plain or [""]
        if program == "loginctl":
            return (verb, operands) if verb in _LOGGING_OUT and not by_system else None
        if verb not in _FOR_GOOD:
            return None
        of_a_user = bool({"--user", "-M", "--machine"} & set(rest))
        if by_system and program == "systemctl":
            return None if of_a_user else (verb, [_unit(each) for each in operands])
        own = program == "bridge" or of_a_user
        if not own and not any(map(_MANAGER.match, operands)):
            return None  # the system's units are others
        return verb, operands if program == "bridge" else [_unit(each) for each in operands]
    return None


def _unit(name: str) -> str:
    return name if "." in name or name.endswith("*") else f"{name}.service"


def _every_command(line: str) -> Iterator[list[str]]:
    """The commands in a line, and those inside one of its words, as after `sh -c`."""
    for words in _commands(line):
        yield words
        for word in words:
            if " " in word and word != line:
                yield from _every_command(word)


def unresolved(entry: Autostart, retired: RetiredTunnel, found: Autostarts) -> str | None:
    """Why nobody can tell whether a line starts a retired tunnel; None if it is clear."""
    configured = any(_may_listen(line.line, retired.listen.port) for line in found.configured)
    for argv in _clients(entry.line):
        if reason := _unclear_client(argv, found, configured=configured):
            return reason
    for words in _commands(entry.line):
        for place, word in enumerate(words):
            name, rest = word.rpartition("/")[2], words[place + 1 :]
            if name == "bridge" and rest[:1] and rest[0] in ("up", "start", "restart"):
                return _unclear_bridge(rest)
            after = rest[1:] if rest[:1] == ["-c"] else rest
            if name in _SHELLS and after and re.fullmatch(rf"[${_QUOTED}]\{{?\w+\}}?", after[0]):
                return f"{name} runs what {_shown(after[0])} holds"
    return None


def _ends(words: list[str], harmless: Iterable[str] = _ENDING) -> bool:
    """Whether a command only takes down what it names, or looks at it."""
    for place, word in enumerate(words):
        if word.rpartition("/")[2] in ("bridge", "systemctl"):
            verbs = [other for other in words[place + 1 :] if not other.startswith("-")]
            return verbs[:1] != [] and verbs[0] in harmless
    return False


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


def _unclear_bridge(words: list[str]) -> str | None:
    names = [word for word in words[1:] if not word.startswith("-")]
    options = [word for word in words[1:] if word.startswith("-") and word != "--autostart"]
    variables = [word for word in words if "$" in word or _QUOTED in word or "`" in word]
    if variables:
        return f"not resolved: {_shown(' '.join(variables))}"
    if options and not names:
        return f"which tunnels are meant by {' '.join(options)} is not known"
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
    for words in _commands(line):
        for place, word in enumerate(words):
            if word.rpartition("/")[2] in ("ssh", "autossh"):
                yield words[place:]
                break
            if " " in word and "ssh" in word and word != line:
                yield from _clients(word)


def _commands(line: str) -> Iterator[list[str]]:
    command: list[str] = []
    for word in _words(line):
        if word and set(word) <= set(_BETWEEN_COMMANDS):
            yield command
            command = []
        else:
            command.append(word)
    yield command


@lru_cache(maxsize=2**12)
def _words(line: str) -> tuple[str, ...]:
    marked = re.sub(r'"[^"]*"', lambda quoted: quoted[0].replace("$", _QUOTED), line)
    lexer = shlex.shlex(marked, posix=True, punctuation_chars=_BETWEEN_COMMANDS)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        return tuple(lexer)
    except ValueError:  # a quotation that does not end: part of a longer one
        return tuple(marked.split())


def _shown(words: str) -> str:
    return words.replace(_QUOTED, "$")
