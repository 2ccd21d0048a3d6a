"""Runs are remembered once, compared check by check, and good evidence grows old."""

import json
import multiprocessing
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fleetmesh.__main__ import main
from fleetmesh.evidence.age import Age, ages, on_disk, span
from fleetmesh.evidence.changes import changes
from fleetmesh.evidence.closing import close
from fleetmesh.evidence.entry import Entry
from fleetmesh.evidence.history import HISTORY, History, update
from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.run import Result
from fleetmesh.evidence.sums import Refused
from fleetmesh.gather import plain
from fleetmesh.sealing.seal import seal
from fleetmesh.sealing.verify import verified
from fleetmesh.sealing.vouched import Trust
from fleetmesh.tunnels.path import Hop
from fleetmesh.tunnels.path import Path as Route
from fleetmesh.views.history_page import INDEX, pages
from selftests.evidence.conftest import result, transcript
from selftests.evidence.sealing import Keys, record

NOW = datetime.now(UTC)


def run(reports: Path, hours: float, *results: Result, **given: Any) -> Path:
    """A run that started so many hours ago."""
    started = NOW - timedelta(hours=hours)
    name = f"{started:%Y-%m-%dT%H%M%SZ}_rehearsal_prereqs_{int(hours * 10):06x}"
    return record(reports, name, results or None, started=plain.rfc3339(started), **given)


def page(history: History, found: list[Age], reports: Path) -> str:
    """The first page."""
    return dict(pages(history, found, NOW, reports))[INDEX]


def routed(address: str, **given: Any) -> Result:
    route = Route("hub", (Hop("railiance01", "unit", ()), Hop(f"{address}:8000", "ClusterIP", ())))
    return result("t.py::test_path", transcript(), paths=(route,), **given)


def aged(reports: Path, limit: str = "36h", **given: Any) -> dict[str, bool | None]:
    found = ages(update(reports), NOW, span(limit), on_disk(reports), **given)
    return {age.phase: age.fresh for age in found}


def test_each_run_is_written_down_once_and_again_when_sealed(tmp_path: Path) -> None:
    folder = run(tmp_path, 3)
    for _ in range(3):
        (entry,) = update(tmp_path).entries
    lines = (tmp_path / HISTORY).read_text().splitlines()
    assert len(lines) == 1
    assert (entry.run, entry.verdict, entry.sealed) == (folder.name, "READY", "")
    seal(folder)
    (entry,) = update(tmp_path).entries
    assert entry.sealed == "sealed"
    shutil.rmtree(folder)
    assert update(tmp_path).entries == (entry,)


def test_a_killed_run_is_shown_and_written_down_only_when_closed(tmp_path: Path) -> None:
    folder = run(tmp_path, 3, verdict=None)
    (entry,) = update(tmp_path).entries
    assert (entry.verdict, entry.open) == ("INCOMPLETE", True)
    assert (tmp_path / HISTORY).read_text() == ""
    close(folder)
    (entry,) = update(tmp_path).entries
    assert (entry.verdict, entry.open) == ("INCOMPLETE", False)
    assert len((tmp_path / HISTORY).read_text().splitlines()) == 1


def test_a_torn_or_strange_line_costs_no_other(tmp_path: Path) -> None:
    run(tmp_path, 3)
    first = update(tmp_path).entries
    with (tmp_path / HISTORY).open("a") as file:
        file.write('{"run": 5}\nnonsense\n[]\n{"run": "torn')
    run(tmp_path, 2)
    history = update(tmp_path)
    assert history.entries[0] == first[0]
    assert len(history.entries) == 2
    assert [remark.partition(" is ")[0] for remark in history.remarks] == [
        f"{HISTORY}, line {number}" for number in (2, 3, 4)
    ]
    assert "torn" not in (tmp_path / HISTORY).read_text()


def test_a_broken_record_is_told_not_counted(tmp_path: Path) -> None:
    folder = run(tmp_path, 3)
    file = folder / "events.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"noted"', b'"notes"'))
    history = update(tmp_path)
    assert not history.entries
    assert "the chain is broken" in history.remarks[0]


def _update(reports: Path) -> None:
    update(reports)


