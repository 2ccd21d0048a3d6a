"""A dead man's switch is pinged: at the start, and success only after a READY run."""

import pytest

from selftests.monitoring.conftest import Told
from selftests.monitoring.receivers import Receiver


def to(switch: Receiver, query: str = "") -> dict[str, str]:
    return {"production": f"http://127.0.0.1:{switch.port}/ping/${{KEY}}/{query}"}


@pytest.fixture
def pinged(told: Told) -> Told:
    told.environment = {"KEY": "p1ng-k3y"}
    return told


@pytest.mark.parametrize(
    ("verdict", "path", "status"),
    [
        ("READY", "/ping/p1ng-k3y/", 0),
        ("NOT READY", "/ping/p1ng-k3y/fail", 1),
        ("INCONCLUSIVE", "/ping/p1ng-k3y/fail", 6),
        ("INCOMPLETE", "/ping/p1ng-k3y/fail", 6),
    ],
)
def test_start_and_end(
    verdict: str, path: str, status: int, pinged: Told, switch: Receiver
) -> None:
    pinged.tells(dead_man=to(switch))
    assert [one.why for one in pinged.run(verdict)] == [None]
    (start, began), (end, ended) = switch.arrived
    assert (start, end) == ("/ping/p1ng-k3y/start", path)
    assert began == "production on rehearsal: run-1"
    assert ended.startswith(f"{verdict}: production on rehearsal (rehearsal)")
    assert ended.endswith(f"run-1\nexit status {status}")


def test_a_killed_run_pings_no_success(pinged: Told, switch: Receiver) -> None:
    pinged.tells(dead_man=to(switch))
    monitor, _ = pinged.begun("READY")
    list(monitor._first.heard() if monitor._first else ())
    assert switch.paths == ["/ping/p1ng-k3y/start"]


def test_runs_of_other_phases_are_not_expected(pinged: Told, switch: Receiver) -> None:
    pinged.tells(dead_man=to(switch))
    assert pinged.run("READY", phase="prereqs") == []
    assert switch.arrived == []


def test_its_query_stays(pinged: Told, switch: Receiver) -> None:
    pinged.tells(dead_man=to(switch, "?create=yes"))
    pinged.run("NOT READY")
    assert switch.paths == [f"/ping/p1ng-k3y/{step}?create=yes" for step in ("start", "fail")]


@pytest.mark.parametrize(
    ("status", "answer", "tries", "says"),
    [
        (200, b"OK (not found)", 1, "200 OK: OK (not found)"),
        (404, b"nobody", 1, "404 Not Found: nobody"),
        (500, b"", 3, "500 Internal Server Error"),
        (302, b"", 1, "write the address that it leads to"),
    ],
)
def test_what_is_no_success_is_none(
    status: int, answer: bytes, tries: int, says: str, pinged: Told, switch: Receiver
) -> None:
    pinged.tells(dead_man=to(switch))
    switch.status, switch.answer = status, answer
    switch.headers = {"Location": f"http://127.0.0.1:{switch.port}/elsewhere"}
    start, end = pinged.run("READY")
    assert says in str(start.why)
    assert says in str(end.why)
    assert not end.kept
    assert switch.paths == ["/ping/p1ng-k3y/start", *["/ping/p1ng-k3y/"] * tries]
