"""Words for a POSIX shell, so that it takes them as they are."""

import shlex
from collections.abc import Iterable


def quote(word: str) -> str:
    """`word` as one word of a shell, which expands nothing in it but `~/` at its beginning."""
    return f"~/{shlex.quote(word[2:])}" if word.startswith("~/") and word[2:] else shlex.quote(word)


def join(words: Iterable[str]) -> str:
    """A command of these words."""
    return " ".join(map(quote, words))


def over_ssh(host: str, command: str) -> str:
    """What a person would type to have the shell on `host` run `command`, every byte of it."""
    return f"ssh {quote(host)} {shlex.quote(command)}"
