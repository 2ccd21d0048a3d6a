"""What a run says of why, in the record and in every view of it; and that it changes no outcome."""

import json
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from fleetmesh.diagnostics import MARK
from fleetmesh.diagnostics.units import JOURNAL, STATUS
from fleetmesh.evidence.folder import BrokenRecord, read
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.sealing.derived import unlike
from rehearsal.matrix import recordings
from rehearsal.paths import PROJECT
from selftests.diagnostics.answers import heard, journal

FAULT, SAID = "unit-crash-loops", "Bad configuration option: nosuchoption"
CHECK = "CUT-04.steady"
UNIT, FILE = "railiance01/fleet-state-hub-coulombcore.service", "transcripts.json.xz"
Ran = tuple[str, Path]
SECRET = "glpat-aB3dE5fG7hI9jK1mN3pQ"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """The fault's recording, to be changed."""
    return unpacked(tmp_path / "recording")


def unpacked(folder: Path) -> Path:
    """The recording, with what the unit's status and journal say in it."""
    folder.mkdir()
    recordings.whole(FAULT).unpack(folder)
    found = Snapshot.read(folder / FILE)
    found.add(heard(STATUS, UNIT, "     Active: activating (auto-restart) since Fri 2026-11-27\n"))
    started = "systemd[9]: Started fleet-state-hub-coulombcore.service - A tunnel."
    found.add(heard(JOURNAL, UNIT, journal((9, started), (9, f"ssh[7]: line 0: {SAID}"))))
    found.write(folder / FILE, lambda transcript: transcript)
    return folder


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A run on the recording as it is: its terminal, and its folder."""
    folder = tmp_path_factory.mktemp("ran")
    return run(unpacked(folder / "recording"), folder / "reports")


def run(replayed: Path, reports: Path, *more: str) -> tuple[str, Path]:
    """What the terminal says, and the folder of the run."""
    asked = [f"--replay={replayed}", f"--reports={reports}", f"--check={CHECK}", *more]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *asked], cwd=PROJECT, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    (folder,) = reports.glob("20*")
    return done.stdout, folder


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = (folder / "events.jsonl").read_text().splitlines()
    return [event for line in lines if (event := json.loads(line))["event"] == kind]


def test_the_line_stands_below_the_reason_everywhere(ran: Ran) -> None:
    terminal, folder = ran
    assert terminal.count("    said: railiance01, journal of fleet-state-hub-coulombcore") == 1
    for view in ("evidence.html", "workplan.md", "results.json"):
        assert SAID in (folder / view).read_text(), view
    (told,) = events(folder, "diagnosis")
    assert told["check"] == f"{CHECK}[fleet-state-hub-coulombcore]"
    assert any(SAID in quote["text"] for quote in told["quotes"])
    assert f"{JOURNAL}/{UNIT}" in told["transcripts"]
    assert (
        "Diagnostics, asked after the checks were judged" in (folder / "evidence.html").read_text()
    )
    assert unlike(folder, read(folder)) == [], "report.html is held to the record"


def test_a_replay_of_the_record_says_the_same(ran: Ran, tmp_path: Path) -> None:
    first, folder = ran
    again, copy = run(folder, tmp_path / "again")
    lines = [line for line in first.splitlines() if line.startswith("    said: ")]
    assert lines
    assert [line for line in again.splitlines() if line.startswith("    said: ")] == lines
    (told,), (retold,) = (events(one, "diagnosis") for one in (folder, copy))
    assert told["quotes"] == retold["quotes"]


def test_without_diagnostics_all_ends_alike(ran: Ran, recording: Path, tmp_path: Path) -> None:
    _, whole = ran
    terminal, bare = run(recording, tmp_path / "without", "--no-diagnostics")
    assert "said:" not in terminal
    assert events(bare, "diagnosis") == []
    ends = [
        [(one.check, one.outcome, one.reason) for one in read(f).results] for f in (whole, bare)
    ]
    assert ends[0] == ends[1]


def test_no_outcome_looks_at_them(ran: Ran, recording: Path, tmp_path: Path) -> None:
    """Whatever they say, and whether there are any."""
    _, folder = ran
    (before,) = read(folder).results[:1]
    assert not any(t.fact.startswith(MARK) for t in before.transcripts)
    found = Snapshot.read(recording / FILE)
    bare = Snapshot(taken=found.taken)
    for transcript in found:
        if not transcript.fact.startswith(MARK):
            bare.add(transcript)
    bare.write(recording / FILE, lambda transcript: transcript)
    _, without = run(recording, tmp_path / "without")
    ends = [[(o.check, o.outcome, o.reason) for o in read(f).results] for f in (folder, without)]
    assert ends[0] == ends[1]


def test_a_secret_in_them_is_replaced(recording: Path, tmp_path: Path) -> None:
    found = Snapshot.read(recording / FILE)
    said = found.of(JOURNAL)[UNIT]
    text = said.out.replace(SAID, f"{SAID} token {SECRET}").encode()
    found.add(replace(said, stdout=text))
    found.write(recording / FILE, lambda transcript: transcript)
    terminal, folder = run(recording, tmp_path / "reports")
    assert f"{SAID} token [REDACTED:" in terminal
    for file in folder.rglob("*"):
        assert file.is_dir() or SECRET not in file.read_text(errors="replace"), file.name


@pytest.mark.parametrize(
    "change",
    [
        {"nodeid": "tests/cutover/test_units.py::test_of_nobody"},
        {"transcripts": ["nothing/nowhere"]},
        {"quotes": [{"host": 1}]},
        {"quotes": "all is well"},
    ],
    ids=str,
)
def test_a_record_whose_diagnosis_is_none_is_refused(
    ran: Ran, tmp_path: Path, change: dict[str, Any]
) -> None:
    folder = tmp_path / ran[1].name
    copytree(ran[1], folder)
    lines, prev = [], sha256((folder / "plan.json").read_bytes()).hexdigest()
    for line in (folder / "events.jsonl").read_text().splitlines():
        event = json.loads(line) | {"prev": prev}
        if event["event"] == "diagnosis":
            event |= change
        lines.append(json.dumps(event, ensure_ascii=False))
        prev = sha256(lines[-1].encode()).hexdigest()
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(BrokenRecord):
        read(folder)
