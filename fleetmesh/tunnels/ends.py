"""Which lines end a tunnel's unit for good, and which start it again in time."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from itertools import islice

from fleetmesh.facts.fact import Inconclusive
from fleetmesh.facts.workstation import Autostart, Autostarts
from fleetmesh.text.commands import QUOTED, every_command, program, run

_FOR_GOOD = ("disable", "down", "freeze", "isolate", "kill", "mask", "stop")
_ALL_AT_ONCE = ("exit", "halt", "poweroff")
_LOGGING_OUT = ("disable-linger", "kill-user", "terminate-user")
_REMOVING = ("mv", "rm", "unlink")
_UNDONE = ("down", "freeze", "isolate", "kill", "start", "stop")
"""After these a start is enough; what masks or disables outlives it."""
_STARTING = ("reload-or-restart", "restart", "start", "thaw", "up")
_WITH_WORD = (
    *("-M", "-n", "-o", "-p", "-s", "-t"),
    *("--job-mode", "--kill-whom", "--machine", "--signal", "--state", "--type"),
)
"""Options of systemctl(1) whose argument is the next word."""
_ENDING_TARGETS = tuple(f"{name}.target" for name in ("exit", "halt", "poweroff", "shutdown"))
_HOLDING_ALL = ("-.slice", "app.slice", "basic.target", "sysinit.target", "system.slice")
"""What services need or lie in, if they say nothing else; systemd.special(7)."""
_LONGEST_PAUSE = timedelta(minutes=10)
"""How long production may be down until a line starts it again."""
_OCCASIONS = 500
"""As many times of a line are compared with those of another."""
_MANAGER = re.compile(r"user@|user(-\d+)?\.slice$")
_VARIABLE = re.compile(rf"[$`{QUOTED}]")
_FOLDERS = {
    False: re.compile(r"(^|/)(\.config/systemd|\.config/systemd/user|default\.target\.wants)/*$"),
    True: re.compile(r"(^|/)(etc/systemd|etc/systemd/system|multi-user\.target\.wants)/*$"),
}
"""What holds a unit's file, or the link that enables it: a user's, and the system's."""


def ends(entry: Autostart, names: Iterable[str], *, by_system: bool = False) -> bool:
    """Whether a line stops, disables or masks one of these units, or its user's manager.

    Units that the system runs end by its manager alone, and go on without a user's.

    Raises Inconclusive if nobody can tell which units it means.
    """
    unclear = None
    for words in every_command(entry.line):
        if (ending := _ending(words, by_system=by_system)) is None:
            continue
        verb, operands = ending
        if operands is None or _meant(operands, names):
            return True
        told = operands and not any(map(_VARIABLE.search, operands))
        if not told and verb in _FOR_GOOD:
            unclear = " ".join(words)
    if unclear:
        raise Inconclusive(f"which units it ends is not known: {unclear.replace(QUOTED, '$')}")
    return False


def starts_again(
    ended: Autostart, names: Iterable[str], found: Autostarts, *, by_system: bool = False
) -> bool:
    """Whether what `ended` stops is started again soon, in the same place.

    That is later in the same line or script; or a line of the same crontab that follows within
    minutes, each time. What is masked, disabled or removed there stays so.
    """
    names = tuple(names)
    same = [entry for entry in found.lines if entry.source == ended.source]
    for entry in same:
        for words in every_command(entry.line):
            told = _ending(words, by_system=by_system)
            if told and told[0] not in _UNDONE and _meant(told[1], names):
                return False
    if _starts_after_its_end(ended, names, by_system=by_system):
        return True
    starting = [
        entry
        for entry in (same if ended.is_of_cron else same[same.index(ended) + 1 :])
        if any(_starts(words, names, by_system=by_system) for words in run(entry.command))
    ]
    return _follow(ended, starting) if ended.is_of_cron else bool(starting)


def _follow(ended: Autostart, starting: list[Autostart]) -> bool:
    """Whether after each time of a line of cron's there is soon one of the others."""
    if ended.times is None:
        return False
    others = [entry.times for entry in starting if entry.times]
    # Any leap year will do: both run by the same clock.
    first, last = (datetime(year, 1, 1, tzinfo=UTC) for year in (2024, 2032))
    soon = _LONGEST_PAUSE + timedelta(seconds=1)
    return bool(others) and all(
        any(next(times.between(at, at + soon), None) for times in others)
        for at in islice(ended.times.between(first, last), _OCCASIONS)
    )


