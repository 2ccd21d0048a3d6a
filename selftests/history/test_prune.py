"""Old runs go; what tells something stays, whatever else lies there and whenever it breaks off."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetmesh.__main__ import main
from fleetmesh.evidence.age import ages, on_disk
from fleetmesh.evidence.changes import changes
from fleetmesh.evidence.entry import Entry
from fleetmesh.evidence.history import DOOMED, HISTORY, History, update
from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.sums import Refused
from fleetmesh.gather import plain
from fleetmesh.history.prune import Pruned, prune
from fleetmesh.sealing.seal import seal
from fleetmesh.views.render import render
from selftests.evidence.conftest import result, transcript
from selftests.evidence.sealing import record
from selftests.report.replay import write_page

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
KEEP = timedelta(days=30)


def run(reports: Path, days: float, outcome: Outcome = Outcome.PASS, **given: object) -> Path:
    """A run that started so many days ago."""
    started = NOW - days * DAY
    name = f"{started:%Y-%m-%dT%H%M%SZ}_rehearsal_prereqs_{int(days * 10):06x}"
    verdict = "READY" if outcome is Outcome.PASS else "NOT READY"
    results = [result("t.py::test_a", transcript(), outcome=outcome)]
    given = {"verdict": verdict, "started": plain.rfc3339(started), **given}
    return record(reports, name, results, **given)  # type: ignore[arg-type]


def pruned(reports: Path, keep: timedelta = KEEP, **given: bool) -> Pruned:
    return prune(reports, keep, NOW, **given)


def names(*folders: Path) -> list[str]:
    return sorted(folder.name for folder in folders)


def test_old_runs_that_tell_nothing_are_removed(tmp_path: Path) -> None:
    old = [run(tmp_path, days) for days in (60, 50, 40)]
    young = run(tmp_path, 10)
    would = pruned(tmp_path, dry_run=True)
    assert all(folder.exists() for folder in old)
    done = pruned(tmp_path)
    assert would.removed == done.removed == names(*old)
    assert not any(folder.exists() for folder in old)
    assert (done.kept, done.failed, young.exists()) == ({}, [], True)
    assert [entry.run for entry in update(tmp_path).entries] == names(*old, young)
    assert pruned(tmp_path).removed == []


def test_what_a_run_leaves_is_known(tmp_path: Path) -> None:
    """Whatever a run, `render` and its page write does not keep it from being pruned."""
    folder = run(tmp_path, 60)
    (folder / "inventory.yaml").write_text("")
    for name in ("deliveries.json", "watch.json", "watch.html"):
        (folder / name).write_text("")
    render(folder, ["changed"])
    write_page(folder)
    run(tmp_path, 1)
    assert pruned(tmp_path).removed == [folder.name]


def test_the_last_ready_run_of_a_phase_and_fleet_stays(tmp_path: Path) -> None:
    run(tmp_path, 90)
    ready = run(tmp_path, 80)
    other = run(tmp_path, 85, fleet="another")
    production = run(tmp_path, 84, kind="production")
    red = [run(tmp_path, days, Outcome.FAIL) for days in (70, 60, 50)]
    done = pruned(tmp_path)
    assert sorted(done.kept) == names(ready, other, production, red[0], red[2])
    assert done.kept[ready.name] == "the last READY run of a phase"
    assert done.kept[red[0].name] == "a change"
    assert done.kept[red[2].name] == "the last run of a phase"


def test_a_change_stays_with_the_run_before_it(tmp_path: Path) -> None:
    run(tmp_path, 90)
    before, red = run(tmp_path, 80), run(tmp_path, 70, Outcome.FAIL)
    green = run(tmp_path, 60)
    run(tmp_path, 50)
    run(tmp_path, 1)
    done = pruned(tmp_path)
    assert done.kept == {
        before.name: "the run before a change",
        red.name: "a change",
        green.name: "a change",
    }


def test_sealed_open_and_written_runs_stay(tmp_path: Path) -> None:
    sealed, killed, written = run(tmp_path, 60), run(tmp_path, 50, verdict=None), run(tmp_path, 40)
    seal(sealed)
    run(tmp_path, 1)
    with (written / "events.jsonl").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        kept = pruned(tmp_path).kept
    assert kept[sealed.name] == "sealed"
    assert kept[killed.name] in ("its record breaks off", "a change")
    assert all(folder.exists() for folder in (sealed, killed, written))
    assert sealed.with_name(f"{sealed.name}.tar.gz").exists()


def test_what_is_no_run_is_left_alone(tmp_path: Path) -> None:
    reports, outside = tmp_path / "reports", tmp_path / "outside"
    elsewhere = run(outside, 61)
    old = run(reports, 60)
    run(reports, 1)
    linked = reports / "2026-01-01T000000Z_rehearsal_prereqs_00000f"
    linked.symlink_to(elsewhere)
    (reports / "outbox").mkdir()
    (reports / "outbox" / "1.json").write_text("{}")
    (reports / "notes.txt").write_text("mine")
    (reports / f"{DOOMED}link").symlink_to(elsewhere)
    shutil.copytree(old, reports / "copy")
    assert pruned(reports).removed == [old.name]
    assert (elsewhere / "events.jsonl").exists()
    assert (reports / "outbox" / "1.json").exists()
    assert (reports / "notes.txt").exists()
    assert (reports / "copy" / "events.jsonl").exists()
    assert linked.is_symlink()


@pytest.mark.parametrize("what", ["file", "folder", "link", "link for raw"])
def test_a_folder_with_something_else_in_it_stays(tmp_path: Path, what: str) -> None:
    folder = run(tmp_path, 60)
    run(tmp_path, 1)
    if what == "file":
        (folder / "notes.txt").write_text("mine")
    elif what == "folder":
        (folder / "more").mkdir()
    elif what == "link":
        (folder / "workplan.md").symlink_to(tmp_path)
    else:
        shutil.rmtree(folder / "raw", ignore_errors=True)
        (folder / "raw").symlink_to(tmp_path)
    assert "which no run writes" in pruned(tmp_path).kept[folder.name]
    assert folder.exists()


@pytest.mark.parametrize("calls", range(5))
def test_what_breaks_off_leaves_no_run_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    for days in (60, 50):
        run(tmp_path, days)
    run(tmp_path, 1)
    before = update(tmp_path)
    left = iter(range(calls))

    def unlink(*given: object, **more: object) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        real(*given, **more)  # type: ignore[arg-type]

    real = os.unlink
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", unlink)
        with pytest.raises(KeyboardInterrupt):
            pruned(tmp_path)
    assert list(tmp_path.glob(f"{DOOMED}*"))
    assert update(tmp_path) == before
    assert pruned(tmp_path).removed == []
    assert not list(tmp_path.glob(f"{DOOMED}*"))
    assert update(tmp_path) == before


def test_a_run_that_its_folder_contradicts_stays(tmp_path: Path) -> None:
    """Without the folder, its line in the history would be believed."""
    run(tmp_path, 90)
    liar = run(tmp_path, 60, Outcome.FAIL)
    run(tmp_path, 50, Outcome.FAIL)
    update(tmp_path)
    file = tmp_path / HISTORY
    lines = file.read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace('"NOT READY"', '"READY"')
    file.write_text("".join(lines))
    before = ages(update(tmp_path), NOW, None, on_disk(tmp_path))
    assert pruned(tmp_path).kept[liar.name] == "its folder contradicts it"
    assert ages(update(tmp_path), NOW, None, on_disk(tmp_path)) == before


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = run(tmp_path, 60)
    run(tmp_path, 1)
    given = ["prune", "--reports", str(tmp_path), "--keep"]
    assert main([*given, "30d", "--dry-run"]) == 0
    assert f"would remove: {old.name}\n" in capsys.readouterr().out
    assert main([*given, "30d"]) == 0
    assert capsys.readouterr().out.endswith("1 old runs removed, 0 stay\n")
    assert main([*given, "2h"]) == 2
    assert "keep 1d at least" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*given, "soon"])
    with pytest.raises(Refused, match="no such folder"):
        prune(tmp_path / "nowhere", KEEP, NOW)


OUTCOMES = st.sampled_from([Outcome.PASS, Outcome.PASS, Outcome.PASS, Outcome.FAIL])
FLEETS = st.sampled_from(["one", "other"])


@settings(max_examples=15, deadline=None)
@given(
    told=st.lists(st.tuples(st.integers(1, 90), OUTCOMES, FLEETS, st.booleans()), max_size=8),
    keep=st.integers(1, 60),
)
def test_the_history_tells_the_same_after_it(
    tmp_path_factory: pytest.TempPathFactory,
    told: list[tuple[int, Outcome, str, bool]],
    keep: int,
) -> None:
    reports = tmp_path_factory.mktemp("reports")
    made = dict.fromkeys(day for day, *_ in told)
    for day, outcome, fleet, replayed in told:
        if made.pop(day, 0) is None:
            run(reports, day, outcome, fleet=fleet, replayed="earlier" if replayed else None)
    before = update(reports)
    kept = set(_needed(before))
    done = pruned(reports, keep * DAY)
    after = update(reports)
    assert after == before
    assert not kept & set(done.removed)
    young = {e.run for e in before.entries if NOW - e.started < keep * DAY}
    there = {folder.name for folder in reports.iterdir() if folder.is_dir()}
    assert there == young | kept
    if before.entries:
        one, two = (ages(h, NOW, KEEP, on_disk(reports)) for h in (before, after))
        assert one == two


def _needed(history: History) -> Iterator[str]:
    """What must stay, found in another way than `prune` finds it."""
    for place, entry in enumerate(history.entries):
        same = [o for o in history.entries if o.fleet == entry.fleet and not o.replayed]
        if same and entry is same[-1]:
            yield entry.run
        ready = [o for o in same if o.verdict == "READY"]
        if ready and entry is ready[-1]:
            yield entry.run
        earlier = [o for o in history.entries[:place] if o in same]
        if earlier and (earlier[-1].verdict, _outcomes(earlier[-1])) != (
            entry.verdict,
            _outcomes(entry),
        ):
            yield from (entry.run, earlier[-1].run)


def _outcomes(entry: Entry) -> list[tuple[str, str]]:
    return [(seen.check, seen.outcome) for seen in entry.checks]


def test_the_pairs_are_those_of_the_changes(tmp_path: Path) -> None:
    for days in (60, 50, 40):
        run(tmp_path, days)
    history = update(tmp_path)
    assert [before for _, before in history.pairs()] == [None, *history.entries[:2]]
    assert all(changes(before, entry) == [] for entry, before in history.pairs() if before)
