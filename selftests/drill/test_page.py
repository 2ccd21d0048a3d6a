"""The page of a drill says what its data says, to everybody, and runs nothing."""

import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from rehearsal.drill import page
from rehearsal.drill.course import Course
from rehearsal.drill.prober import Outage
from rehearsal.drill.stage import Measured, Ran, Seen
from rehearsal.drill.stages import STAGES
from selftests.drill.test_course import settled

HOSTILE = "</title><script>alert(1)</script>\x1b[31m"


def seen(number: int, text: str = "fine") -> Seen:
    one = settled()
    one.stage, one.folder = STAGES[number](), f"{number:02}-{STAGES[number].title()}"
    one.begin, one.seconds = time.monotonic() + 5 * number, 5.0
    one.outages = [Outage("state-hub", one.begin + 1, 1.25, 80, 20)]
    one.measured = [Measured("outage of state-hub", 1.25, 3.0)]
    one.ran = [Ran("bridge down x", "workstation", 0, text, 0.2)]
    one.findings = [text]
    return one


def course(text: str = "fine") -> Course:
    stages = [seen(number, text) for number in range(len(STAGES))]
    return Course("systemd", planned=len(STAGES), stages=stages, seconds=80.0)


def test_verdict_first_then_timeline_findings_and_stages() -> None:
    text = page.html(course().plain())
    parts = (
        "</span> The drill succeeded</h1>",
        "<svg",
        "What was learned",
        '<article id="00-before"',
    )
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "What is wrong" not in text
    assert text.count("<article") == text.count('<rect class="bar"') == len(STAGES)
    assert text.count('<rect class="outage"') == len(STAGES)
    assert "DRILL-05" in text


def test_a_broken_stage_is_told_at_the_top_and_in_its_place() -> None:
    broken = course()
    broken.stages[3].trouble = "the tunnels are gone"
    text = page.html(broken.plain())
    assert "The drill failed</h1>" in text
    assert text.index("the tunnels are gone") < text.index("<svg")
    assert '<article id="03-cutover" class="is-fail">' in text


def test_a_stage_that_nobody_judged_is_not_shown_as_good() -> None:
    cut_short = course()
    cut_short.stages[-1].cells = []
    text = page.html(cut_short.plain())
    assert "The drill failed</h1>" in text
    assert f'id="{cut_short.stages[-1].folder}" class="is-inconclusive"' in text


def test_what_machines_say_is_inert() -> None:
    text = page.html(course(HOSTILE).plain())
    assert "<script" not in text
    assert "\x1b" not in text
    assert "default-src 'none'" in text


@pytest.mark.browser
@pytest.mark.parametrize(("width", "dark"), [(1400, False), (1400, True), (400, False)])
def test_it_fits_the_window_in_light_and_dark(
    width: int, dark: bool, chromium: Browser, tmp_path: Path
) -> None:  # fmt: skip
    file = tmp_path / "drill.html"
    file.write_text(page.html(course().plain()))
    context = chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light"
    )
    try:
        shown = context.new_page()
        shown.goto(file.as_uri())
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        paper = shown.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(20, 23, 26)") == dark
        assert shown.get_by_role("img", name="Timeline of the drill").count() == 1
        shown.screenshot(path=str(tmp_path / "drill.png"), full_page=True)
    finally:
        context.close()
