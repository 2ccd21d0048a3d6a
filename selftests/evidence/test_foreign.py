"""What somebody else has laid into a folder of reports, or into a bundle: said, and no more."""

import gzip
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from fleetmesh.__main__ import main
from fleetmesh.evidence import sums
from fleetmesh.evidence.folder import BrokenRecord, read
from fleetmesh.evidence.history import HISTORY, update
from fleetmesh.evidence.since import since
from fleetmesh.sealing.seal import seal
from rehearsal.paths import PROJECT
from selftests.evidence.conftest import result, transcript
from selftests.evidence.sealing import ID, OTHER, forge, record

DEEP = b"[" * 200_000


def chained(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the events, and make the chain whole again."""
    prev, lines = sha256((folder / "plan.json").read_bytes()).hexdigest(), []
    for line in (folder / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        change(event)
        lines.append(json.dumps({**event, "prev": prev}))
        prev = sha256(lines[-1].encode()).hexdigest()
    (folder / "events.jsonl").write_text("".join(f"{line}\n" for line in lines))


def _set(event: str, **members: Any) -> Callable[[Path], None]:
    def change(given: dict[str, Any]) -> None:
        if given["event"] == event:
            given.update(members)

    return lambda folder: chained(folder, change)


def _write(name: str, content: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return change


def _replace(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return change


def _large(file: Path) -> None:
    with file.open("wb") as opened:
        opened.truncate(3 << 30)


LINKED = {
    "events are a device": _replace("events.jsonl", lambda file: file.symlink_to("/dev/zero")),
    "events lead elsewhere": _replace("events.jsonl", lambda file: file.symlink_to("/etc/passwd")),
    "events lead in a circle": _replace("events.jsonl", lambda file: file.symlink_to(file)),
}
"""No bundle holds a link."""
BAD: dict[str, Callable[[Path], None]] = {
    "no zone": _set("run-started", started="2026-11-24T02:41:34"),
    "before time": _set("run-started", started="0001-01-01T00:00:00+14:00"),
    "no time": _set("run-started", started=5),
    "origin is a list": _set("run-started", origin=[]),
    "fleet is an object": _set("run-started", fleet={"a": 1}),
    "notes are numbers": _set("outcome", notes=[1, None]),
    "seconds are none": _set("outcome", seconds=float("nan")),
    "seconds are endless": _set("outcome", seconds=1e300),
    "reason is an object": _set("outcome", reason={"a": 1}),
    "outcome is unheard of": _set("outcome", outcome="fine"),
    "paths are words": _set("outcome", paths=["a"]),
    "answers without end": _set("outcome", transcripts=["units/a"] * 1_100_000),
    "stream is a number": _set("transcript", stdout=7),
    "a stream elsewhere": _set("transcript", stdout={"file": "/etc/passwd", "sha256": "0" * 64}),
    "finished at no time": _set("run-finished", time="never"),
    "deep plan": _write("plan.json", DEEP),
    "deep events": _write("events.jsonl", DEEP + b"\n"),
    "events are a pipe": _replace("events.jsonl", os.mkfifo),
    "plan is a pipe": _replace("plan.json", os.mkfifo),
    **LINKED,
    "huge events": _replace("events.jsonl", _large),
    "huge plan": _replace("plan.json", _large),
}


@pytest.mark.parametrize("what", BAD)
def test_a_foreign_folder_is_remarked_on_and_breaks_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    record(tmp_path, OTHER, started="2026-11-23T00:00:00Z")
    foreign = record(tmp_path)
    BAD[what](foreign)
    history = update(tmp_path)
    assert [entry.run for entry in history.entries] == [OTHER]
    (remark,) = history.remarks
    assert ID in remark
    assert since(tmp_path / OTHER) is None
    assert main(["history", "--reports", str(tmp_path)]) == 0
    assert f"remark: {tmp_path}/{ID}" in capsys.readouterr().out
    with pytest.raises(BrokenRecord):
        read(foreign)
    for command in (
        ["render"],
        ["seal"],
        ["diff", str(tmp_path / OTHER)],
        ["outcomes", str(tmp_path / OTHER)],
        ["verify", "--unsigned"],
    ):
        assert main([*command, str(foreign)]) in (1, 2), command
        assert "Traceback" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "what",
    [what for what in sorted(BAD.keys() - LINKED) if "pipe" not in what and "huge" not in what],
)
def test_a_bundle_of_it_does_not_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    folder = record(tmp_path)
    seal(folder)
    BAD[what](folder)
    bundle = forge_unsigned(folder)
    assert main(["verify", str(bundle), "--unsigned"]) == 1
    assert "REFUSED  record: " in capsys.readouterr().out


def forge_unsigned(folder: Path) -> Path:
    (folder / sums.SUMS).write_text(sums.lines(folder))
    return forge(folder, None)


def test_other_things_among_the_reports_are_passed_over(tmp_path: Path) -> None:
    record(tmp_path, OTHER)
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "linked").symlink_to(OTHER)
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").mkdir()
    history = update(tmp_path)
    assert [entry.run for entry in history.entries] == [OTHER]
    assert [remark.rpartition("/")[2] for remark in history.remarks] == [
        "linked is a link; it is passed over"
    ]


@pytest.mark.parametrize(
    "line",
    [
        '{"run": 5}',
        "[" * 100_000,
        '{"started": "2026-11-24T02:41:34"}',
        '{"started": "0001-01-01T00:00:00+14:00"}',
        '{"run": ["a"]}',
        '{"checks": [{"saw": 5}]}',
    ],
)
def test_a_strange_line_of_the_history_costs_no_other(tmp_path: Path, line: str) -> None:
    record(tmp_path)
    update(tmp_path)
    file = tmp_path / HISTORY
    good = json.loads(file.read_text())
    strange = json.dumps({**good, **json.loads(line)}) if line.startswith("{") else line
    file.write_text(f"{strange}\n{json.dumps(good)}\n")
    history = update(tmp_path)
    assert [entry.run for entry in history.entries] == [ID]
    assert history.remarks == (f"{HISTORY}, line 1 is not one of ours; it is passed over",)


@pytest.mark.parametrize("name", [HISTORY, "index.html", ".index.html"])
def test_history_writes_through_no_link(tmp_path: Path, name: str) -> None:
    record(tmp_path)
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / name).symlink_to(victim)
    assert main(["history", "--reports", str(tmp_path)]) == (2 if name == HISTORY else 0)
    assert victim.read_text() == "kept"


@pytest.mark.parametrize(
    "name", ["evidence.html", ".evidence.html", "report.html", "junit.xml", "run.json", "raw"]
)
@pytest.mark.parametrize("command", ["render", "seal"])
def test_nothing_in_a_folder_is_written_through_a_link(
    tmp_path: Path, name: str, command: str
) -> None:
    folder = record(tmp_path, results=[result("t.py::test_a", transcript())], verdict=None)
    with (folder / "events.jsonl").open("ab") as file:
        file.write(b'{"torn')
    victim = tmp_path / "victim"
    if name == "raw":
        victim.mkdir()
    else:
        victim.write_text("kept")
    (folder / name).symlink_to(victim)
    main([command, str(folder)])
    assert list(victim.iterdir()) == [] if name == "raw" else victim.read_text() == "kept"


@pytest.mark.parametrize("command", ["render", "seal"])
def test_a_folder_that_is_a_link_is_not_written_into(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(tmp_path / "elsewhere")
    before = sorted(folder.iterdir())
    (tmp_path / ID).symlink_to(folder)
    assert main([command, str(tmp_path / ID)]) == 2
    assert "is a link: name the folder itself" in capsys.readouterr().err
    assert sorted(folder.iterdir()) == before


def test_a_small_bundle_that_would_be_large_costs_little(tmp_path: Path) -> None:
    """600 KB that unpack to 600 MB: refused, in a process that may use a gigabyte."""
    target = tmp_path / f"{ID}.tar.gz"
    with target.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        for _ in range(600):
            packed.write(bytes(1 << 20))
    done = subprocess.run(
        [sys.executable, "-m", "fleetmesh", "verify", "--unsigned", str(target)], cwd=PROJECT,
        capture_output=True, text=True, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
    assert "the container holds more than 512 MiB" in done.stdout


def test_the_same_large_answer_named_often_is_held_once(tmp_path: Path) -> None:
    """A thousand answers of 1 MiB that lie in one file of raw/."""
    long = b"x" * (1 << 20)
    folder = record(tmp_path, results=[result("t.py::test_a", transcript(stdout=long))])
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    one = next(event for event in events if event["event"] == "transcript")
    copies = [{**one, "key": f"units/a#{number}"} for number in range(2, 1000)]
    at = events.index(one) + 1
    events[at:at] = copies
    prev, lines = sha256((folder / "plan.json").read_bytes()).hexdigest(), []
    for seq, event in enumerate(events):
        if event["event"] == "outcome":
            event["transcripts"] = ["units/a", *(copy["key"] for copy in copies)]
        lines.append(json.dumps({**event, "seq": seq, "prev": prev}))
        prev = sha256(lines[-1].encode()).hexdigest()
    (folder / "events.jsonl").write_text("".join(f"{line}\n" for line in lines))
    streams = {id(answer.stdout) for answer in read(folder).results[0].transcripts}
    assert len(streams) == 1
