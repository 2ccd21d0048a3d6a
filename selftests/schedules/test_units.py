"""The timer and service of the box that verifies: systemd has nothing to say of them."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal.matrix.recordings import whole

ROOT = Path(__file__).parents[2]
VERIFY = ROOT / "infra/verify"
UNITS = ("fleet-verify.service", "fleet-verify.timer")
PROGRAM = "/opt/fleet-verify/current/bin/fleetmesh"


def analyze(folder: Path) -> subprocess.CompletedProcess[str]:
    """Verify both units, with a program that exists in the place of the one to be installed."""
    for name in UNITS:
        file = folder / name
        if not file.exists():
            shutil.copy(VERIFY / name, file)
        text = file.read_text().replace(PROGRAM, "/bin/true")
        file.write_text(text)
    return subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(folder / name for name in UNITS)],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip


def test_systemd_understands_them(tmp_path: Path) -> None:
    done = analyze(tmp_path)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("unit", "sound", "broken"),
    [
        ("fleet-verify.timer", "00/4:23:00", "26:00"),
        ("fleet-verify.timer", "Persistent", "Persitent"),
        ("fleet-verify.service", "Type=oneshot", "Type=once"),
        ("fleet-verify.service", "ProtectSystem=strict", "ProtectSystem=very"),
    ],
)
def test_what_is_broken_is_noticed(tmp_path: Path, unit: str, sound: str, broken: str) -> None:
    text = (VERIFY / unit).read_text()
    assert sound in text
    (tmp_path / unit).write_text(text.replace(sound, broken))
    assert analyze(tmp_path).stderr


def test_it_checks_production_and_writes_nothing() -> None:
    text = (VERIFY / "fleet-verify.service").read_text()
    assert "check production \\\n    --fleet /etc/fleet-verify/fleet.yaml" in text
    assert "--allow-writes" not in text


def test_it_starts_as_it_ships(tmp_path: Path) -> None:
    """bash runs the words from another folder, with a blank in every path."""
    reports, recorded = tmp_path / "state directory", tmp_path / "a run"
    recorded.mkdir()
    whole("linger-off").unpack(recorded)
    # Only what is judged is another: the real fleet is not asked from here.
    subject = ("--fleet /etc/fleet-verify/fleet.yaml", f"--replay {shlex.quote(str(recorded))}")
    done = run_words("ExecStart=", reports, subject)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "NOT READY: production on rehearsal" in done.stdout
    assert "left out" not in done.stdout
    (run,) = reports.glob("*_rehearsal_production_*/results.json")
    assert json.loads(run.read_text())["verdict"] == "NOT READY"
    done = run_words("ExecStopPost=-", reports)
    assert done.returncode == 0, done.stdout + done.stderr
    assert run.parent.name in (reports / "index.html").read_text()


def run_words(
    setting: str, reports: Path, changed: tuple[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    service = (VERIFY / "fleet-verify.service").read_text().replace("\\\n", "")
    (words,) = re.findall(rf"^{setting}(.*)$", service, re.MULTILINE)
    program, rest = words.split(" ", 1)
    assert program == PROGRAM
    if changed:
        assert rest.count(changed[0]) == 1
        rest = rest.replace(*changed)
    return subprocess.run(
        ["bash", "-c", f"{shlex.quote(sys.executable)} -m fleetmesh {rest}"],
        cwd=ROOT, capture_output=True, text=True, timeout=500,
        env={**os.environ, "STATE_DIRECTORY": str(reports)},
    )  # fmt: skip


READY_TO_COPY = (
    "README.md", "CONTRIBUTING.md", "Makefile", "docs/*.md", "infra/**/*", "fleets/*.yaml",
    ".*/workflows/*.yml", "fixtures/*.py", "fleetmesh/**/*.py",
)  # fmt: skip
TAKES_A_PATH = "--(?:reports|replay|permit|permit-key|checks-page|html|junit-xml|junitxml) "


def test_pytest_is_given_paths_with_an_equals_sign() -> None:
    """A path after a space is a folder of tests to it, whose settings it then looks for."""
    files = [file for pattern in READY_TO_COPY for file in ROOT.glob(pattern) if file.is_file()]
    assert len(files) > 10
    wrong = [f"{file}: {found}" for file in files for found in found_in(file.read_text())]
    assert wrong == []


def found_in(text: str) -> list[str]:
    """The options of pytest's with a path after a space; `fleetmesh` itself takes them so."""
    commands = re.sub(r"\\\n\s*", "", text).splitlines()
    lines = [line for line in commands if not re.search("fleetmesh (check|history|prune)", line)]
    return [one for line in lines for one in re.findall(rf"{TAKES_A_PATH}\S+", line)]


def test_path_after_a_space_is_found() -> None:
    text = "pytest -m production --reports ${STATE_DIRECTORY} --replay=reports/RUN"
    assert found_in(text) == ["--reports ${STATE_DIRECTORY}"]


def test_gate_is_sound() -> None:
    done = subprocess.run(["shellcheck", VERIFY / "gate"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
