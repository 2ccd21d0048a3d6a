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
Spares = Callable[[bytes, bytes], bool]
"""Tells of what stands before a value, and of the value, that it is no secret."""


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
_NEAR = 80
"""Bytes before a quote that can say what it holds."""
_COMMAND = re.compile(rb"(?:\\{0,7}[\"'])?\$\(")
"""What fetches a secret is none, but may hold one."""
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
    return opened.end(), _closed(data, opened.end(), opened)


def _closed(data: bytes, at: int, opened: re.Match[bytes] | None) -> int:
    """Where the quote that `opened` is closed, or else its line or argument ends."""
    for stop in _STOPS.finditer(data, at):
        closes = opened and stop[2] == opened[2] and len(stop[1]) <= len(opened[1])
        if closes or stop[2] is None:
            return stop.start()
    return len(data)


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
    spares: Spares = lambda _before, _value: False,
) -> Finder:
    """Finds the value after what `before` matches: in quotes, or else what `bare` matches.

    `closers` at the end of a bare value are none of it, and `follows` must match after them. Where
    `before` begins with a NUL or ends with one, an argument or a variable ends with the next.
    """
    regex, value = compiled(before), re.compile(bare)

    def find(data: bytes) -> Iterator[Span | None]:
        at = 0
        while match := regex.search(data, at):
            if command := _COMMAND.match(data, match.end()):
                at = command.end() - 1
                yield None
                continue
            by_nul = 0 in (data[match.start()], data[match.end() - 1])
            start, end = value_at(data, match.end(), _ARGUMENT if by_nul else value)
            at, is_bare = max(end, match.start() + 1), start == match.end()
            if is_bare and not by_nul:
                end = start + len(data[start:end].rstrip(closers)) if closers else end
                if follows and not follows.match(data, end):
                    yield None
                    continue
            if start == end:
                at = match.end() - 1  # what ends this may begin another
            if start == end or spares(match[0], data[start:end]) or not judge(data[start:end]):
                yield None
            else:
                yield start, end

    return find


def enclosed(
    before: bytes,
    judge: Judge,
    unless: re.Pattern[bytes],
    spares: Spares = lambda _before, _value: False,
) -> Finder:
    """Finds a value whose quote opens before its name: all up to where that closes.

    The quote is the group of `before`, or a NUL. `unless` is what says, directly before it, that
    the quotes hold more than the value.
    """
    regex = compiled(before)

    def find(data: bytes) -> Iterator[Span | None]:
        at = 0
        while match := regex.search(data, at):
            start, opens = match.end(), match.start(1)
            end = _closed(data, start, _OPENS.match(data, opens))
            if unless.search(data[max(0, opens - _NEAR) : opens]):
                at = start
                yield None
                continue
            at, value = end, data[start:end]
            yield None if spares(match[0], value) or not judge(value) else (start, end)

    return find
