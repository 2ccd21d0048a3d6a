"""One value of a text of YAML is exchanged, and every other character stays."""

import re
from typing import Any

import pytest

from fleetmesh.text import yaml12
from fleetmesh.text.yaml_edit import Outline, Place, same, written
from selftests.discover.answers import PRODUCTION

TEXT = PRODUCTION.read_text()
LAYOUTS = {
    "as it is": TEXT,
    "with a byte order mark and a beginning": f"\ufeff# our fleet\n---\n{TEXT}",
    "with the line ends of Windows": TEXT.replace("\n", "\r\n"),
    "with four blanks": re.sub(r"(?m)^ +", lambda blanks: 2 * blanks[0], TEXT),
    "without a last line end": TEXT.rstrip("\n"),
    "with escapes and folded text": TEXT.replace(
        "  document:", '  "documen\\u0074": >-\n    a\n    folded # text\n\n  # a remark\n  other:'
    ),
}


def scalars(node: yaml12.Node, place: Place = ()) -> list[Place]:
    """The places of all that is no mapping."""
    if not isinstance(node.value, tuple):
        return [place]
    return [each for key, held in node.value for each in scalars(held, (*place, str(key.value)))]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_all_but_the_value_stays(layout: str) -> None:
    text = LAYOUTS[layout]
    outline = Outline(text)
    for place in scalars(outline.root):
        found = outline.find(place)
        assert found
        old = text[found[1].start : found[1].end]
        new = outline.put(place, "exchanged-for-this")
        assert new.replace("exchanged-for-this", old) == text, place
        assert new.count("exchanged-for-this") == 1


@pytest.mark.parametrize(
    ("text", "place", "value", "becomes"),
    [
        ("a:  # mark\n  b: 1\n", "a.b", 2, "a:  # mark\n  b: 2\n"),
        ("a:   # mark\nb: 1\n", "a", "x", "a: x   # mark\nb: 1\n"),
        ("{a: , b: 1}", "a", "x", "{a: x , b: 1}"),
        ("a: [1,  # one\n  2]\nb: 1\n", "b", 2, "a: [1,  # one\n  2]\nb: 2\n"),
        ("a:\n- 1\n- 2\nb: 1\n", "a", [3], "a:\n  [3]\nb: 1\n"),
        ("a: &x 1\nb: 1\n", "a", 2, "a: &x 2\nb: 1\n"),
        ("a: !!str 022\n", "a", "x", "a: !!str x\n"),
        ("a: &x 1\nb: *x # c\n", "b", 2, "a: &x 1\nb: 2 # c\n"),
        ("a: |+\n  x\n\nb: 1\n", "a", "z", "a: z\n\nb: 1\n"),
        # A mapping is changed member by member, so that remarks stay.
        ("a:\n  b: 1 # b\n  c: 1\n", "a", {"b": 2, "c": 1}, "a:\n  b: 2 # b\n  c: 1\n"),
        ("a:\n  b: 1 # b\n", "a", {"b": 1, "c": "x"}, "a:\n  b: 1 # b\n  c: x\n"),
        ("a: {b: 1,\n    c: 1} # c\n", "a", {"b": 2, "c": 3}, "a: {b: 2,\n    c: 3} # c\n"),
        ("a:\n  b: 1\nc: 1\n", "a", {"d": 1}, "a:\n  {d: 1}\nc: 1\n"),
        # A new key stands where its entry ends, as the others do.
        ("a:\n  b: [1,\n   2] # b\n\nc: 1", "a.d", 1, "a:\n  b: [1,\n   2] # b\n  d: 1\n\nc: 1"),
        ("a:\r\n  b: 1\r\nc: 1", "a.d", "x", "a:\r\n  b: 1\r\n  d: x\r\nc: 1"),
        ("a:\n  b: 1", "a.d", "x", "a:\n  b: 1\n  d: x"),
        ("a:\n b: >-\n  t\n\n # c\nc: 1", "a.d", 1, "a:\n b: >-\n  t\n d: 1\n\n # c\nc: 1"),
        ("a: {b: 1}\n", "a.d", "x", "a: {b: 1, d: x}\n"),
        ("a: {}\n", "a.d", "x", "a: {d: x}\n"),
    ],
)  # fmt: skip
def test_a_value_is_exchanged(text: str, place: str, value: Any, becomes: str) -> None:
    assert Outline(text).put(tuple(place.split(".")), value) == becomes


def test_a_new_key_stands_behind_the_one_that_it_belongs_to() -> None:
    assert Outline("a:\n  b: 1\n  c: 1\n").put(("a", "d"), 2, "b") == "a:\n  b: 1\n  d: 2\n  c: 1\n"
    assert Outline("a: {b: 1, c: 1}\n").put(("a", "d"), 2, "b") == "a: {b: 1, d: 2, c: 1}\n"


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("a: &x {b: 1}\nc: *x\n", "c.b", r"repeats another value by \*x; write it out"),
        ("a: [1, # one\n  2]\n", "a", "holds comments, which would be lost"),
        ("a:\n  b: 1\n  # c\n  c: 1\n", "a", "holds comments, which would be lost"),
        ("a: >- # c\n  folded\n", "a", "holds comments, which would be lost"),
        ("a: 1\n", "b.c", "has no section to stand in"),
        ("a: 1\n", "a.c", "has no section to stand in"),
    ],
)
def test_what_would_change_more_is_refused(text: str, place: str, why: str) -> None:
    with pytest.raises(yaml12.Malformed, match=why):
        Outline(text).put(tuple(place.split(".")), "x")


def test_a_comment_is_none_within_a_text() -> None:
    text = (
        "a: 'x # no' # yes: a\nb: x#no\nc: |  # yes: c\n  # no\nd: &a#no {e: 1,# yes: d\n"
        '  f: "# no"}\n# yes\ng: *a#no\n'
    )
    outline = Outline(text)
    assert [text[slice(*each)] for each in outline.comments] == [
        "# yes: a", "# yes: c", "# yes: d", "# yes",
    ]  # fmt: skip
    found = outline.comment(("d", "e"))
    assert found is not None
    assert text[slice(*found)] == "# yes: d"
    assert outline.comment(("g",)) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("mesh-hub.service", "mesh-hub.service"),
        ("~/.kube/config", "~/.kube/config"),
        ("../infra", "../infra"),
        ("10.43.0.1", "10.43.0.1"),
        ("desk@10.0.0.1", "desk@10.0.0.1"),
        *((word, f'"{word}"') for word in ("on", "No", "y", "null", "~", "true", "2026", "1e3")),
        *((word, f'"{word}"') for word in ("", "0x1", "1_000", "2026-07-03", "a: b", "a #b", "<<")),
        ("a\n\u2028\u00e9", r'"a\n\u2028\u00e9"'),
        ("\u00e9", '"\u00e9"'),
        ({"a": ["x", True, None, 1.5], "no": {}}, '{a: [x, true, null, 1.5], "no": {}}'),
    ],
)
def test_what_is_written_means_the_same(value: Any, text: str) -> None:
    assert written(value) == text
    assert same(yaml12.load(f"a: {text}\n")["a"], value)


def test_same_is_more_than_equal() -> None:
    assert same({"a": 1, "b": [2]}, {"b": [2], "a": 1})
    assert not same({"a": 1}, {"a": True})
    assert not same([1], [1, 2])