def _starts_after_its_end(ended: Autostart, names: Iterable[str], *, by_system: bool) -> bool:
    """Whether a line starts a unit itself, after it has ended it, and without a long sleep."""
    has_ended, slept = False, 0.0
    for words in run(ended.command):
        if program(words[0]) == "sleep":
            slept += _seconds(words[1:])
        told = _ending(words, by_system=by_system)
        if told and _meant(told[1], names):
            has_ended, slept = True, 0.0
        elif has_ended and _starts(words, names, by_system=by_system):
            return slept <= _LONGEST_PAUSE.total_seconds()
    return False


def _seconds(words: list[str]) -> float:
    """How long sleep(1) sleeps."""
    units = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
    parts = (re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", word) for word in words)
    return sum(float(part[1]) * units[part[2]] for part in parts if part)


def _meant(operands: list[str] | None, names: Iterable[str]) -> bool:
    return operands is None or any(fnmatch(n, operand) for n in names for operand in operands)


def _starts(words: list[str], names: Iterable[str], *, by_system: bool) -> bool:
    """Whether a command starts one of these units, of the manager that runs them."""
    called = program(words[0])
    if called == "bridge":
        plain = [word for word in words[1:] if not word.startswith("-")]
        return any(v in _STARTING for v in plain[:1]) and _meant(plain[1:], names)
    if called != "systemctl" or {"-H", "--host"} & set(words):
        return False
    of_a_user = _is_of_a_user(words)
    verb, operands = _verb(words[1:])
    if by_system == of_a_user or not (verb in _STARTING or (verb == "enable" and "--now" in words)):
        return False
    return _meant([_unit(operand) for operand in operands], names)


def _ending(words: list[str], *, by_system: bool) -> tuple[str, list[str] | None] | None:
    """The verb with which a command ends units for good, and the units, None being all of them."""
    for place, word in enumerate(words):
        called, rest = program(word), words[place + 1 :]
        if called in ("ssh", "autossh"):  # what follows happens elsewhere
            return None
        if called in _REMOVING:
            return called, _removed(called, rest, _FOLDERS[by_system])
        if called not in ("bridge", "loginctl", "systemctl"):
            continue
        if {"-H", "--host"} & set(rest):
            return None
        verb, operands = _verb(rest)
        if called == "bridge":
            told = next((each for each in (verb, *operands) if each in _FOR_GOOD), None)
            return (told, operands) if told else None
        if called == "loginctl":
            return (verb, None) if verb in _LOGGING_OUT and not by_system else None
        return _ended_by_systemctl(verb, operands, rest, by_system=by_system)
    return None


def _ended_by_systemctl(
    verb: str, operands: list[str], words: list[str], *, by_system: bool
) -> tuple[str, list[str] | None] | None:
    of_a_user = _is_of_a_user(words)
    if by_system and of_a_user:
        return None
    isolates = verb == "isolate" or any(w.rpartition("=")[2] == "isolate" for w in words)
    targets = [_unit(each, "target") for each in operands]
    if isolates and verb in ("isolate", "start"):
        return None if targets == ["default.target"] else (verb, None)
    if verb in _ALL_AT_ONCE or (verb == "start" and set(targets) & set(_ENDING_TARGETS)):
        return verb, None
    if verb not in _FOR_GOOD or (verb == "kill" and not _SUSPENDING.search(" ".join(words))):
        return None
    if not by_system and not of_a_user:
        return (verb, None) if any(map(_MANAGER.match, operands)) else None
    return verb, None if set(operands) & set(_HOLDING_ALL) else [_unit(each) for each in operands]


_SUSPENDING = re.compile(r"(-s|--signal)[ =]?(SIG)?STOP")


def _is_of_a_user(words: Iterable[str]) -> bool:
    return any(re.match(r"--user$|-M|--machine", word) for word in words)


def _verb(words: list[str]) -> tuple[str, list[str]]:
    """The verb among the words of systemctl, and what it is about."""
    plain = [
        each
        for before, each in zip(["", *words], words, strict=False)
        if not each.startswith("-") and before not in _WITH_WORD
    ]
    return (plain[0], plain[1:]) if plain else ("", [])


def _removed(called: str, words: list[str], folders: re.Pattern[str]) -> list[str] | None:
    """The names of the units' files that are removed, or moved away; None for a folder of them."""
    given = [word for word in words if not word.startswith("-")]
    if called == "mv" and len(given) > 1 and "-t" not in words:
        given.pop()
    if any(map(folders.search, given)):
        return None
    paths = (each.rpartition("/") for each in given)
    return [file for folder, _, file in paths if not folder or "systemd" in folder]


def _unit(name: str, kind: str = "service") -> str:
    return name if "." in name or name.endswith("*") else f"{name}.{kind}"
