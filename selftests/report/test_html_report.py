"""The report as a browser shows it."""

import unicodedata

import pytest
from playwright.sync_api import Browser

from fixtures.html_report import finished
from fleetmesh.evidence.outcomes import Outcome
from selftests.report.conftest import Open, Written
from selftests.report.replay import ROOT
from selftests.report.synthetic import RUNS, not_ready

pytestmark = pytest.mark.browser

UNFOLD = "document.querySelectorAll('details').forEach(part => part.open = true)"

# WCAG 2.2, relative luminance and contrast of an element's words with the first opaque ground.
CONTRAST = """selector => [...document.querySelectorAll(selector)]
  .filter(element => element.getClientRects().length)
  .map(element => {
    const channels = colour => colour.match(/[\\d.]+/g).map(Number);
    const luminance = ([red, green, blue]) => [red, green, blue]
      .map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
      .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
    let ground = element;
    const opaque = e => (channels(getComputedStyle(e).backgroundColor)[3] ?? 1) === 1;
    while (!opaque(ground)) ground = ground.parentElement;
    const style = getComputedStyle(element);
    const words = element instanceof SVGElement ? style.fill : style.color;
    const pair = [luminance(channels(words)),
                  luminance(channels(getComputedStyle(ground).backgroundColor))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    return [element.textContent.slice(0, 30), ratio];
  })"""


