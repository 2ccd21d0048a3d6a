"""What the ledger tells bit by bit is what the record has in the end."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetmesh.inventory.health import Health
from fleetmesh.outages.incidents import Lane
from fleetmesh.outages.stretches import Sample
from fleetmesh.outages.watched import Watched, watched
from fleetmesh.watch.lanes import Spot
from fleetmesh.watch.ledger import Ledger

HEALTH = Health(path="/health", json={"status": "ok"})
LANE = Lane("hub", "bridge", False)


def ledger(budget: float | None = None) -> Ledger:
    return Ledger([Spot(LANE, "inside", "hub", 80, HEALTH, "127.0.0.1:1 on node")], budget)


def through_json(told: Any) -> Any:
    return json.loads(json.dumps(told))


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.1, 0.1, 0.1, 0.9]), st.sampled_from([None, None, "x"]), st.booleans()
        ),
        max_size=60,
    )
)
def test_the_record_says_what_the_ledger_knows(steps: list[tuple[float, str | None, bool]]) -> None:
    known, now = ledger(), 1.0
    told: list[Any] = [known.head()]
    for pause, why, tells in steps:
        now += pause
        known.heard(LANE, Sample(known.since + now, known.since + now + 0.01, why))
        if tells and (news := known.news()):
            told.append(news)
    told.append(known.news(whole=True))
    found = watched(through_json(told))
    assert found
    expected, read = known.watched.lanes[LANE], found.lanes[LANE]
    assert [(s.count, s.why) for s in read] == [(s.count, s.why) for s in expected]
    for one, two in zip(read, expected, strict=True):
        assert (one.begin, one.first, one.last, one.end) == pytest.approx(
            (two.begin, two.first, two.last, two.end), abs=1e-3
        )


def test_what_is_known_is_not_told_twice() -> None:
    known = ledger()
    assert known.news() is None
    known.heard(LANE, Sample(known.since + 1, known.since + 1.01))
    assert known.news()
    known.heard(LANE, Sample(known.since + 1.1, known.since + 1.11))
    assert known.news() is None, "it only goes on"
    whole = known.news(whole=True)
    assert whole
    assert whole["lanes"][str(LANE)][0][4] == 2


def test_a_holder_is_told_from_its_first_look_to_its_last() -> None:
    known = ledger()
    for at, who in ((1, "a"), (5, "a"), (9, "nobody"), (12, "a")):
        known.held("port", who, known.since + at, known.since + at + 0.2)
    news = known.news()
    assert news
    found = watched(through_json([known.head(), news]))
    assert found
    rows = [(h.who, round(h.first, 1), round(h.last, 1)) for h in found.holdings]
    assert rows[-1] == ("a", 12.2, 12.2)
    assert ("nobody", 9.2, 9.2) in rows


@pytest.mark.parametrize(
    "told",
    [
        {"at": -1},
        {"at": float("nan")},
        {"at": True},
        {"at": 1, "lanes": {"hub/bridge/new": [[1, 2, 3, 4, 5, None]]}},
        {"at": 1, "places": {"hub/nowhere/new": "x"}},
        {
            "at": 1,
            "places": {"a/bridge/new": "x"},
            "lanes": {"a/bridge/new": [[2, 1, 2, 3, 1, None]]},
        },
        {
            "at": 1,
            "places": {"a/bridge/new": "x"},
            "lanes": {"a/bridge/new": [[1, 1, 1, 1, 0, None]]},
        },
        {
            "at": 1,
            "places": {"a/bridge/new": "x"},
            "lanes": {"a/bridge/new": [[5, 6, 7, 8, 3, None], [1, 1, 1, 1, 1, "x"]]},
        },
        {"at": 1, "started": "2026-01-01T00:00:00"},
        {"at": 1, "notes": [[1, "a"]]},
        {},
    ],
)
def test_what_no_watch_tells_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises((ValueError, LookupError, TypeError)):
        Watched().take(told)


def told(*rows: list[Any], budget: float | None = None, **more: Any) -> Watched:
    head = {"at": 0, "budget": budget, "places": {str(LANE): "inside"}}
    body = {"at": 60, "begin": 0, "lanes": {str(LANE): list(rows)}, "ended": "Ctrl-C", **more}
    found = watched([head, body])
    assert found
    return found


UP = [0, 0.1, 20, 20.1, 200, None]
DOWN = [20.2, 20.3, 24, 24.1, 38, "refused"]
AGAIN = [24.2, 24.3, 60, 60, 300, None]


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (told([0, 0.1, 60, 60, 600, None]), 0),
        (told(UP, DOWN, AGAIN), 0),
        (told(UP, DOWN, AGAIN, budget=5), 0),
        (told(UP, DOWN, AGAIN, budget=3), 1),
        (told(UP, AGAIN), 6),
        (told(UP, DOWN, budget=60), 6),
        (told(), 6),
        (Watched(ended="Ctrl-C"), 6),
    ],
)
def test_the_exit_status(found: Watched, status: int) -> None:
    assert found.status()[0] == status, found.status()


def test_what_broke_off_is_never_whole() -> None:
    found = told([0, 0.1, 60, 60, 600, None])
    found.ended = None
    assert found.status()[0] == 6
    assert "broke off" in found.status()[1]
