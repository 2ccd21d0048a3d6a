"""The matrix's page and data: the verdict first, every cell in words, nothing that can run."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from rehearsal.faults import Fault, Turn
from rehearsal.faults.fault import fail
from rehearsal.matrix import page
from rehearsal.matrix.compare import compare
from rehearsal.matrix.judge import Judged, Verdicts
from rehearsal.matrix.rows import Matrix, Row, function

STARTED = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e"


def judged(number: int, outcome: str = "pass", reason: str = "") -> Judged:
    phase = ("prereqs", "cutover", "production")[number % 3]
    return Judged(f"X-{number:02}", phase, outcome, reason, ("h1",))


GROUND: Verdicts = {f"check_number_{n}[case]": judged(n) for n in range(40)}


def row(name: str, found: Verdicts, turns: dict[str, Turn]) -> Row:
    fault = type(name, (Fault,), {"turns": turns, "__doc__": f"What happens in {name}."})
    return Row(fault, compare(fault, GROUND, {**GROUND, **found}), seconds=2.5)


def matrix(*rows: Row, every: bool = False) -> Matrix:
    return Matrix(list(rows), {function(c): j for c, j in GROUND.items()}, every, 5.0)


def noticed(reason: str = "it is gone") -> Row:
    check = "check_number_1[case]"
    return row("GoodFault", {check: judged(1, "fail", reason)}, {check: fail("")})


def missed() -> Row:
    alarm = {"check_number_3[case]": judged(3, "inconclusive", "cannot say")}
    return row("BadFault", alarm, {"check_number_2": fail("words")})


def test_verdict_stands_first_and_problems_above_the_table() -> None:
    text = page.html(matrix(noticed(), missed()), STARTED)
    places = [
        text.index(words)
        for words in (
            "</span> The matrix does not hold</h1>",
            "<h2>What is wrong</h2>",
            "check_number_2[case]: ended in pass, not fail",
            '<table class="matrix">',
            '<article id="bad-fault"',
        )
    ]
    assert places == sorted(places)
    assert "</span> The matrix holds</h1>" in page.html(matrix(noticed()), STARTED)
    assert "What is wrong" not in page.html(matrix(noticed()), STARTED)


def test_every_cell_says_its_end_in_a_sign_and_a_word() -> None:
    text = page.html(matrix(noticed(), missed()), STARTED)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", text, re.DOTALL)
    assert len(cells) == 2 * 40
    said = [" ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in cells]
    assert sorted(set(said)) == ["? inconclusive not so", "✓ pass", "✓ pass not so", "✕ fail"]
    assert 'title="check_number_1[case]: it is gone"' in text


def test_checks_that_no_fault_turns_are_listed_where_all_were_tried() -> None:
    whole = page.html(matrix(noticed(), every=True), STARTED)
    assert "Checks that no fault proves able to fail" in whole
    assert "<code>check_number_0</code>" in whole
    assert "<li><b>X-01</b>" not in whole
    assert "Checks that no fault proves able to fail" not in page.html(matrix(noticed()), STARTED)


def test_hostile_reasons_are_inert_and_legible() -> None:
    text = page.html(matrix(noticed(HOSTILE)), STARTED)
    assert "<script" not in text
    assert "⟨ESC⟩" in text
    assert "\x1b" not in text
    assert "default-src 'none'" in text


def test_a_fault_that_could_not_be_judged_is_shown() -> None:
    broken = Row(noticed().fault, [], trouble="could not be healed")
    text = page.html(matrix(broken), STARTED)
    assert "could not be healed" in text
    assert text.count("did not report</td>") == 40


def test_data_says_the_same() -> None:
    found = json.loads(page.data(matrix(noticed(), missed(), every=True), STARTED))
    assert (found["tried"], found["caught"], found["missed"]) == (2, 1, 1)
    assert (found["false_alarms"], found["holds"]) == (1, False)
    assert len(found["checks"]) == 40
    assert len(found["uncovered"]) == 39
    good, bad = found["faults"]
    assert good["turned"] == [
        {
            "check": "check_number_1[case]", "id": "X-01", "expected": "fail", "words": "",
            "outcome": "fail", "reason": "it is gone", "problem": None,
        }
    ]  # fmt: skip
    assert [entry["outcome"] for entry in bad["turned"]] == ["pass", "inconclusive"]
    assert len(bad["problems"]) == 2


@pytest.mark.browser
@pytest.mark.parametrize(("width", "dark"), [(1400, False), (1400, True), (400, False)])
def test_the_table_scrolls_in_its_box_and_its_heads_stay(
    width: int, dark: bool, chromium: Browser, tmp_path: Path
) -> None:  # fmt: skip
    file = tmp_path / "faults.html"
    file.write_text(page.html(matrix(noticed(), missed(), *[noticed()] * 60), STARTED))
    context = chromium.new_context(
        viewport={"width": width, "height": 800},
        java_script_enabled=True,
        color_scheme="dark" if dark else "light",
    )
    try:
        shown = context.new_page()
        shown.goto(file.as_uri())
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert shown.evaluate(
            "(b => b.scrollWidth > b.clientWidth)(document.querySelector('.box'))"
        )
        shown.evaluate("document.querySelector('.box').scrollTo(900, 900)")
        box = shown.locator(".box").bounding_box()
        for selector, side in ((".corner", "x"), (".corner", "y"), ("tbody th[scope=row]", "x")):
            head = shown.locator(selector).last.bounding_box()
            assert box
            assert head
            assert abs(head[side] - box[side]) <= 2, (selector, side)  # type: ignore[literal-required]
        paper = shown.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(20, 23, 26)") == dark
    finally:
        context.close()
