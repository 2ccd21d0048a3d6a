"""The commands in a line that a shell, cron or systemd runs, as far as the line shows them."""

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

QUOTED = "\1"
"""Stands for a `$` inside double quotes, whose value stays part of one word."""
SHELLS = ("sh", "bash", "dash", "ksh", "zsh", "env")
_BETWEEN_COMMANDS = "();<>|&"
_KEYWORDS = ("!", "{", "}", "do", "elif", "else", "if", "then", "until", "while")
# What runs the rest of its words: its options that take an argument, and the words before the rest.
_INTRODUCING = {
    "builtin": ("", 0),
    "chronic": ("", 0),
    "command": ("", 0),
    "doas": ("Cu", 0),
    "env": ("Cu", 0),
    "eval": ("", 0),
    "exec": ("a", 0),
    "flock": ("Ew", 1),
    "ionice": ("cn", 0),
    "nice": ("n", 0),
    "nohup": ("", 0),
    "runuser": ("Ggu", 0),
    "setsid": ("", 0),
    "stdbuf": ("eio", 0),
    "sudo": ("CDghpRrTtUu", 0),
    "systemd-cat": ("pt", 0),
    "systemd-inhibit": ("", 0),
    "systemd-run": ("Mpu", 0),
    "taskset": ("", 1),
    "time": ("fo", 0),
    "timeout": ("ks", 1),
    "xargs": ("adEILnPs", 0),
}
_TALKING = (
    *(":", "[", "alias", "awk", "cat", "command", "echo", "egrep", "exit", "export", "fgrep"),
    *("grep", "head", "kill", "logger", "mail", "man", "notify-send", "pgrep", "pkill", "printf"),
    *("read", "sed", "sleep", "tail", "test", "trap", "true", "type", "wall", "which"),
)
_MOST_ALTERNATIVES = 64


def program(word: str) -> str:
    """The name of a program that is called by a word: its path does not matter."""
    return word.lstrip("`@+!:-").rpartition("/")[2]


def commands(line: str) -> Iterator[list[str]]:
    """The commands in a line, one after the other; `{a,b}` becomes both."""
    command: list[str] = []
    for word in split(line):
        if word and set(word) <= set(_BETWEEN_COMMANDS):
            yield command
            command = []
        else:
            command += _alternatives(word)
    yield command


def every_command(
    line: str, but: Callable[[list[str]], bool] = lambda _: False
) -> Iterator[list[str]]:
    """The commands in a line, and those inside one of its words, as after `sh -c`.

    Neither those of which `but` is true, nor what is inside them.
    """
    for words in commands(line):
        if but(words):
            continue
        yield words
        for word in words:
            if " " in word and word != line:
                yield from every_command(word, but)


def acting(line: str) -> Iterator[list[str]]:
    """The same without those that only show, look for or test the words that they are given."""
    return every_command(line, _only_talks)


def run(line: str) -> Iterator[list[str]]:
    """The commands that a line certainly contains as such, each from its program on.

    Past what only introduces it, as `sudo -u ops`; into what a shell is given, and `$(…)`.
    """
    for words in commands(line):
        own = from_program(words)
        if own and program(own[0]) in SHELLS:
            at = next((n for n, w in enumerate(own) if re.fullmatch(r"-\w*c", w)), None)
            if at is not None and (given := own[at + 1 :]):
                yield from run(given[0] if " " in given[0] else shlex.join(given))
                continue
        if own:
            yield own
        for word in words:
            if inner := re.search(rf"[${QUOTED}]\((.+)\)|`(.+)`", word):
                yield from run(inner[1] or inner[2])


def from_program(words: Sequence[str]) -> list[str]:
    """A command from its program on, without what introduces it."""
    rest = list(words)
    while rest:
        first = program(rest[0])
        if first == "command" and rest[1:2] in (["-v"], ["-V"]):
            return rest
        if first in _INTRODUCING:
            rest = _behind(rest[1:], *_INTRODUCING[first])
        elif not first or first in _KEYWORDS or re.match(r"[A-Za-z_]\w*\+?=", rest[0]):
            rest = rest[1:]
        else:
            return rest
    return []


def _only_talks(words: list[str]) -> bool:
    own = from_program(words)
    return not own or program(own[0]) in _TALKING


@lru_cache(maxsize=2**12)
def split(line: str) -> tuple[str, ...]:
    """The words of a line, and what stands between its commands."""
    marked = re.sub(r'"[^"]*"', lambda quoted: quoted[0].replace("$", QUOTED), line)
    lexer = shlex.shlex(marked, posix=True, punctuation_chars=_BETWEEN_COMMANDS)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        return tuple(lexer)
    except ValueError:  # a quotation that does not end: part of a longer one
        return tuple(marked.split())


def _behind(words: list[str], with_argument: str, more: int) -> list[str]:
    """What follows the options of a command, and `more` words."""
    at = 0
    while at < len(words) and words[at].startswith("-"):
        if words[at] == "--":
            at += 1
            break
        letter = re.fullmatch(r"-\w*(\w)", words[at])
        at += 2 if letter and letter[1] in with_argument else 1
    return words[at + more :]


def _alternatives(word: str) -> list[str]:
    """What a shell makes of `{a,b}` in a word; see Brace Expansion in bash(1)."""
    made, done = [word], False
    while not done and len(made) < _MOST_ALTERNATIVES:
        done, was, made = True, made, []
        for each in was:
            inner = re.search(r"(?<!\$)\{([^{}\s]*,[^{}\s]*)\}", each)
            if inner is None:
                made.append(each)
                continue
            done = False
            before, after = each[: inner.start()], each[inner.end() :]
            made += [f"{before}{one}{after}" for one in inner[1].split(",")]
    return made