def test_two_writers_at_once_write_each_run_once(tmp_path: Path) -> None:
    for hours in range(1, 6):
        run(tmp_path, hours)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_update, args=(tmp_path,)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    assert len((tmp_path / HISTORY).read_text().splitlines()) == 5


def test_another_cluster_ip_is_told_though_the_check_passes(tmp_path: Path) -> None:
    run(tmp_path, 3, routed("198.19.43.94"))
    run(tmp_path, 2, routed("198.19.43.99"))
    history = update(tmp_path)
    before, after = history.entries
    assert history.before(after) == before
    (change,) = changes(before, after)
    assert change.kind == "observation"
    assert "198.19.43.94:8000" in change.what
    assert "198.19.43.99:8000" in change.what
    assert "198.19.43.99" in page(history, [], tmp_path)


def test_a_cluster_ip_in_an_answer_counts_as_seen() -> None:
    def entry(address: str) -> Entry:
        answer = transcript(stdout=json.dumps({"spec": {"clusterIP": address}}).encode())
        return Entry(
            "r", "f", "rehearsal", ("prereqs",), "READY", "", NOW, NOW, False, "", "",
            Entry.of(_run(result("x", answer))).checks,
        )  # fmt: skip

    assert changes(entry("198.19.43.94"), entry("198.19.43.94")) == []
    (change,) = changes(entry("198.19.43.94"), entry("198.19.43.99"))
    assert change.what == (
        "pass, but saw otherwise: ClusterIP 198.19.43.94 → ClusterIP 198.19.43.99"
    )


def _run(*results: Result) -> Any:
    from fleetmesh.evidence.run import Run  # noqa: PLC0415

    return Run("f", "rehearsal", "i", "d", "b", NOW, results=list(results), finished=NOW)


def test_outcomes_new_and_gone_checks_are_told_and_noise_is_not(tmp_path: Path) -> None:
    run(tmp_path, 3, result("x::test_a", transcript(), notes=("12 MiB are free",)),
        result("x::test_b", transcript("b")))  # fmt: skip
    run(tmp_path, 2, result("x::test_a", transcript(), notes=("13 MiB are free",)),
        result("x::test_c", transcript("c"), outcome=Outcome.WARN, reason="hm"))  # fmt: skip
    run(tmp_path, 1, result("x::test_a", transcript(), outcome=Outcome.FAIL, reason="gone"),
        result("x::test_c", transcript("c"), outcome=Outcome.WARN, reason="oh"),
        verdict="NOT READY")  # fmt: skip
    one, two, three = update(tmp_path).entries
    assert [str(change) for change in changes(one, two)] == [
        "PRE-01.c: warn; it did not report before",
        "PRE-01.b: did not report; it was pass",
    ]
    assert [str(change) for change in changes(two, three) if change.kind == "outcome"] == [
        "PRE-01.a: pass → fail: gone"
    ]
    assert "PRE-01.c: warn as before, but now: oh" in map(str, changes(two, three))


def test_old_evidence_is_stale_and_absent_evidence_never_fresh(tmp_path: Path) -> None:
    run(tmp_path, 40)
    assert aged(tmp_path) == {"prereqs": False, "cutover": False, "production": False}
    assert aged(tmp_path, "41h") == {"prereqs": True, "cutover": False, "production": False}
    run(tmp_path, 1)
    assert aged(tmp_path, phases=["prereqs"]) == {"prereqs": True}
    unlimited = ages(update(tmp_path), NOW, None, on_disk(tmp_path))
    assert [age.fresh for age in unlimited] == [None, False, False]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("clock offset between -0.018 and +0.001 s", "clock offset between +0.002 and +0.010 s"),
        ("12 MiB are free", "13 MiB are free"),
        ("valid for another 300 s", "valid for another 299 s"),
        ("held by login session 4 from a", "held by login session 12 from a"),
    ],
)
def test_what_differs_in_every_run_is_no_change(before: str, after: str) -> None:
    def entry(note: str) -> Entry:
        return Entry.of(_run(result("x", transcript(), notes=(note,))))

    assert changes(entry(before), entry(after)) == []
    assert changes(entry(before), entry(after.replace("a", "b"))) != []


