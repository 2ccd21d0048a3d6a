"""Quotes words for a POSIX shell, which then takes them as they are."""

import shlex
from collections.abc import Iterable


def quote(word: str) -> str:
    """`word` as one word of a shell, which expands nothing in it except a leading `~/`."""
    return f"~/{shlex.quote(word[2:])}" if word.startswith("~/") and word[2:] else shlex.quote(word)


def join(words: Iterable[str]) -> str:
    """A command of these words."""
    return " ".join(map(quote, words))


def over_ssh(host: str, command: str) -> str:
    """What a person would type to have the shell on `host` run `command`, byte for byte."""
    return f"ssh {quote(host)} {shlex.quote(command)}"
