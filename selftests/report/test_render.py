"""Every view follows from the record alone, says what the record says, and is always the same."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fleetmesh.__main__ import main
from fleetmesh.evidence.folder import BrokenRecord, read
from fleetmesh.sealing.derived import unlike
from fleetmesh.views.render import VIEWS, NotRendered, render
from fleetmesh.views.report import REPORT
from rehearsal.matrix.recordings import whole
from selftests.report.conftest import Written
from selftests.report.replay import ROOT
from selftests.report.synthetic import MADE


def _contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in VIEWS}


@pytest.mark.parametrize("run", [name for name in MADE if name != "flood"])
def test_rendering_again_gives_the_same_bytes(written: Written, run: str) -> None:
    folder = written(run)
    before = _contents(folder)
    for name in VIEWS:
        (folder / name).unlink()
    render(folder)
    assert _contents(folder) == before


@pytest.mark.parametrize("run", ["incomplete", "killed"])
def test_no_view_of_a_run_that_breaks_off_says_otherwise(written: Written, run: str) -> None:
    """`killed` is the hardest: all of its checks had reported, and none had failed."""
    folder = written(run)
    texts = {name: (folder / name).read_text() for name in VIEWS}
    assert all("INCOMPLETE" in text for text in texts.values())
    assert not any("READY" in text for text in texts.values())
    suite = ElementTree.fromstring(texts["junit.xml"])[0]
    assert int(suite.get("errors", "")) == max(1, len(MADE[run]().missing))
    assert json.loads(texts["results.json"])["verdict"] == "INCOMPLETE"
    assert json.loads(texts["statement.json"])["predicate"]["result"] == "FAILED"
    assert texts["workplan.md"].startswith("### Fleet mesh verification: INCOMPLETE\n")


def test_a_run_leaves_the_views_that_its_record_gives(tmp_path: Path) -> None:
    recording = tmp_path / "recording"
    recording.mkdir()
    whole("api-down").unpack(recording)
    reports = tmp_path / "reports"
    command = [sys.executable, "-m", "pytest", f"--replay={recording}", f"--reports={reports}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    (folder,) = (path for path in reports.iterdir() if path.is_dir())
    assert f"report: {folder}/evidence.html" in done.stdout
    left, page = _contents(folder), (folder / REPORT).stat().st_mtime_ns
    assert unlike(folder, read(folder)) == []
    assert main(["render", str(folder)]) == 0
    assert _contents(folder) == left
    assert (folder / REPORT).stat().st_mtime_ns == page, "no record makes it: it is left alone"
    suite = ElementTree.fromstring(left["junit.xml"])[0]
    reported = json.loads(left["results.json"])["results"]
    assert len(suite.findall("testcase")) == len(reported) > 50


def test_what_cannot_be_rendered_is_said(
    written: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BrokenRecord, match=r"plan\.json: No such file"):
        render(tmp_path)
    assert main(["render", str(tmp_path)]) == 2
    assert "plan.json: No such file" in capsys.readouterr().err
    (tmp_path / "link").symlink_to(written("ready"))
    with pytest.raises(NotRendered, match="name the folder itself"):
        render(tmp_path / "link")


def test_nobody_who_listens_is_no_traceback(written: Written) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "fleetmesh", "render", str(written("ready"))]
    done = subprocess.run(
        command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (2, "")