@pytest.mark.parametrize(
    "given",
    [
        {"verdict": None},
        {"replayed": "reports/earlier"},
        {"kind": "production"},
        {"fleet": "another"},
    ],
)
def test_what_is_no_evidence_makes_nothing_fresh(tmp_path: Path, given: dict[str, Any]) -> None:
    run(tmp_path, 40)
    run(tmp_path, 1, **given)
    fresh = aged(tmp_path, fleet="rehearsal", kind="rehearsal", phases=["prereqs"])
    assert fresh == {"prereqs": False}


def test_a_failed_or_future_run_makes_nothing_fresh(tmp_path: Path) -> None:
    run(tmp_path, 1, result("x", transcript(), outcome=Outcome.FAIL), verdict="NOT READY")
    run(tmp_path, -5)
    assert aged(tmp_path, phases=["prereqs"]) == {"prereqs": False}


def test_a_fleet_that_never_ran_is_no_evidence(tmp_path: Path) -> None:
    run(tmp_path, 1)
    with pytest.raises(Refused, match="no evidence at all"):
        aged(tmp_path, fleet="production")
    with pytest.raises(Refused, match="no evidence at all"):
        aged(tmp_path, kind="production")


def test_a_line_that_contradicts_the_record_does_not_count(tmp_path: Path) -> None:
    folder = run(tmp_path, 40)
    update(tmp_path)
    file = tmp_path / HISTORY
    told = json.loads(file.read_text())
    file.write_text(json.dumps({**told, "started": plain.rfc3339(NOW)}) + "\n")
    (age, *_) = ages(update(tmp_path), NOW, span("36h"), on_disk(tmp_path))
    assert not age.fresh
    assert f"{folder.name} does not count: its record says started" in age.why


def test_only_what_was_signed_by_the_allowed_counts_where_that_is_asked(tmp_path: Path) -> None:
    keys = Keys.make(tmp_path)
    reports = tmp_path / "reports"
    folder = run(reports, 1)

    def fresh() -> bool | None:
        trust = Trust(keys.allowed, datetime.now(UTC))
        history = update(reports)
        return ages(history, NOW, span("36h"), verified(reports, trust))[0].fresh

    assert not fresh()
    sealed = seal(folder, keys["operator"])
    assert fresh()
    shutil.rmtree(folder)
    assert fresh()
    sealed.bundle.unlink()
    assert not fresh()
    folder = run(reports, 2)
    seal(folder, keys["stranger"])
    assert not fresh()


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = run(tmp_path, 3, routed("198.19.43.94"))
    two = run(tmp_path, 2, routed("198.19.43.99"))
    assert main(["outcomes", str(one), str(two)]) == 1
    assert "198.19.43.99" in capsys.readouterr().out
    assert main(["outcomes", str(one), str(one)]) == 0
    gate = ["history", "--reports", str(tmp_path), "--max-age", "36h"]
    assert main([*gate, "--phase", "prereqs"]) == 0
    assert main(gate) == 1
    said = capsys.readouterr().out
    assert "fresh prereqs on rehearsal (rehearsal): 120 min old" in said or "2 h old" in said
    assert "stale production on rehearsal (rehearsal): never READY" in said
    assert main([*gate, "--fleet", "production"]) == 2
    assert "no evidence at all" in capsys.readouterr().err
    html = (tmp_path / "index.html").read_text()
    assert one.name in html
    assert "<script" not in html
    with pytest.raises(SystemExit):
        main(["history", "--max-age", "soon"])


def test_nothing_breaks_out_of_the_page(tmp_path: Path) -> None:
    bad = "<script>alert(1)</script>\x1b[31m\u202e"
    run(tmp_path, 3, result("x::t[<b>]", transcript(), subject=bad, reason=bad), fleet=bad)
    run(tmp_path, 2, result("x::t[<b>]", transcript(), subject=bad, notes=(bad,)), fleet=bad)
    history = update(tmp_path)
    html = page(history, ages(history, NOW, None, on_disk(tmp_path)), tmp_path)
    assert "<script" not in html
    assert "\x1b" not in html
    assert "\u202e" not in html
