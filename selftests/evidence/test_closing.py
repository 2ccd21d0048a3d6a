"""A record that breaks off is closed as INCOMPLETE, once, and never as anything else."""

import json
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from fleetmesh.evidence.closing import close
from fleetmesh.evidence.folder import BrokenRecord, read, read_events
from fleetmesh.evidence.journal import EVENTS, CannotRecord, Journal
from fleetmesh.evidence.outcomes import Verdict
from selftests.evidence.conftest import finish, report, result, transcript

Begin = Callable[..., Journal]


def test_a_run_that_breaks_off_is_incomplete_for_ever(begin: Begin, tmp_path: Path) -> None:
    with begin("x") as journal:
        report(journal, result("x", transcript()))  # everything passed; only the end is missing
    assert close(tmp_path).verdict is Verdict.INCOMPLETE
    before = (tmp_path / EVENTS).read_bytes()
    assert close(tmp_path).verdict is Verdict.INCOMPLETE
    assert (tmp_path / EVENTS).read_bytes() == before
    *_, last = read_events(tmp_path).events
    assert (last["event"], last["verdict"], last["torn"]) == ("run-closed", "INCOMPLETE", None)
    written = json.loads((tmp_path / "run.json").read_text())
    assert (written["verdict"], written["finished"]) == ("INCOMPLETE", None)
    assert written["chain"] == read(tmp_path).chain


def test_a_torn_line_is_kept_under_its_digest(begin: Begin, tmp_path: Path) -> None:
    with begin("x", "y") as journal:
        report(journal, result("x", transcript()))
    torn = b'{"seq": 3, "prev": "ab'
    with (tmp_path / EVENTS).open("ab") as file:
        file.write(torn)
    run = close(tmp_path)
    assert run.missing == ("y",)
    *_, last = read_events(tmp_path).events
    assert last["torn"]["sha256"] == sha256(torn).hexdigest()
    assert (tmp_path / last["torn"]["file"]).read_bytes() == torn


def test_a_finished_run_is_left_as_it_is(begin: Begin, tmp_path: Path) -> None:
    with begin("x") as journal:
        report(journal, result("x", transcript()))
        finish(journal, "READY")
    before = (tmp_path / EVENTS).read_bytes()
    assert close(tmp_path).verdict is Verdict.READY
    assert (tmp_path / EVENTS).read_bytes() == before


def test_a_run_that_goes_on_is_not_closed(begin: Begin, tmp_path: Path) -> None:
    with begin("x"), pytest.raises(CannotRecord, match="still goes on"):
        close(tmp_path)


def test_what_was_altered_is_not_closed(begin: Begin, tmp_path: Path) -> None:
    with begin("x") as journal:
        report(journal, result("x", transcript()))
    file = tmp_path / EVENTS
    file.write_bytes(re.sub(b"seen", b"SEEN", file.read_bytes()))
    with pytest.raises(BrokenRecord, match="chain is broken"):
        close(tmp_path)