@pytest.mark.parametrize("policy", [True, False], ids=["with policy", "escaping alone"])
def test_hostile_output_is_inert(opened: Open, policy: bool) -> None:
    page = opened("hostile", bypass_csp=not policy)
    page.click("#show_all_details")
    page.evaluate(UNFOLD)
    page.evaluate(
        "document.querySelectorAll('*').forEach(e => e.dispatchEvent(new MouseEvent('mouseover')))"
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.__pwned") is None
    assert page.evaluate("document.scripts.length") == 1
    assert page.locator(".escaped, [onerror], [onmouseover]").count() == 0
    assert page.locator("tr.collapsible").count() == 8, "seven results, and one that is missing"
    assert page.evaluate(
        "[...document.querySelectorAll('tr.collapsible')].every(row =>"
        " row.querySelectorAll('td:not([hidden])').length === 7)"
    )
    assert page.locator("td.extra article.result").count() == 8
    assert page.locator(".result span.error").count() == 0, "pytest-html's mark on lines with an E"
    assert page.locator("body > *").evaluate_all("all => all.map(e => e.tagName)")[-1] == "FOOTER"


def test_hostile_output_is_legible(opened: Open) -> None:
    page = opened("hostile")
    page.click("#show_all_details")
    page.evaluate(UNFOLD)
    said = page.locator("body").inner_text()
    for mark in ("⟨U+202E⟩gnp.exe", "⟨NUL⟩nul", "⟨ESC⟩[31mred", "⟨0xFF⟩⟨0xFE⟩⟨0xC3⟩(", "⟨U+D800⟩"):
        assert mark in said
    assert "<script>window.__pwned=1</script>" in said
    assert "bytes are left out here" in said
    unseen = {c for c in said if unicodedata.category(c) in ("Cc", "Cf", "Cs")} - set("\n\t")
    assert not unseen


def test_the_policy_stops_a_script_that_got_through(chromium: Browser, written: Written) -> None:
    attack = (
        "document.body.insertAdjacentHTML('beforeend', '<b onclick=\"window.__pwned=1\">x</b>')"
    )
    ran = []
    for bypass in (True, False):
        with chromium.new_context(bypass_csp=bypass) as context:
            page = context.new_page()
            page.goto((written("ready") / "report.html").as_uri())
            page.evaluate(attack)
            page.evaluate("document.body.lastElementChild.click()")
            ran.append(page.evaluate("window.__pwned"))
    assert ran == [1, None]


def test_the_verdict_comes_first(opened: Open) -> None:
    page = opened("not_ready")
    assert page.title().startswith("NOT READY: production on rehearsal (rehearsal): ")
    assert page.locator("h1:visible").all_inner_texts() == ["✕ NOT READY"]
    assert page.locator("h1:visible").evaluate("e => e.getBoundingClientRect().bottom") < 250
    assert page.locator("body").inner_text().startswith("REHEARSAL")
    assert (
        float(page.locator("h1:visible").evaluate("e => getComputedStyle(e).fontSize").rstrip("px"))
        >= 34
    )


def test_every_result_has_its_row_gravest_first(opened: Open) -> None:
    page = opened("not_ready")
    shown = page.locator("td.col-outcome").all_inner_texts()
    expected = [
        f"{outcome.sign} {outcome.value}"
        for outcome in Outcome
        for result in not_ready().results
        if result.outcome is outcome
    ]
    assert shown == expected
    assert page.locator("#results-table th").all_inner_texts() == [
        "Outcome",
        "Check",
        "Statement",
        "Runbook",
        "Host",
        "Started (UTC)",
        "Duration",
    ]
    row = page.locator("tr.collapsible").first.locator("td:visible").all_inner_texts()
    assert row[1:2] + row[3:] == [
        "PROD-05",
        "Tunnel policy",
        "railiance01",
        "2026-07-03 09:14:05",
        "186 ms",
    ]
    assert "fleet-issue-core-coulombcore" in row[2]
    assert page.locator("tr.extras-row:visible").count() == 2, "only failures are unfolded"


def test_rows_unfold_where_they_are_clicked_and_filters_use_our_words(opened: Open) -> None:
    page = opened("not_ready")
    row = page.locator("tr.collapsible", has_text="PROD-20").first
    row.locator(".statement").click(force=True)
    assert page.locator("tr.extras-row:visible").count() == 3
    page.get_by_label("41 pass").uncheck()
    assert page.locator("tr.collapsible").count() == 9
    assert page.locator(".filters label:visible").count() == 6
    link = page.locator(".findings a").first.get_attribute("href") or ""
    assert page.locator(f"tbody[id='{link[1:]}'] .col-check").inner_text() == "PROD-05"


def test_observed_paths_are_drawn(opened: Open) -> None:
    page = opened("not_ready")
    assert page.locator("svg.topology[role=img] > title").text_content() == "Topology, as observed"
    assert page.locator("svg.path:visible").count() == 2
    assert page.locator("svg.path .broken text").first.is_visible()
    assert page.get_by_role("img", name="Path of fleet-state-hub-coulombcore").count() == 1


@pytest.mark.parametrize("run", RUNS)
def test_a_phone_needs_no_sideways_scrolling(opened: Open, run: str) -> None:
    page = opened(run, width=360)
    page.click("#show_all_details")
    page.evaluate(UNFOLD)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate("window.innerWidth") == 360


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_words_stand_out_from_their_ground(opened: Open, dark: bool) -> None:
    page = opened("not_ready", dark=dark)
    page.click("#show_all_details")
    page.evaluate(UNFOLD)
    selector = (
        ".outcome, h1, h2, .counts li, .why, .subject, .label, .facts, .cut, .lost, .nothing, pre,"
        " .banner, .kind, dd, dt, th, td, a, button, label, .ended, svg text"
    )
    ratios = page.evaluate(CONTRAST, selector)
    assert len(ratios) > 500
    assert [found for found in ratios if found[1] < 4.5] == []


def test_light_and_dark_differ(opened: Open) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    assert opened("ready").evaluate(ground) != opened("ready", dark=True).evaluate(ground)


def test_paper_shows_everything(opened: Open) -> None:
    page = opened("not_ready")
    page.emulate_media(media="print")
    for part in ("tr.extras-row", "details:not([open]) pre", ".logwrapper .log"):
        shown = page.locator(part).evaluate_all(
            "all => all.map(e => e.checkVisibility({contentVisibilityAuto: true})"
            " && e.getBoundingClientRect().height > 10)"
        )
        assert shown
        assert all(shown)
    assert page.locator(".controls").is_hidden()
    clipped = "all => all.filter(e => e.scrollHeight > e.clientHeight + 1).length"
    assert page.locator("pre").evaluate_all(clipped) == 0


def test_the_page_says_nothing_of_this_machine(opened: Open, written: Written) -> None:
    source = (written("not_ready") / "report.html").read_text()
    for secret in (str(ROOT), str(written("not_ready")), "/somewhere/of/this/machine", "pluggy"):
        assert secret not in source
    said = opened("not_ready").locator("body").inner_text()
    for noise in ("pytest-html", "Environment", "41 passed", "xfailed", "took 0"):
        assert noise not in said


def test_the_page_has_a_language_landmarks_and_labelled_controls(opened: Open) -> None:
    page = opened("ready")
    assert page.locator("html").get_attribute("lang") == "en"
    for role in ("banner", "main", "contentinfo"):
        assert page.get_by_role(role).count() == 1
    assert page.evaluate(
        "[...document.querySelectorAll('input')].every(i => i.disabled || i.labels.length === 1)"
    )
    assert page.locator("th[scope=col]").count() == 7


def test_finishing_needs_the_template_it_knows(written: Written) -> None:
    source = (written("ready") / "report.html").read_text()
    for expected in (
        '<html lang="en">',
        'name="viewport"',
        "script-src 'sha256-",
        "<main",
        "</main>",
    ):
        assert source.count(expected) == 1
    assert "location.reload()" not in source
    assert finished("<p>other</p>").startswith("<p>")
