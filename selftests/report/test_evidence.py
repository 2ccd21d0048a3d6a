"""evidence.html as a browser shows it, with scripts and without."""

import unicodedata
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from fleetmesh.views import evidence_page
from selftests.report.conftest import Open, Written
from selftests.report.replay import ROOT
from selftests.report.synthetic import RUNS, hostile
from selftests.report.test_html_report import CONTRAST, UNFOLD

_VIEW = "evidence.html"
browser = pytest.mark.browser


class _Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        for name, value in attrs:
            assert name != "href" or (value or "").startswith(
                ("#", "raw/", "events.jsonl", "plan.json")
            )


def test_nothing_that_a_host_says_becomes_an_element() -> None:
    """Every string attacks, what was seen of the machines too; no browser need forgive it."""
    attacked, plain = (
        _Elements(evidence_page.page(hostile())),
        _Elements(evidence_page.page(RUNS["ready"]())),
    )
    known = {"figcaption", "figure", "ul", "b", "code"}
    assert attacked.tags - plain.tags <= known
    assert not attacked.tags & {"script", "img", "iframe", "object", "form", "template"}
    assert not {name for name in attacked.attributes if name.startswith("on") or name == "style"}


@browser
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("policy", [True, False], ids=["policy", "escaping alone"])
def test_hostile_output_is_inert(opened: Open, scripts: bool, policy: bool) -> None:
    page = opened("hostile", view=_VIEW, scripts=scripts, bypass_csp=not policy)
    page.evaluate(UNFOLD)
    page.evaluate(
        "document.querySelectorAll('*').forEach(e => e.dispatchEvent(new MouseEvent('mouseover')))"
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.__pwned") is None
    assert page.evaluate("document.scripts.length") == 0
    assert page.locator(".escaped, [onerror], [onmouseover], img").count() == 0
    children = page.locator("body > *").evaluate_all("all => all.map(e => e.tagName)")
    assert children == ["A", "HEADER", "MAIN"]
    assert page.locator("details.check article.result").count() == 7


@browser
@pytest.mark.parametrize("run", ["hostile", "flood"])
def test_hostile_output_is_legible(opened: Open, run: str) -> None:
    page = opened(run, view=_VIEW, scripts=False)
    page.evaluate(UNFOLD)
    said = page.locator("body").inner_text()
    marks = ["⟨U+202E⟩gnp.exe", "⟨NUL⟩nul", "⟨ESC⟩[31mred", "⟨0xFF⟩⟨0xFE⟩⟨0xC3⟩("]
    for mark in [*marks, "<script>window.__pwned=1</script>", "bytes are left out here"]:
        assert mark in said
    unseen = {c for c in said if unicodedata.category(c) in ("Cc", "Cf", "Cs")} - set("\n\t")
    assert not unseen


@browser
def test_fifty_megabytes_are_shown_in_part_and_lie_beside(opened: Open, written: Written) -> None:
    folder = written("flood")
    assert sum(file.stat().st_size for file in folder.rglob("*")) > 50_000_000
    assert (folder / _VIEW).stat().st_size < 12_000_000
    assert (folder / "report.html").stat().st_size < 12_000_000
    page = opened("flood", view=_VIEW)
    page.evaluate(UNFOLD)
    said = page.locator("body").inner_text()
    for short in ("a short answer", "a short note", "a short hint"):
        assert short in said, "what is long crowds out nothing"
    link = page.locator(".cut a[href^=raw]").first.get_attribute("href") or ""
    assert (folder / link).stat().st_size > 64 * 1024
    with page.expect_download():
        page.locator(".cut a[href^=raw]").first.click()  # NUL is in it: for no browser to show
    page.locator("details.check", has_text="a page of theirs").locator(".cut a").click()
    page.wait_for_url("**/raw/*")
    assert "<script>" in page.locator("body").inner_text(), "a browser takes it for text"
    assert page.evaluate("window.__pwned") is None


@browser
def test_the_verdict_comes_first_and_says_which_fleet(opened: Open) -> None:
    page = opened("not_ready", view=_VIEW, scripts=False)
    assert page.title().startswith("NOT READY: production on rehearsal (rehearsal): ")
    assert page.locator("h1").all_inner_texts() == ["✕ NOT READY"]
    assert page.locator("h1").evaluate("e => e.getBoundingClientRect().bottom") < 250
    assert page.locator(".banner").all_inner_texts()[0].startswith("REHEARSAL")
    real = opened("incomplete", view=_VIEW, scripts=False)
    assert real.locator("h1").all_inner_texts() == ["? INCOMPLETE"]
    assert real.locator(".banner").all_inner_texts()[0].startswith("PRODUCTION")


@browser
def test_links_lead_from_the_picture_to_the_host_and_to_its_checks(opened: Open) -> None:
    page = opened("not_ready", view=_VIEW, scripts=False)
    for host, worst in (("railiance01", "✕ 2 fail"), ("coulombcore", "? 3 inconclusive")):
        place = page.locator("svg.topology a", has_text=host)
        assert worst in (place.text_content() or "")
        place.click()
        assert page.locator("tr:target th").inner_text() == host
    row = page.locator("tr:target + tr.rows")
    row.locator("a", has_text="PROD-08").click()
    shown = page.locator("details.check:has(.body:target)")
    assert shown.get_attribute("open") is not None, "a link unfolds what it leads to"
    assert shown.locator(".id").inner_text() == "PROD-08"


@browser
def test_results_stand_by_phase_and_runbook_section(opened: Open) -> None:
    page = opened("not_ready", view=_VIEW, scripts=False)
    assert page.locator(".phase > h3").all_inner_texts() == ["Production"]
    sections = [text.split("\n")[0] for text in page.locator(".step > h4").all_inner_texts()]
    assert [s.split(" ✕")[0].split(" ?")[0] for s in sections] == [
        "Verify production",
        "Tunnel policy",
        "Cutover 1",
    ]
    assert page.locator("details.check").count() == len(RUNS["not_ready"]().results)
    above = page.locator("main > section").first
    assert above.locator("details.check.is-fail").count() == 2, "what failed stands first"
    assert above.locator(".why").count() == above.locator(".hint").count() == 2
    assert page.locator(".above").count() == 2, "and is named in its section"


@browser
def test_passes_of_a_check_are_folded_into_one(opened: Open) -> None:
    page = opened("ready", view=_VIEW, scripts=False)
    folds = page.locator("details.fold")
    assert folds.count() > 0
    for fold in folds.all():
        assert len(set(fold.locator(".check .id").all_inner_texts())) <= 1
        assert f"{fold.locator('.check').count()} cases" in fold.locator("> summary").inner_text()


@browser
def test_a_row_is_shown_by_its_outcome_and_its_host(opened: Open) -> None:
    page = opened("not_ready", view=_VIEW, scripts=False)
    rows = page.locator("#checks :is(.step > .check, .fold, .above):visible")
    every = rows.count()
    page.locator("#show-pass").uncheck()
    assert 0 < rows.count() < every
    assert rows.locator(".outcome", has_text="pass").count() == 0
    page.locator("#show-pass").check()
    assert rows.count() == every
    page.get_by_label("workstation", exact=True).check()
    shown = rows.count()
    assert 0 < shown < every
    hosts = page.locator("#checks .step > .check:visible > summary .where").all_inner_texts()
    assert all("workstation" in told for told in hosts)


@browser
def test_each_row_can_be_linked_to(opened: Open) -> None:
    page = opened("not_ready", view=_VIEW, scripts=False)
    links = page.locator("details.check > summary .where a")
    assert links.count() == len(RUNS["not_ready"]().results)
    links.first.click()
    assert page.locator(".body:target").count() == 1


def test_what_changed_since_the_last_run_is_told() -> None:
    run = RUNS["ready"]()
    assert "Changed since" not in evidence_page.page(run)
    assert "Nothing has changed." in evidence_page.page(run, [])
    told = evidence_page.page(run, ["PROD-01.pods: fail → pass <b>"])
    assert "<li>PROD-01.pods: fail → pass &lt;b&gt;</li>" in told


@browser
@pytest.mark.parametrize("run", RUNS)
def test_a_phone_needs_no_sideways_scrolling(opened: Open, run: str) -> None:
    page = opened(run, view=_VIEW, width=360)
    page.evaluate(UNFOLD)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate("window.innerWidth") == 360


@browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_words_stand_out_from_their_ground(opened: Open, dark: bool) -> None:
    page = opened("not_ready", view=_VIEW, dark=dark)
    page.evaluate(UNFOLD)
    selector = (
        ".outcome, h1, h2, h3, h4, .tally span, .counts li, .why, .subject, .label, .facts, .cut,"
        " .lost, .nothing, pre, .banner, .kind, dd, dt, th, td, li a, p a, summary,"
        " .ended, .where, .files, svg text"
    )
    ratios = page.evaluate(CONTRAST, selector)
    assert len(ratios) > 500
    assert [found for found in ratios if found[1] < 4.5] == []


@browser
def test_paper_is_a_report(opened: Open) -> None:
    """A line for each check; of what fails, its reason and hint, and what was asked where."""
    page = opened("not_ready", view=_VIEW)
    page.emulate_media(media="print")
    visible = "all => all.filter(e => e.checkVisibility({contentVisibilityAuto: true}))"
    count = f"{visible}.map(e => e.textContent).length"
    failed = page.locator("details.check.is-fail")
    assert failed.locator(".why").evaluate_all(count) == 2
    assert failed.locator(".transcript > summary").evaluate_all(count) > 2
    assert page.locator("pre.command, .stream").evaluate_all(count) == 0
    passed = page.locator("details:is(.check, .fold).is-pass")
    assert passed.locator(".transcript").evaluate_all(count) == 0
    assert page.locator(".step > .is-pass > summary").evaluate_all(count) > 0
    parts = "all => all.map(e => [...e.children].map(c => c.getBoundingClientRect()))"
    for boxes in page.locator(".step > .is-pass > summary").evaluate_all(parts):
        lefts = [box["left"] for box in boxes]
        rights = [box["right"] for box in boxes]
        assert all(right <= left for right, left in zip(rights, lefts[1:], strict=False))


@browser
def test_the_page_has_a_language_landmarks_and_scopes(opened: Open) -> None:
    page = opened("not_ready", view=_VIEW, scripts=False)
    assert page.locator("html").get_attribute("lang") == "en"
    for role in ("banner", "main"):
        assert page.get_by_role(role).count() == 1
    assert page.locator("th:not([scope])").count() == 0
    levels = page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(e => +e.tagName[1])")
    assert levels[0] == 1
    steps = pairwise(levels)
    assert all(after <= before + 1 for before, after in steps), "no level is left out"
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "To the checks"
    ids = page.locator("[id]").evaluate_all("all => all.map(e => e.id)")
    assert len(ids) == len(set(ids))


@browser
def test_the_page_says_nothing_of_this_machine(written: Written) -> None:
    source = (written("not_ready") / _VIEW).read_text()
    for secret in (str(ROOT), str(written("not_ready").parent), "/somewhere/of/this/machine"):
        assert secret not in source
