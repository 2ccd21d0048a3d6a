"""Whatever bytes a machine sends, the page shows them all, or says what it leaves out."""

import unicodedata
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetmesh.text.legible import brief, cut, legible
from fleetmesh.views.text import HEAD, TAIL, duration, share, shown, utc


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("plain\ttext\nwith ünïcode → ✓", "plain\ttext\nwith ünïcode → ✓"),
        ("\x1b[31mred\x00", "⟨ESC⟩[31mred⟨NUL⟩"),
        ("a\r\n", "a⟨CR⟩\n"),
        ("\u202egnp.exe", "⟨U+202E⟩gnp.exe"),
        ("no\u00a0break", "no⟨U+00A0⟩break"),
        ("\x01\x9b\u2028\ufeff\U000e0041", "⟨U+0001⟩⟨U+009B⟩⟨U+2028⟩⟨U+FEFF⟩⟨U+E0041⟩"),
        ("\ud800 \udcff", "⟨U+D800⟩ ⟨0xFF⟩"),
    ],
)
def test_unseen_characters_are_spelled_out(raw: str, expected: str) -> None:
    assert legible(raw) == expected


@given(st.text() | st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zs"])))
def test_nothing_unseen_is_left_and_twice_is_once(text: str) -> None:
    result = legible(text)
    assert not [
        c for c in result if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\t\n"
    ]
    assert legible(result) == result
    result.encode()


def test_bytes_that_are_not_utf8_are_spelled_out() -> None:
    assert shown(b"a\xff\xc3(").head == "a⟨0xFF⟩⟨0xC3⟩("


@given(st.binary(max_size=64), st.integers(HEAD + TAIL - 3, HEAD + TAIL + 9))
def test_a_long_stream_keeps_both_ends_and_counts_the_rest(seed: bytes, size: int) -> None:
    stream = (seed + b"\xe2\x86\x92") * (size // (len(seed) + 3) + 1)
    part = shown(stream)
    if len(stream) <= HEAD + TAIL:
        assert (part.left_out, part.tail) == (0, "")
        return
    whole = legible(stream.decode("utf-8", "surrogateescape"))
    assert whole.startswith(part.head)
    assert whole.endswith(part.tail)
    assert abs(len(stream) - part.left_out - HEAD - TAIL) <= 3


def test_fifty_megabytes_become_a_page() -> None:
    part = shown(b"x" * 50_000_000)
    assert len(part.head) + len(part.tail) == HEAD + TAIL
    assert part.left_out == 50_000_000 - HEAD - TAIL


def test_a_cut_says_so_and_a_brief_text_is_one_line() -> None:
    assert cut("x" * 10, 10) == "x" * 10
    assert cut("x" * 11, 10) == "x" * 9 + "…"
    assert brief("two\n\tlines\u2028") == "two lines⟨U+2028⟩"


def test_times_are_utc_and_durations_have_units() -> None:
    berlin = timezone(timedelta(hours=2))
    assert utc(datetime(2026, 7, 3, 11, 14, 5, tzinfo=berlin)) == "2026-07-03 09:14:05Z"
    assert [duration(s) for s in (0.00042, 0.0421, 4.21, 61.2)] == [
        "0.4 ms",
        "42 ms",
        "4.2 s",
        "1 min 1 s",
    ]


@given(st.lists(st.integers(0, 10_000)), st.integers(0, 50_000))
def test_a_page_is_shared_out_evenly(lengths: list[int], room: int) -> None:
    limit = share(lengths, room, 5_000)
    assert sum(min(length, limit) for length in lengths) <= room or sum(lengths) <= room
    assert limit == 5_000 or sum(min(length, limit + 1) for length in lengths) > room
