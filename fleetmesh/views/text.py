"""Untrusted text made legible: nothing invisible, nothing endless, nothing lost silently."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

# Categories of the Unicode Character Database (UAX #44) that a reader cannot see, or that change
# how the text around them is shown: controls, format and bidi controls, surrogates, private use,
# unassigned, line and paragraph separators, and blanks other than the plain one.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
# Of the other categories, those that are shown as nothing or as a blank: UAX #44's
# Default_Ignorable_Code_Point, and the empty Braille pattern.
_BLANK = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0}
    | {*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
)
_NOT_PLAIN = re.compile(r"[^\t\n -~]")

HEAD, TAIL = 6144, 2048
"""Bytes shown of a long stream's beginning and end."""

# The controls met most, by name (RFC 20); Unicode's pictures of them are missing from many fonts.
_NAMES = {
    **{0x00: "NUL", 0x07: "BEL", 0x08: "BS", 0x0B: "VT", 0x0C: "FF", 0x0D: "CR", 0x1B: "ESC"},
    0x7F: "DEL",
}


@dataclass(frozen=True)
class Shown:
    """What is shown of a stream: all of it as `head`, or its two ends around `left_out` bytes."""

    head: str
    left_out: int = 0
    tail: str = ""


def legible(text: str) -> str:
    """`text` with every unseen character spelled out: ⟨ESC⟩, or ⟨U+202E⟩ for an override.

    Tab and newline stay. Surrogates that stand for bytes (PEP 383) become ⟨0xFF⟩.
    """
    return _NOT_PLAIN.sub(lambda match: _spelled(match[0]), text)


def _spelled(character: str) -> str:
    code = ord(character)
    if code in _NAMES:
        return f"⟨{_NAMES[code]}⟩"
    if 0xDC80 <= code <= 0xDCFF:
        return f"⟨0x{code - 0xDC00:02X}⟩"
    unseen = code in _BLANK or unicodedata.category(character) in _UNSEEN
    return f"⟨U+{code:04X}⟩" if unseen else character


def shown(stream: bytes | str, limit: int = HEAD + TAIL) -> Shown:
    """As much of `stream` as fits a page, legible; bytes that are not UTF-8 are spelled out.

    Of more than `limit` bytes only the two ends are shown, more of the beginning.
    """
    end, start = limit - limit // 4, len(stream) - limit // 4
    if isinstance(stream, str):
        if len(stream) <= limit:
            return Shown(legible(stream))
        left_out = len(stream[end:start].encode("utf-8", "surrogatepass"))
        return Shown(legible(stream[:end]), left_out, legible(stream[start:]))
    if len(stream) <= limit:
        return Shown(_decoded(stream))
    end, start = _boundary(stream, end), _boundary(stream, start)
    return Shown(_decoded(stream[:end]), start - end, _decoded(stream[start:]))


def share(lengths: Iterable[int], room: int, most: int) -> int:
    """The limit for each stream, at most `most`, by which all of them together fit into `room`.

    A long stream cannot crowd out a short one.
    """
    waiting = sorted(lengths)
    for done, length in enumerate(waiting):
        even = room // (len(waiting) - done)
        if length > even:
            return min(even, most)
        room -= length
    return most


def cut(text: str, limit: int = 600) -> str:
    """`text`, legible, or its first `limit` characters and an ellipsis."""
    text = legible(text[: limit + 1])  # it only grows
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def brief(text: str, limit: int = 300) -> str:
    """`text` cut to `limit` characters, on one line."""
    near = text if len(text) < 32 * limit else f"{text[: 32 * limit]}…"
    return cut(re.sub(r"[ \t\n]+", " ", near), limit)


def one_line(text: str, limit: int = 8192) -> str:
    """`text`, or its first `limit` characters, as one line: tabs and newlines are spelled out."""
    return cut(text, limit).replace("\n", "⟨LF⟩").replace("\t", "⟨TAB⟩")


def utc(moment: datetime) -> str:
    """RFC 3339 with blanks, in UTC, to the second: `2026-07-03 09:14:05Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def duration(seconds: float) -> str:
    """Milliseconds below one second, else seconds with one digit, else minutes and seconds."""
    if seconds < 1:
        return milliseconds(seconds)
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def milliseconds(seconds: float) -> str:
    """Always in milliseconds, so that a column of them compares at a glance."""
    return f"{seconds * 1000:.{1 if seconds < 0.01 else 0}f} ms"


def _decoded(stream: bytes) -> str:
    return legible(stream.decode("utf-8", "surrogateescape"))


def _boundary(stream: bytes, at: int) -> int:
    """The nearest place at or before `at` that does not cut a UTF-8 character in two."""
    for back in range(min(4, at)):
        if stream[at - back] & 0xC0 != 0x80:
            return at - back
    return at
