"""Makes foreign text safe to show: nothing invisible in it, and nothing endless."""

import re
import unicodedata

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

# The controls met most, by name (RFC 20); Unicode's pictures of them are missing from many fonts.
_NAMES = {
    **{0x00: "NUL", 0x07: "BEL", 0x08: "BS", 0x0B: "VT", 0x0C: "FF", 0x0D: "CR", 0x1B: "ESC"},
    0x7F: "DEL",
}

SENTENCE = 300
"""The most characters of foreign text that a sentence of ours repeats."""


def legible(text: str) -> str:
    """`text` with every invisible character spelled out: ⟨ESC⟩, or ⟨U+202E⟩ for an override.

    Tabs and newlines stay. Surrogates that stand for bytes (PEP 383) become ⟨0xFF⟩.
    """
    return _NOT_PLAIN.sub(lambda match: _spelled(match[0]), text)


def cut(text: str, limit: int = 600) -> str:
    """`text` made legible; if it is longer than `limit`, its beginning and an ellipsis."""
    text = legible(text[: limit + 1])  # it only grows
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def brief(text: str, limit: int = SENTENCE) -> str:
    """`text` cut to `limit` characters, on one line."""
    near = text if len(text) < 32 * limit else f"{text[: 32 * limit]}…"
    return cut(re.sub(r"[ \t\n]+", " ", near), limit)


def one_line(text: str, limit: int = 8192) -> str:
    """`text`, or its first `limit` characters, on one line: tabs and newlines are spelled out."""
    return cut(text, limit).replace("\n", "⟨LF⟩").replace("\t", "⟨TAB⟩")


def said(error: object, limit: int = SENTENCE) -> str:
    """What `error` says, in brief; its type if it says nothing."""
    return brief(str(error).strip(), limit) or type(error).__name__


def last_line(stream: bytes | str, otherwise: str = "", limit: int = SENTENCE) -> str:
    """The last line of `stream` that is not blank, in brief: programs report failures there."""
    end = stream[-64 * limit :]
    text = end if isinstance(end, str) else end.decode("utf-8", "replace")
    lines = text.strip().splitlines()
    return brief(lines[-1].strip(), limit) if lines else otherwise


def _spelled(character: str) -> str:
    code = ord(character)
    if code in _NAMES:
        return f"⟨{_NAMES[code]}⟩"
    if 0xDC80 <= code <= 0xDCFF:
        return f"⟨0x{code - 0xDC00:02X}⟩"
    unseen = code in _BLANK or unicodedata.category(character) in _UNSEEN
    return f"⟨U+{code:04X}⟩" if unseen else character
