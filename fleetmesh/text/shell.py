"""Quotes words for a POSIX shell, which then takes them as they are."""

import re
import shlex
from collections.abc import Iterable


def quote(word: str) -> str:
    """`word` as one word of a shell, which expands nothing in it except a leading `~/`."""
    return f"~/{shlex.quote(word[2:])}" if word.startswith("~/") and word[2:] else shlex.quote(word)


def join(words: Iterable[str]) -> str:
    """A command of these words."""
    return " ".join(map(quote, words))


def one_word(command: str) -> str:
    """`command` as one word, in the quotes that leave it most readable."""
    readable = "'" in command and not _NOT_IN_DOUBLE_QUOTES.search(command)
    return f'"{command}"' if readable else shlex.quote(command)


_NOT_IN_DOUBLE_QUOTES = re.compile(r'["$`\\!\n]')
"""What shells, some of them only while somebody types, act on there."""
