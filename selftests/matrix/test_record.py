"""Which recordings a live matrix leaves in the repository, and what of each."""

import json
import lzma
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.faults import FAULTS
from rehearsal.faults.fault import Ground
from rehearsal.matrix import recordings
from rehearsal.matrix.recordings import keep, patch, patched, whole
from rehearsal.paths import INVENTORY

HELD, MISSED = "unit-disabled", "linger-off"
OF_THE_GROUND = {name for name, fault in FAULTS.items() if fault.ground is Ground}


def entry(fact: str, said: str, seconds: float = 0.1) -> dict[str, Any]:
    return {
        "fact": fact, "subject": "h", "host": "h", "stdout": said, "seconds": seconds,
        "started": "2026-11-25T23:59:59+00:00",
    }  # fmt: skip


def take(folder: Path, *entries: dict[str, Any], **inventory: Any) -> None:
    """Leave a recording, as `take` does."""
    folder.mkdir(parents=True)
    document = yaml.safe_load(INVENTORY.read_text()) | inventory
    (folder / "inventory.yaml").write_text(yaml.safe_dump(document))
    text = json.dumps({"taken": "2026-11-26T00:00:00+00:00", "transcripts": entries})
    (folder / "transcripts.json.xz").write_bytes(lzma.compress(text.encode()))


def said(name: str) -> dict[str, str]:
    return {fact: entry["stdout"] for (fact, _), entry in whole(name).transcripts.items()}


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "kept"
    folder.mkdir()
    monkeypatch.setattr(recordings, "RECORDINGS", folder)
    recordings._read.cache_clear()
    return folder


def test_of_a_fault_stays_what_differs_from_its_ground(tmp_path: Path, kept: Path) -> None:
    take(tmp_path / "ground-after", entry("linger", "yes"), entry("units", "up"), entry("x", "1"))
    take(tmp_path / HELD, entry("linger", "yes", 0.3), entry("units", "disabled"), name="other")
    keep([FAULTS[HELD]], tmp_path)
    changed = recordings.read(kept / f"{HELD}.json.xz")
    assert [*changed.transcripts] == [("units", "h")]
    assert changed.gone == (("x", "h"),)
    assert changed.inventory == {"name": "other"}
    assert said(HELD) == {"linger": "yes", "units": "disabled"}
    whole(HELD).unpack(tmp_path)
    document = yaml.safe_load((tmp_path / "inventory.yaml").read_text())
    assert document == yaml.safe_load(INVENTORY.read_text()) | {"name": "other"}


def test_a_ground_learns_what_is_new_and_stays_what_it_was(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    take(first / "ground-after", entry("linger", "yes"), entry("units", "pid 1"))
    take(first / MISSED, entry("linger", "no"), entry("units", "pid 1"))
    keep([FAULTS[MISSED]], first)
    take(
        second / "ground-after", entry("linger", "yes"), entry("units", "pid 9"), entry("new", "n")
    )
    take(second / HELD, entry("linger", "yes"), entry("units", "disabled"), entry("new", "n"))
    keep([FAULTS[HELD]], second)
    recordings._read.cache_clear()
    assert said("ground-after") == {"linger": "yes", "units": "pid 1", "new": "n"}
    assert said(MISSED) == {"linger": "no", "units": "pid 1", "new": "n"}
    assert said(HELD) == {"linger": "yes", "units": "disabled", "new": "n"}


def test_of_a_host_that_was_silent_nothing_new_is_known(tmp_path: Path, kept: Path) -> None:
    """A fact that the ground was asked later than the fault was recorded."""
    silent = {**entry("machines", ""), "lost": "h does not answer"}
    for name, entries in {HELD: [silent], MISSED: [entry("machines", "m")]}.items():
        take(tmp_path / name / "ground-after", entry("machines", "m"), entry("other", "o"))
        take(tmp_path / name / name, *entries, entry("other", "o"))
        keep([FAULTS[name]], tmp_path / name)
    ground = recordings.read(kept / "ground-after.json.xz")
    new = entry("new", "n") | {"command": "ask", "started": "2026-11-26T00:00:01+00:00"}
    added = ground.transcripts | {("new", "h"): new}
    replace(ground, transcripts=added).write(kept / "ground-after.json.xz")
    recordings._read.cache_clear()
    assert said(MISSED)["new"] == "n"
    assert said(MISSED)["other"] == "o"
    lost = whole(HELD).transcripts["new", "h"]
    assert (lost["lost"], "stdout" in lost) == ("h does not answer", False)
    assert whole(HELD).transcripts["other", "h"]["stdout"] == "o"


def test_a_ground_is_taken_anew_with_all_of_its_faults(tmp_path: Path) -> None:
    for number in range(2):
        folder = tmp_path / str(number)
        for name in ("ground-after", *OF_THE_GROUND):
            take(folder / name, entry("units", f"pid {number}"))
        keep([FAULTS[name] for name in OF_THE_GROUND], folder)
    recordings._read.cache_clear()
    assert said("ground-after") == said(HELD) == {"units": "pid 1"}


def test_what_nobody_knows_goes_and_the_rest_stays(tmp_path: Path, kept: Path) -> None:
    for name in ("fault-of-old", MISSED):
        (kept / f"{name}.json.xz").touch()
    take(tmp_path / "ground-after", entry("units", "up"))
    take(tmp_path / HELD, entry("units", "disabled"))
    keep([FAULTS[HELD]], tmp_path)
    left = {recordings.name_of(file) for file in kept.iterdir()}
    assert left == {"ground-after", HELD, MISSED}


def test_a_recording_that_is_missing_is_named() -> None:
    with pytest.raises(RuntimeError, match=r"no recording ground-after\.json\.xz: No such file"):
        whole("ground-after")


@pytest.mark.parametrize(
    ("base", "wanted", "change"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 2, "b": {"c": 3}}, {"a": 2, "b": {"c": 3}}),
        ({"a": 1, "b": {"c": 3, "d": 4}}, {"b": {"c": 5}}, {"a": None, "b": {"c": 5, "d": None}}),
        ({"a": [1, 2]}, {"a": [1]}, {"a": [1]}),
        ({"a": {"b": 1}}, {"a": "b"}, {"a": "b"}),
        ({"a": "b"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
)
def test_merge_patch_makes_the_one_of_the_other(base: Any, wanted: Any, change: Any) -> None:
    assert patch(base, wanted) == change
    assert patched(base, change) == wanted
