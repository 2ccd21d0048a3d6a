"""A history of many runs: its lines say each thing once, and its pages are of a bearable length."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetmesh.evidence.entry import CheckSeen, Entry
from fleetmesh.evidence.history import HISTORY, History, update
from fleetmesh.evidence.history_lines import Lines
from fleetmesh.views import history_page

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def entry(number: int, *checks: tuple[str, str], days: float = 1, **given: str) -> Entry:
    """The run of this number, so many days after the one before."""
    started = NOW + number * days * timedelta(days=1)
    plain = Entry(
        run=f"run-{number}", fleet="rehearsal", kind="rehearsal", phases=("prereqs",),
        verdict="READY", headline="READY", started=started, finished=started, replayed=False,
        chain=f"{number:064x}", sealed="",
        checks=tuple(CheckSeen("A-01.a", n, "prereqs", "pass", "", (saw,)) for n, saw in checks),
    )  # fmt: skip
    return replace(plain, **given)  # type: ignore[arg-type]


def read(lines: list[bytes]) -> Lines:
    found = Lines()
    for line in lines:
        found.read(line)
    return found


SEEN = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), max_size=4)


@settings(max_examples=60, deadline=None)
@given(
    runs=st.lists(st.tuples(SEEN, st.sampled_from(["one", "other"]), st.integers(0, 2)), max_size=8)
)
def test_what_was_written_is_read(runs: list[tuple[list[tuple[str, str]], str, int]]) -> None:
    """Also of a check that ran twice, and where a run is written again since it was sealed."""
    writer, lines = Lines(), []
    for number, (checks, fleet, again) in enumerate(runs):
        one = entry(number, *checks, days=10, fleet=fleet)
        lines.append(writer.written(one))
        if again:
            lines.append(writer.written(replace(one, sealed="signed")))
    assert read(lines).entries == writer.entries


def test_a_line_holds_what_is_otherwise_and_a_month_stands_for_itself() -> None:
    writer = Lines()
    same = [(f"check-{n}", "seen") for n in range(100)]
    lines = [
        writer.written(entry(number, *same[:-1], ("check-99", str(number)))) for number in range(6)
    ]
    told = [json.loads(line) for line in lines]
    assert [(line.get("as"), len(line["checks"])) for line in told] == [
        (None, 100), ("run-0", 1), ("run-1", 1), ("run-2", 1), (None, 100), ("run-4", 1)
    ]  # fmt: skip
    assert list(read(lines[4:]).entries) == ["run-4", "run-5"]
    with pytest.raises(LookupError):
        read(lines[1:])


def test_what_is_alike_is_in_memory_once() -> None:
    writer = Lines()
    lines = [writer.written(entry(number, ("a", "x"), ("b", str(number)))) for number in range(3)]
    first, *others = (one.checks for one in read(lines).entries.values())
    assert all(checks[0] is first[0] for checks in others)


@pytest.mark.parametrize(
    "change",
    [
        {"as": "nowhere"},
        {"as": ["run-0"]},
        {"checks": [{"id": "x"}]},
        {"checks": [{**vars(entry(0, ("z", "x")).checks[0])}]},
    ],
)
def test_a_line_that_builds_on_nothing_costs_no_other(
    tmp_path: Path, change: dict[str, object]
) -> None:
    writer = Lines()
    lines = [writer.written(entry(number, ("a", "x"))) for number in range(2)]
    damaged = json.dumps({**json.loads(lines[1]), **change}).encode() + b"\n"
    (tmp_path / HISTORY).write_bytes(lines[0] + damaged)
    found = update(tmp_path)
    assert [one.run for one in found.entries] == ["run-0"]
    assert found.remarks == (f"{HISTORY}, line 2 is not one of ours; it is passed over",)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_page, "_MOST", 10)


def written(reports: Path, runs: int) -> dict[str, str]:
    history = History(tuple(entry(number, ("a", str(number))) for number in range(runs)))
    history_page.write(history, [], NOW, reports)
    return {file.name: file.read_text() for file in sorted(reports.glob("index*.html"))}


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("runs", [0, 9, 10, 11, 20, 35])
def test_each_run_stands_on_one_page_and_each_page_leads_to_the_others(
    tmp_path: Path, runs: int
) -> None:
    pages = written(tmp_path, runs)
    heads = [f'<th scope="row">run-{number} ' for number in range(runs)]
    assert [sum(text.count(head) for text in pages.values()) for head in heads] == [1] * runs
    assert len(pages) == 1 + max(0, -(-(runs - 10) // 10))
    for name in pages:
        assert name == "index.html" or f'href="{name}"' in pages["index.html"]
        assert "<script" not in pages[name]
    if runs == 35:
        assert 'href="index-1.html">earlier' in pages["index-2.html"]
        assert 'href="index-3.html">later' in pages["index-2.html"]
        assert 'href="index.html">later' in pages["index-3.html"]
        assert "earlier" not in pages["index-1.html"]
        assert "x: pass" not in pages["index-2.html"]
        assert "10 → 11" in pages["index-2.html"]  # against the last run of the page before


@pytest.mark.usefixtures("short")
def test_a_full_page_is_written_once_and_again_when_a_folder_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run-3").mkdir()
    (tmp_path / "run-3" / "evidence.html").touch()
    first = written(tmp_path, 25)
    assert 'href="run-3/evidence.html"' in first["index-1.html"]
    put: list[str] = []

    def note(file: Path, text: bytes, **_: bool) -> None:
        put.append(file.name)
        file.write_bytes(text)

    monkeypatch.setattr(history_page, "put", note)
    assert written(tmp_path, 27) != first
    assert put == ["index-2.html", "index.html"]
    put.clear()
    (tmp_path / "run-3" / "evidence.html").unlink()
    (tmp_path / "run-3").rmdir()
    assert "its folder is gone" in written(tmp_path, 27)["index-1.html"]
    assert put == ["index-1.html", "index.html"]
    assert list(written(tmp_path, 12)) == ["index-1.html", "index.html"]
