"""watch.html and watch.json of a watched run: whole, held to the record, readable on a phone."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from fleetmesh.evidence.closing import close
from fleetmesh.evidence.folder import BrokenRecord, read, read_events
from fleetmesh.evidence.journal import Journal
from fleetmesh.sealing.derived import altered
from fleetmesh.sealing.sealed_run import seal_folder
from fleetmesh.views.render import render
from selftests.report import records, synthetic

LANES = [
    f"state-hub/{hop}/{kind}"
    for hop in ("service", "listener", "bridge")
    for kind in ("new", "kept")
]
PLACES = dict(zip(LANES, ["coulombcore"] * 2 + ["railiance01"] * 2 + ["inside"] * 2, strict=True))
PORT = "127.0.0.1:18000 on railiance01"
HEAD: dict[str, Any] = {
    **{"at": 0.0, "started": "2026-07-03T20:00:00.000000Z", "budget": 3.0, "places": PLACES},
    "ports": {"state-hub": PORT},
}
GOOD = [[0.5, 0.6, 600.0, 600.1, 6000, None]]
BROKEN = [
    [0.5, 0.6, 300.0, 300.1, 3000, None],
    [300.2, 300.3, 306.0, 306.1, 58, "Connection refused <b>"],
    [306.2, 306.3, 500, 500.1, 3000, None],
    [520.0, 520.1, 600.0, 600.1, 800, None],
]
BODY: dict[str, Any] = {
    **{"at": 600.0, "begin": 1.0, "ended": "Ctrl-C"},
    "lanes": {name: GOOD if "/service/" in name else BROKEN for name in LANES},
    "holdings": [
        [PORT, "login session c1 from workstation", 2.0, 299.0],
        [PORT, "nobody", 301.0, 305.0],
        [PORT, "the unit fleet-state-hub-coulombcore.service", 308.0, 590.0],
    ],
    "notes": [[502.0, "railiance01", "railiance01 does not answer"], [519.0, "railiance01", None]],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run that was watched."""
    run = synthetic.ready()
    run.open = True
    place = tmp_path / "2026-07-03T200000Z_rehearsal_cutover_abcdef"
    records.write(run, place)
    return place


def watch(folder: Path, *told: dict[str, Any]) -> None:
    found = read_events(folder)
    with Journal(folder, seq=len(found.events), prev=found.chain, durable=False) as journal:
        for one in told:
            journal.append("watch", **one)


def test_it_follows_from_the_record(folder: Path) -> None:
    watch(folder, HEAD, BODY)
    run = close(folder)
    render(folder)
    told = json.loads((folder / "watch.json").read_text())
    assert (told["exit_status"], told["budget"]) == (1, 3.0)
    (incident,) = told["incidents"]
    assert (incident["failed"], incident["certain"], incident["at_most"]) == (
        "the tunnel",
        5.7,
        6.3,
    )
    assert incident["held_by"] == "login session c1 from workstation then nobody"
    gaps = [gap for lane in told["lanes"] for gap in lane["not_looked_at"]]
    assert {(gap["from"], gap["to"]) for gap in gaps} == {(500.1, 520.0)}
    assert "railiance01 does not answer" in {gap["why"] for gap in gaps}
    assert altered(folder, run) == []
    (folder / "watch.json").write_text("{}")
    assert altered(folder, run) == ["watch.json"]


def test_a_run_that_was_not_watched_has_no_such_page(folder: Path) -> None:
    run = close(folder)
    render(folder)
    assert not (folder / "watch.html").exists()
    (folder / "watch.json").write_text("{}")
    assert altered(folder, run) == ["watch.json"]


def test_the_workplan_says_it(folder: Path) -> None:
    watch(folder, HEAD, BODY)
    close(folder)
    render(folder)
    block = (folder / "workplan.md").read_text()
    assert "**Watched** for 599 s: more outage than 3 s: state-hub 6." in block
    assert "state-hub: down 5.7 to 6.3 s: the tunnel" in block
    assert "not looked at from railiance01 for 19.9 s: railiance01 does not answer" in block


def test_what_no_watch_tells_breaks_the_record(folder: Path) -> None:
    watch(folder, HEAD, {"at": 5, "lanes": {LANES[0]: [[9, 1, 2, 3, 4, None]]}})
    with pytest.raises(BrokenRecord, match="not in order"):
        read(folder)


def test_it_is_sealed_with_the_run(folder: Path) -> None:
    watch(folder, HEAD, BODY)
    sealed = seal_folder(folder)
    assert sealed.workplan
    assert "more outage than 3 s" in sealed.workplan.read_text()


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_read_on_a_phone(folder: Path, chromium: Browser, width: int) -> None:
    watch(folder, HEAD, BODY)
    close(folder)
    render(folder)
    page = chromium.new_page(viewport={"width": width, "height": 800})
    try:
        page.goto((folder / "watch.html").as_uri())
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, "it has to be scrolled sideways"
        size = "e => parseFloat(getComputedStyle(e).fontSize)"
        assert min(page.eval_on_selector_all("p, li, td", f"all => all.map({size})")) >= 12
        bars = page.locator(".lane svg")
        assert bars.count() == len(LANES)
        outage = page.locator(".lane .outage").first.bounding_box()
        assert outage
        assert outage["width"] >= 1
        assert page.locator(".lane .dark").count() == 4
        assert "Connection refused <b>" in page.inner_text("main")
        if width == 390:
            page.screenshot(path=str(folder / "phone.png"), full_page=True)
    finally:
        page.close()
