"""The words, drawings and fragments that every view shares, without a browser."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.run import Run
from fleetmesh.tunnels.path import Hop, Path
from fleetmesh.views import diagram, fragments, words
from selftests.report.synthetic import (
    HOSTILE,
    RUNS,
    asked,
    hostile,
    incomplete,
    new_run,
    not_ready,
    ready,
    result,
    tunnel_path,
)

_SVG = "{http://www.w3.org/2000/svg}"
_GOOD, _OTHER = "fleet-state-hub-coulombcore", "fleet-issue-core-coulombcore"


def _words_of(svg: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(svg).iter(f"{_SVG}text")]


def test_a_path_is_drawn_hop_by_hop_and_said_in_words() -> None:
    drawn = diagram.path(tunnel_path(_GOOD))
    tree = ElementTree.fromstring(drawn)
    assert tree.get("role") == "img"
    assert tree.findtext(f"{_SVG}title") == f"Path of {_GOOD}, as observed"
    assert tree.findtext(f"{_SVG}desc") == "railiance01 → coulombcore → 198.19.43.94:8000"
    assert len(tree.findall(f".//{_SVG}rect")) == 3
    assert f"the unit {_GOOD}.service" in _words_of(drawn)
    assert 'class="broken"' not in drawn


def test_a_broken_trail_is_broken_to_the_eye_and_in_words() -> None:
    drawn = diagram.path(tunnel_path(_OTHER, broken="it is held by nobody known"))
    assert 'class="broken"' in drawn
    assert "stroke-dasharray" in drawn
    assert "The trail ends here: it is held by" in " ".join(_words_of(drawn))


def test_every_box_holds_its_words() -> None:
    long = Hop(
        "a-host-with-a-long-name.example.org" * 3, "x" * 200, ("1.2.3.4:5 → 6.7.8.9:10",) * 3
    )
    tree = ElementTree.fromstring(diagram.path(Path("t", (long, long), "b" * 100)))
    height = float(tree.get("height") or 0)
    for group in tree.iter(f"{_SVG}g"):
        if (box := group.find(f"{_SVG}rect")) is None:
            continue
        top, bottom = float(box.get("y", 0)), float(box.get("y", 0)) + float(box.get("height", 0))
        assert all(top < float(t.get("y", 0)) < bottom for t in group.iter(f"{_SVG}text"))
        assert bottom <= height


def test_the_topology_shows_each_place_once_and_who_stands_aside() -> None:
    drawn = diagram.topology(
        [tunnel_path(_GOOD), tunnel_path(_OTHER)], ["railiance01", "workstation"]
    )
    said = _words_of(drawn)
    for place in ("railiance01", "coulombcore", "workstation", "198.19.43.94:8000"):
        assert said.count(place) == 1
    assert "no observed path passes" in " ".join(said)
    assert ElementTree.fromstring(drawn).findtext(f"{_SVG}desc", "").endswith("passes workstation")


def _overview(run: Run) -> str:
    return fragments.overview(run, fragments.paths(run))


def test_a_path_that_two_checks_saw_is_one_route() -> None:
    run = ready()
    run.results += [replace(seen, nodeid="t::again") for seen in run.results if seen.paths]
    assert _overview(run).count('class="route"') == 2
    assert _overview(run) == _overview(ready())


def test_no_path_no_topology() -> None:
    nowhere = result(1, Outcome.FAIL, paths=(Path("t", (), "nothing listens"),))
    assert _overview(new_run([nowhere])) == ""
    assert "nothing listens" in fragments.details(nowhere)
    assert _overview(incomplete()) == ""
    assert "Topology" not in fragments.summary(incomplete())


@pytest.mark.parametrize("run", RUNS)
def test_drawings_are_well_formed_whatever_they_show(run: str) -> None:
    made = RUNS[run]()
    for svg in [_overview(made), *map(diagram.path, fragments.paths(made))]:
        if svg:
            ElementTree.fromstring(svg)


@pytest.mark.parametrize(
    ("run", "conclusion", "because"),
    [
        (ready(), "READY", "Every planned check reported"),
        (not_ready(), "NOT READY", "2 of 50 checks failed, and 4 could not be concluded"),
        (incomplete(), "INCOMPLETE", "3 of 8 checks never reported"),
        (new_run([]), "INCOMPLETE", "nothing is known"),
        (new_run([result(1, Outcome.INCONCLUSIVE)]), "INCONCLUSIVE", "1 of 1 checks could not"),
        (
            new_run([result(1, Outcome.PASS)], left_out=("a::x", "a::y")),
            "PASSED IN PART",
            "2 of the phase's",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_verdict_comes_with_its_reason(run: object, conclusion: str, because: str) -> None:
    shown = fragments.summary(run)  # type: ignore[arg-type]
    assert f"</span> {conclusion}</h1>" in shown
    assert because in shown.unescape()
    assert ("verdict is-pass" in shown) == (conclusion == "READY")


def test_a_rehearsal_is_labelled_and_production_is_not() -> None:
    assert "says nothing about production" in fragments.summary(ready())
    assert "says nothing about production" not in fragments.summary(incomplete())


def test_one_cause_stands_once_with_all_that_it_keeps_from_being_known() -> None:
    run = not_ready()
    run.results.append(replace(run.results[42], nodeid="t::again", subject="another"))
    shown = fragments.summary(run)
    assert shown.count("connection timed out") == 1
    assert "4 checks: PROD-07 ×2, PROD-08, PROD-09" in " ".join(shown.striptags().split())


def test_evidence_says_what_was_asked_and_what_came_back() -> None:
    lost = asked("coulombcore", "true", lost="the connection broke", exit_status=None)
    answered = asked("railiance01", "curl -sS -i http://127.0.0.1:18000/", b"out", exit_status=200)
    checked = result(1, Outcome.FAIL, transcripts=(lost, answered), notes=("a note",))
    shown = fragments.details(checked).striptags()
    for expected in (
        "the reason of PROD-01",
        "a note",
        "systemctl --user status fleet-state-hub-coulombcore",
        "ssh coulombcore 'true'",
        "the connection broke",
        "no exit status",
        "HTTP 200",
        "Body, 3 bytes",
        "Standard error",
        "started 2026-07-03 09:14:06Z · took 43 ms",
        "(nothing)",
    ):
        assert expected in shown


def test_long_output_is_bounded_and_says_how_much_is_missing() -> None:
    checked = result(1, Outcome.PASS, transcripts=(asked("h", "c", b"y" * 1_000_000),))
    shown = fragments.details(checked)
    assert len(shown) < 20_000
    assert "991,808 bytes are left out here" in shown


def test_a_check_that_looked_at_nothing_says_so() -> None:
    assert "looked at nothing" in fragments.details(result(1, Outcome.PASS, transcripts=()))


@pytest.mark.parametrize(
    ("status", "command", "expected"),
    [
        (0, "ssh h 'ss'", "exit 0"),
        (255, "ssh h 'ss'", "exit 255"),
        (7, "ssh h 'curl -sS -i http://x'", "exit 7"),
        (200, "ssh h 'curl -sS -i http://x'", "HTTP 200"),
        (404, "ssh h 'x'", "HTTP 404"),
        (None, "ssh h 'x'", "no exit status"),
    ],
)
def test_an_exit_status_is_not_an_http_status(
    status: int | None, command: str, expected: str
) -> None:
    assert words.ended(replace(asked("h", "c"), command=command, exit_status=status)) == expected


def test_every_outcome_has_a_sign_of_its_own_and_a_meaning() -> None:
    for given in ("sign", "letter", "meaning", "row"):
        assert len({getattr(outcome, given) for outcome in Outcome}) == len(Outcome), given


def test_no_value_becomes_markup() -> None:
    run = hostile()
    for shown in [fragments.summary(run), *map(fragments.details, run.results)]:
        assert "<script" not in shown
        assert "<img" not in shown
        assert "<b class" not in shown
        assert "\u202e" not in shown
        assert "&lt;script&gt;" in shown
    assert HOSTILE not in fragments.summary(run)
