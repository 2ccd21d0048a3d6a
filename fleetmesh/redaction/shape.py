"""Finding what has a shape, in time linear in the text.

Patterns are RE2's, which never backtracks; all of them work on bytes. What a pattern cannot say
without looking back or ahead, as where a quoted value ends, is read on from where it matched.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import re2  # type: ignore[import-untyped]

Span = tuple[int, int]
Finder = Callable[[bytes], Iterator[Span | None]]
"""Yields where secrets stand, and None for each thing of the shape that is none."""
Judge = Callable[[bytes], object]


@dataclass(frozen=True)
class Rule:
    """One kind of secret: its name in the mark, and what finds it."""

    name: str
    find: Finder
    needs: tuple[bytes, ...]
    """One of these, in lower case, stands in every text in which the rule finds something."""


_OPTIONS = re2.Options()
_OPTIONS.encoding = re2.Options.Encoding.LATIN1  # a byte is a character, whatever it stands for
_OPTIONS.max_mem = 64 << 20
_OPENS = re.compile(rb"(\\{0,7})([\"'])")
_STOPS = re.compile(rb"(\\*)([\"'])|[\n\0]")
_ARGUMENT = re.compile(rb"[^\n\0]*")
BREAKS = re.compile(rb"[\n\0]")


def compiled(pattern: bytes) -> re2._Regexp:
    """RE2's of a pattern, for bytes."""
    return re2.compile(pattern, _OPTIONS)


def any_of(patterns: Iterable[bytes]) -> re2.Set:
    """All patterns at one go: `Match` tells the numbers of those that a text matches somewhere."""
    found = re2.Set.SearchSet(_OPTIONS)
    for pattern in patterns:
        found.Add(pattern)
    found.Compile()
    return found


def value_at(data: bytes, at: int, bare: re.Pattern[bytes]) -> Span:
    """Where the value that begins at `at` stands: what is in quotes, or else what `bare` matches.

    Quotes may be escaped, as in a JSON string. What is not closed ends with its line.
    """
    opened = _OPENS.match(data, at)
    if opened is None:
        plain = bare.match(data, at)
        return plain.span() if plain else (at, at)
    for stop in _STOPS.finditer(data, opened.end()):
        closes = stop[2] == opened[2] and len(stop[1]) <= len(opened[1])
        if closes or stop[2] is None:
            return opened.end(), stop.start()
    return opened.end(), len(data)


def shaped(pattern: bytes, judge: Judge = len) -> Finder:
    """Finds a pattern's first group that matched, or all of it where it has none."""
    regex = compiled(pattern)

    def find(data: bytes) -> Iterator[Span | None]:
        for match in regex.finditer(data):
            group = next((n for n, value in enumerate(match.groups(), 1) if value is not None), 0)
            start, end = match.span(group)
            broken = BREAKS.search(data, start, end)
            end = broken.start() if broken else end
            yield (start, end) if judge(data[start:end]) else None

    return find


def assigned(
    before: bytes,
    bare: bytes,
    judge: Judge,
    follows: re.Pattern[bytes] | None = None,
    closers: bytes = b"",
) -> Finder:
    """Finds the value after what `before` matches: in quotes, or else what `bare` matches.

    `closers` at the end of a bare value are none of it, and `follows` must match after them. Where
    `before` begins with a NUL or ends with one, an argument or a variable ends with the next.
    """
    regex, value = compiled(before), re.compile(bare)

    def find(data: bytes) -> Iterator[Span | None]:
        at = 0
        while match := regex.search(data, at):
            by_nul = 0 in (data[match.start()], data[match.end() - 1])
            start, end = value_at(data, match.end(), _ARGUMENT if by_nul else value)
            at, is_bare = max(end, match.start() + 1), start == match.end()
            if is_bare and not by_nul:
                end = start + len(data[start:end].rstrip(closers)) if closers else end
                if follows and not follows.match(data, end):
                    yield None
                    continue
            yield (start, end) if start < end and judge(data[start:end]) else None

    return find
