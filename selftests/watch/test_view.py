"""What is said of a moment, and what of a change."""

from typing import Any

import pytest

from fleetmesh.outages.watched import Watched, watched
from fleetmesh.watch.plain import Plain
from fleetmesh.watch.screen import Screen
from fleetmesh.watch.view import changes, view
from selftests.watch.test_page import BROKEN, GOOD, HEAD, LANES, PORT


def check(runbook: str, outcome: str = "pass", state: str = "", **more: Any) -> dict[str, Any]:
    condition = {"state": state, **more} if state else None
    given = {"check": f"CUT-99.x[{runbook}]", "phase": "cutover", "runbook": runbook, "cause": ""}
    texts = {"statement": "It holds.", "reason": "it does not", "hint": "ssh host look\nmore"}
    return {**given, **texts, "outcome": outcome, "condition": condition}


def judged(*checks: dict[str, Any], lost: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"number": 1, "at": 0.0, "ready": False, "checks": list(checks), "lost": list(lost)}


def seen(until: float = 303.0, row: list[Any] | None = None, **more: Any) -> Watched:
    rows = {n: GOOD if "/service/" in n else (row or BROKEN[:2]) for n in LANES}
    found = watched([HEAD, {"at": until, "begin": 1.0, "lanes": rows, **more}])
    assert found
    return found


def test_the_sections_stand_in_the_runbooks_order() -> None:
    checks = [check("Goal, After"), check("Cutover 2"), check("Prerequisites"), check("Install")]
    steps = view(seen(), judged(*checks), 1.0).steps
    assert [step.section for step in steps] == ["Prerequisites", "Install", "Cutover 2", "Goal"]


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (check("Install"), "done"),
        (check("Install", "deferred"), "done"),
        (check("Install", "fail", "not yet", step="Install", command="bash it"), "not yet"),
        (check("Install", "fail", "settling", until="2026-07-03T20:10:00Z"), "settling"),
        (check("Install", "fail", "down"), "DOWN"),
        (check("Install", "fail", "broken"), "broken"),
        (check("Install", "inconclusive", "broken"), "not looked"),
        ({**check("Install", "fail", "broken"), "cause": "host coulombcore"}, "not looked"),
    ],
)
def test_a_section_is_in_the_state_of_its_gravest_check(one: dict[str, Any], state: str) -> None:
    (step,) = view(seen(), judged(check("Install"), one), 1.0).steps
    assert step.state == state
    assert step.holds == (2 if state == "done" else 1)


def test_what_is_next_is_the_first_step_that_is_not_done() -> None:
    two = check("Cutover 2", "fail", "not yet", command="enable")
    one = check("Cutover 1", "fail", "not yet", command="bridge down")
    shown = view(seen(), judged(two, one), 1.0)
    assert shown.next == "bridge down"
    assert shown.told["step Cutover 1"].endswith("; next: bridge down")


def test_an_outage_is_named_once_all_hops_were_asked() -> None:
    early = [BROKEN[0], [300.2, 300.3, 300.2, 300.3, 1, "refused"]]
    names = view(seen(300.4, early), None, None).told
    assert not [name for name in names if name.startswith("outage")]
    told = view(seen(), None, None).told["outage state-hub 0"]
    assert told.startswith("DOWN: state-hub: the tunnel (Connection refused <b>)")


def test_what_has_changed_is_said_once() -> None:
    before = view(seen(), judged(check("Install"), lost=("coulombcore is gone",)), 1.0).told
    after = view(seen(350.0, BROKEN[:3]), judged(check("Install", "fail", "broken")), 1.0).told
    said = changes(before, after)
    assert [line for line in said if line.startswith("up again: state-hub: down 5.7 to 6.3 s")]
    assert "not lost any more: coulombcore is gone" in said
    assert any(line.startswith("Install: broken (0 of 1)") for line in said)
    assert changes(after, after) == []


def test_plain_lines_have_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    told: Any = {"holdings": [[PORT, "evil \x1b[2J\u202e", 2.0, 3.0]]}
    with Plain() as plain:
        plain.show(view(seen(**told), judged(check("Install")), 1.0))
        plain.show(view(seen(**told), judged(check("Install")), 1.0))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(set(lines)), "said twice"
    assert all(line.isprintable() for line in lines)
    assert lines[0].startswith("20:05:03Z ")


def test_the_screen_shows_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    told: Any = {"holdings": [[PORT, "evil \x1b[2J\u202e", 2.0, 3.0]]}
    waiting = check("Cutover 1", "fail", "not yet", command="bridge down it")
    with Screen("lab") as screen:
        screen.show(view(seen(**told), judged(waiting, lost=("coulombcore is gone",)), 300.0))
    out = capsys.readouterr().out
    for words in ("LOST: coulombcore is gone", "next: bridge down it", "DOWN for 3 s", "state-hub"):
        assert words in out
    assert "\x1b[2J" not in out
