"""A record is read as it was written, or refused with the place where it was altered."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fleetmesh.evidence.folder import BrokenRecord, read, read_events, run_of, transcripts
from fleetmesh.evidence.journal import EVENTS, INLINE, CannotRecord, Journal
from fleetmesh.evidence.outcomes import Outcome, Verdict
from fleetmesh.tunnels.path import Hop
from fleetmesh.tunnels.path import Path as Route
from selftests.evidence.conftest import WHEN, finish, report, result, transcript

Begin = Callable[..., Journal]


def test_what_was_written_is_read(begin: Begin, tmp_path: Path) -> None:
    route = Route("t", (Hop("a", "unit", ("1 → 2",)), Hop("b", "sshd", ())), "cut")
    given = [
        result("x", transcript(details={"a": "b"}, sent=WHEN), paths=(route,)),
        result("y", transcript("b", stdout=b"\xff\0", lost="gone"), outcome=Outcome.FAIL),
    ]
    with begin("x", "y") as journal:
        report(journal, *given)
        finish(journal, "NOT READY")
    run = read(tmp_path)
    assert run.results == given
    assert (run.verdict, run.open, run.id) == (Verdict.NOT_READY, False, "the-run")
    assert run.chain == journal.chain


def test_without_an_end_a_run_is_incomplete(begin: Begin, tmp_path: Path) -> None:
    with begin("x") as journal:
        report(journal, result("x", transcript()))
    assert read(tmp_path).open
    assert read(tmp_path).verdict is Verdict.INCOMPLETE


def test_a_torn_last_line_is_tolerated(begin: Begin, tmp_path: Path) -> None:
    with begin("x", "y") as journal:
        report(journal, result("x", transcript()), result("y", transcript()))
    file = tmp_path / EVENTS
    whole = file.read_bytes()
    last = whole.rstrip(b"\n").rpartition(b"\n")[0] + b"\n"
    for cut in range(len(last) + 1, len(whole)):
        file.write_bytes(whole[:cut])
        run = read(tmp_path)
        assert run.open
        assert run.missing == ("y",)


def test_output_over_the_limit_lies_beside(begin: Begin, tmp_path: Path) -> None:
    long = b"a" * INLINE + "ü".encode() * 4000
    with begin("x") as journal:
        report(journal, result("x", transcript(stdout=long)))
    line = (tmp_path / EVENTS).read_bytes().splitlines()[1]
    assert len(line) < 20_000
    assert read(tmp_path).results[0].transcripts[0].stdout == long
    raw = next((tmp_path / "raw").iterdir())
    raw.write_bytes(long + b".")
    with pytest.raises(BrokenRecord, match="was altered"):
        read(tmp_path)
    raw.unlink()
    with pytest.raises(BrokenRecord, match=r"raw/.*No such file"):
        read(tmp_path)


def test_two_answers_to_one_question_have_two_keys(begin: Begin, tmp_path: Path) -> None:
    first, second = transcript(), transcript(stdout=b"other")
    with begin("x") as journal:
        report(journal, result("x", first, second, first))
    assert list(transcripts(read_events(tmp_path))) == ["units/a", "units/a#2"]
    assert read(tmp_path).results[0].transcripts == (first, second, first)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4])
def test_every_change_of_an_event_breaks_the_chain(
    begin: Begin, tmp_path: Path, number: int
) -> None:
    with begin("x", "y") as journal:
        report(journal, result("x", transcript()), result("y", transcript("b")))
        finish(journal, "READY")
    file = tmp_path / EVENTS
    lines = file.read_bytes().splitlines(keepends=True)
    altered = list(lines)
    altered[number] = altered[number].replace(b"2026-", b"2027-")
    assert altered != lines
    file.write_bytes(b"".join(altered))
    with pytest.raises(BrokenRecord, match=f"line {number + 2}: the chain is broken"):
        read(tmp_path)
    file.write_bytes(b"".join(lines[:number] + lines[number + 1 :]))
    with pytest.raises(BrokenRecord, match=f"line {number + 1}: its seq is"):
        read(tmp_path)


def test_a_number_beyond_all_bounds_breaks_the_record_and_not_the_reader(
    begin: Begin, tmp_path: Path
) -> None:
    with begin("x") as journal:
        report(journal, result("x", transcript()))
    found = read_events(tmp_path)
    plan = {**found.plan, "left_out": float("inf")}
    plan.pop("catalogue", None)
    with pytest.raises(BrokenRecord):
        run_of(replace(found, plan=plan))


def test_the_plan_is_part_of_the_chain(begin: Begin, tmp_path: Path) -> None:
    with begin("x", "y") as journal:
        report(journal, result("x", transcript()))
        finish(journal, "INCOMPLETE")
    plan = json.loads((tmp_path / "plan.json").read_text())
    plan["checks"].pop()
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(BrokenRecord, match=r"line 1: the chain is broken: plan\.json"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("checks", "verdict", "why"),
    [
        (["x"], "INCOMPLETE", "says INCOMPLETE, the events say READY"),
        (["x", "y"], "READY", "says READY, the events say INCOMPLETE"),
        (["y"], "INCOMPLETE", "x was not planned"),
    ],
)
def test_what_does_not_add_up_is_refused(
    begin: Begin, tmp_path: Path, checks: list[str], verdict: str, why: str
) -> None:
    with begin(*checks) as journal:
        report(journal, result("x", transcript()))
        finish(journal, verdict)
    with pytest.raises(BrokenRecord, match=why):
        read(tmp_path)


def test_a_check_that_ran_twice_counts_twice(begin: Begin, tmp_path: Path) -> None:
    with begin("x") as journal:
        report(journal, result("x", transcript(), outcome=Outcome.FAIL), result("x", transcript()))
        finish(journal, "NOT READY")
    assert read(tmp_path).verdict is Verdict.NOT_READY


def test_nothing_follows_the_end(begin: Begin, tmp_path: Path) -> None:
    with begin("x") as journal:
        report(journal, result("x", transcript()))
        finish(journal, "READY")
        finish(journal, "READY")
    with pytest.raises(BrokenRecord, match="follows the end"):
        read(tmp_path)


def test_a_record_is_never_overwritten(begin: Begin, tmp_path: Path) -> None:
    begin("x").close()
    with pytest.raises(CannotRecord, match=r"events\.jsonl: File exists"):
        begin("x")
    assert read(tmp_path).missing == ("x",)


def test_a_folder_without_a_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokenRecord, match=r"plan\.json: No such file"):
        read(tmp_path)
